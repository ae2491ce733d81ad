/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running relay: what its modules share. Only src/relay includes this. */
#ifndef DETOURD_RELAY_RELAY_H
#define DETOURD_RELAY_RELAY_H

#include <uv.h>

#include "base/bucket.h"
#include "base/control.h"
#include "base/hash.h"
#include "base/log.h"
#include "proto/relay_session.h"
#include "relay/config.h"
#include "relay/converters.h"
#include "relay/dataplane.h"
#include "relay/flowlog.h"
#include "relay/flows.h"
#include "relay/invitations.h"
#include "relay/lease_table.h"
#include "relay/listener.h"
#include "detourd/maps.h"
#include "net/network.h"
#include "relay/acl.h"
#include "relay/strangers.h"
#include "relay/tunnels.h"
#include "web/server.h"

enum dt_client_state {
	DT_CLIENT_WAITING, /* its permission is not stored yet: no requests, no flows */
	DT_CLIENT_PERMITTED,
	DT_CLIENT_REVOKED, /* while a reload ends what it has */
};

/*
 * One [client NAME], whose conf points into the configuration in force, of a revoked one into that before; or one that
 * joined by invitation, whose conf is the invitation's; or the holder of an invitation, who has no rights but to join and
 * is in no table of clients.
 */
struct dt_relay_client {
	const struct dt_peer_conf *conf;
	struct dt_relay_peer *peer;
	uint64_t id;
	struct dt_invitation *invitation; /* NULL: of the configuration */
	enum dt_client_state state;
	struct dt_endpoint from; /* of its last request; port 0: none since the start */
	uint64_t seen_ns;
	unsigned limits_told; /* to monitors: that it reached them; bits of enum dt_relay_limit */
	/* as in the maps; a reload writes what changed */
	struct dt_client_limits limits;
	struct dt_port_share share; /* own 0: none */
	bool share_known;
	UT_hash_handle hh; /* by id, and in the order of the configuration */
};

enum dt_relay_counter {
	DT_RELAY_COUNT_REQUESTS,
	DT_RELAY_COUNT_TOKENS_SENT,
	DT_RELAY_COUNT_DROPPED_MALFORMED,
	DT_RELAY_COUNT_DROPPED_AUTH,
	DT_RELAY_COUNT_DROPPED_REPLAY,
	DT_RELAY_COUNT_DROPPED_GREEDY,
	DT_RELAY_COUNT_LEASES_MADE,
	DT_RELAY_COUNT_LEASES_RENEWED,
	DT_RELAY_COUNT_LEASES_RELEASED,
	DT_RELAY_COUNT_DENIED_DESTINATION,
	DT_RELAY_COUNT_DENIED_QUOTA,
	DT_RELAY_COUNT_DENIED_NO_PORT,
	DT_RELAY_COUNT_DENIED_FAMILY,
	DT_RELAY_COUNT_DENIED_DRAINING,
	DT_RELAY_COUNT_TUNNELS_MADE,
	DT_RELAY_COUNT_TUNNELS_ENDED,
	DT_RELAY_COUNT_SERVER_RESETS,
	DT_RELAY_COUNT_JOINED,
	DT_RELAY_COUNT_JOINS_REFUSED,
	DT_RELAY_COUNT_CONVERTERS_MADE,
	DT_RELAY_COUNT_CONVERTERS_RELEASED,
	DT_RELAY_COUNTERS
};

/* A list of destinations on its way into force: see permission.c. */
struct dt_permission {
	enum {
		DT_PERMISSION_IDLE,
		DT_PERMISSION_BUILD,
		DT_PERMISSION_CHANGE,
		DT_PERMISSION_PRUNE,
		DT_PERMISSION_LEASES,
	} phase;
	const struct dt_relay_client *client; /* the next to be added */
	struct dt_acl fresh;
	struct dt_acl_change change;
	struct dt_acl_prune prune;
	size_t leases; /* ended so far */
	int err;
};

/* A reload on its way: see reload.c. */
struct dt_relay_reload {
	enum {
		DT_RELOAD_IDLE,
		DT_RELOAD_CLIENTS,
		DT_RELOAD_PERMISSION,
		DT_RELOAD_PERMIT,
		DT_RELOAD_DROP,
	} phase;
	struct dt_relay_config *old;
	struct dt_relay_config *waiting; /* the newest that came meanwhile */
	struct dt_relay_clients_change *clients;
	int err; /* the first */
};

/* Events for monitors: see report.h. */
struct dt_relay_reports {
	struct dt_bucket bucket;
	uint64_t suppressed;	       /* since the last event */
	uint64_t nat[DT_NAT_COUNTERS]; /* what was counted when it was looked last */
	bool looked;
};

struct dt_relay {
	uv_loop_t *loop;
	int lock_fd; /* this network namespace is ours */
	uint64_t began_ns;
	struct dt_relay_config *config;
	struct dt_dataplane *dataplane;
	struct dt_network network;
	struct dt_acl acl;
	bool acl_stored; /* BPF has the same */
	struct dt_lease_table *leases;
	struct dt_converters *converters;
	struct dt_flows *flows;
	struct dt_flowlog *flowlog;
	struct dt_tunnels *tunnels; /* NULL: wireguard-port = 0 */
	struct dt_relay_proto *proto;
	struct dt_relay_client *clients;
	struct dt_invitations invitations;
	struct dt_listener **listeners;
	size_t nlisteners;
	struct dt_control *control;
	struct dt_web *web; /* NULL: no metrics */
	uv_timer_t alive;
	uv_timer_t sweep;
	bool sweeping;	  /* over the flows, in steps */
	bool checking;	  /* that sweep ends flows that are no longer permitted */
	bool check_flows; /* the next sweep does */
	struct dt_permission permission;
	struct dt_relay_reload reload;
	bool reloading;		    /* after the steps of a reload, until a sweep has ended such flows */
	struct dt_relay_gone *gone; /* clients that a reload took away, until then */
	bool draining;		    /* takes no new leases, and stops when no flow is open */
	uint64_t drain_ns;	    /* when that began */
	uint64_t counters[DT_RELAY_COUNTERS];
	struct dt_log_limit denied_log;
	struct dt_log_limit converter_log;
	struct dt_strangers strangers;
	struct dt_log_limit strangers_log;
	struct dt_log_limit join_log;
	struct dt_relay_reports reports;
};

/* relay/requests.c: a dt_listener_fn; data is the relay. */
size_t dt_relay_datagram(void *data, const struct dt_endpoint *from, const struct dt_ip *to, const uint8_t *in,
			 size_t len, uint8_t *reply);

/*
 * The address of a family (4 or 6) at which clients reach this relay: of the address line, else a bound one, else the
 * default route's. local is as on the interface, public as others see it. False: none.
 */
bool dt_relay_address(const struct dt_relay *r, unsigned family, struct dt_ip *local, struct dt_ip *public);

/* Where clients of a family reach it: dt_relay_address() and the port of `listen`. False: nowhere. */
bool dt_relay_endpoint(const struct dt_relay *r, unsigned family, struct dt_endpoint *public);

/* --- clients.c --------------------------------------------------------------------------------- */

/* NULL: no client of this id. A revoked one stays until dt_relay_clients_drop_step(). */
const struct dt_relay_client *dt_relay_client_find(const struct dt_relay *r, uint64_t id);
const struct dt_peer_conf *dt_relay_client_conf(const struct dt_relay *r, uint64_t id);
/* Also of one that was dropped, until dt_relay_gone_forget(). NULL: not known. */
const char *dt_relay_client_name(const struct dt_relay *r, uint64_t id);
/* Is there a client of this id that is permitted? */
bool dt_relay_client_permitted(uint64_t id, void *relay);
/* Makes the clients of the configuration. Logs why it failed. */
int dt_relay_clients_open(struct dt_relay *r);
void dt_relay_clients_close(struct dt_relay *r);
/* Does the owner let this client have connections converted? */
bool dt_relay_client_converts(const struct dt_relay *r, uint64_t id);
/* Starts or ends the converter's process, as the configuration in force has a client with convert = yes or none. */
void dt_relay_converter_apply(struct dt_relay *r);
/*
 * Takes the clients of a new configuration, in three parts, each in steps that end with the first client at or after until_ns.
 * True: there is more to do. What fails is logged, and the rest is done.
 * take: known clients have their new limits, those that are left out are revoked, new ones are made but wait. Revoked
 * ones still point into the old configuration.
 * permit: the new ones too may use the relay, once their destinations are in force.
 * drop: revoked ones are gone; their names stay known for the flows that are still to be ended.
 */
struct dt_relay_clients_change;
struct dt_relay_clients_change *dt_relay_clients_change_new(struct dt_relay *r, const struct dt_relay_config *fresh);
bool dt_relay_clients_take_step(struct dt_relay_clients_change *change, uint64_t until_ns);
bool dt_relay_clients_permit_step(struct dt_relay_clients_change *change, uint64_t until_ns);
bool dt_relay_clients_drop_step(struct dt_relay_clients_change *change, uint64_t until_ns);
/* The first error; also of a change that is not over. change may be NULL. */
int dt_relay_clients_change_free(struct dt_relay_clients_change *change);
void dt_relay_gone_forget(struct dt_relay *r);
/*
 * A key, from the holder of an invitation: makes it a client, if this can be. Returns the answer, enum dt_reason. Not while
 * a reload or a change of permission is under way. Logs.
 */
uint8_t dt_relay_client_join(struct dt_relay *r, struct dt_relay_client *holder, const uint8_t key[DT_KEY_LEN],
			     const struct dt_endpoint *from);
/* Makes the holder of a new invitation known to the protocol. Negative errno; logs. */
int dt_relay_holder_add(struct dt_relay *r, struct dt_invitation *i);
/* Forgets invitations that ended long ago. */
void dt_relay_holders_prune(struct dt_relay *r);
/*
 * Revokes the client that joined by this invitation: it can open no flow, and has no tunnels. False: there is none. Once
 * dt_permission_apply() has ended its leases, it is to be dropped. Neither while a reload or a change of permission is under
 * way. Logs.
 */
bool dt_relay_client_revoke(struct dt_relay *r, const struct dt_invitation *i);
void dt_relay_client_drop(struct dt_relay *r, const struct dt_invitation *i);

/* --- permission.c ------------------------------------------------------------------------------ */

/* Is there room for the prefixes of this configuration? Logs why not: -E2BIG. */
int dt_permission_check(const struct dt_relay *r, const struct dt_relay_config *config);
/*
 * Builds the list of destinations, stores it in the map, and ends each lease that is not permitted. Flows that are not
 * are left to the next sweep (r->check_flows). In steps: each ends with the first entry at or after until_ns. 1: there is
 * more to do; 0: nothing, or that was all; else it is over, but for the error, which was logged, the old list is in force.
 * begin() drops what is not over. The clients must stay the same.
 */
void dt_permission_begin(struct dt_relay *r);
int dt_permission_step(struct dt_relay *r, uint64_t until_ns);
void dt_permission_drop(struct dt_relay *r);
/* The same at once. */
int dt_permission_apply(struct dt_relay *r);
/*
 * After a change of the host's addresses: does nothing unless the relay's own addresses changed. What they forbid is ended by
 * dt_permission_step(). Logs.
 */
void dt_permission_addresses(struct dt_relay *r);
/* May this client have connections to this server converted? Its port counts, too. */
bool dt_permission_converts(const struct dt_relay *r, uint64_t client_id, const struct dt_endpoint *server);
/* A dt_flow_doomed_fn; data is the relay. */
const char *dt_permission_flow_doomed(const struct dt_flow_view *view, void *data);

/* --- host.c ------------------------------------------------------------------------------------ */

/* Everything that follows the host's interfaces, addresses and routes, but permission. Logs. */
void dt_relay_host_apply(struct dt_relay *r);
/* Parts of it. Puts back the filters that are missing; the addresses at which clients join; what tunnels need. */
int dt_relay_filters_apply(struct dt_relay *r);
int dt_relay_addresses_apply(struct dt_relay *r);
void dt_relay_tunnels_apply(struct dt_relay *r);
/* Looks for other programs' filters, which change without an event: to be called now and then. */
void dt_relay_neighbours_check(struct dt_relay *r);

/* --- reload.c ---------------------------------------------------------------------------------- */

/*
 * Takes a new configuration, which it owns. Refuses it as a whole: a negative errno, after logging why. 1: it goes on in
 * dt_relay_reload_step(), after a reload that is not over.
 */
int dt_relay_reload_begin(struct dt_relay *r, struct dt_relay_config *fresh);
/*
 * The next step, which ends with the first client, entry or lease at or after until_ns. True: there is more to do. After the
 * last one r->reloading is set: the next sweep that checks all flows ends the reload.
 */
bool dt_relay_reload_step(struct dt_relay *r, uint64_t until_ns);
/* That sweep is over; err: it failed. Logs, and tells the service manager. */
void dt_relay_reload_end(struct dt_relay *r, int err);
/* Of a relay that stops. */
void dt_relay_reload_drop(struct dt_relay *r);

/* --- the whole --------------------------------------------------------------------------------- */

/* relay/invite.c: the answers to "invite" and "revoke", which are dt_control_answer_fn; data is the relay. */
void dt_relay_invite(FILE *out, const char *about, void *data);
/* Not while a reload or a change of permission is under way. */
void dt_relay_revoke(FILE *out, const char *about, void *data);

/* relay/status.c: the answer to "status"; data is the relay. */
extern const struct dt_control_steps dt_relay_status;

#endif
