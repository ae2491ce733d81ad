/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running relay: what its modules share. Only src/relay includes this. */
#ifndef DETOURD_RELAY_RELAY_H
#define DETOURD_RELAY_RELAY_H

#include <uv.h>

#include "base/control.h"
#include "base/hash.h"
#include "base/log.h"
#include "proto/relay_session.h"
#include "relay/config.h"
#include "relay/dataplane.h"
#include "relay/flowlog.h"
#include "relay/flows.h"
#include "relay/lease_table.h"
#include "relay/listener.h"
#include "net/network.h"
#include "relay/acl.h"
#include "relay/tunnels.h"

/* One [client NAME]; conf points into the configuration in force. */
struct dt_relay_client {
	const struct dt_peer_conf *conf;
	struct dt_relay_peer *peer;
	uint64_t id;
	bool revoked;		 /* while a reload ends what it has */
	struct dt_endpoint from; /* of its last request; port 0: none since the start */
	uint64_t seen_ns;
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
	DT_RELAY_COUNTERS
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
	struct dt_flows *flows;
	struct dt_flowlog *flowlog;
	struct dt_tunnels *tunnels; /* NULL: wireguard-port = 0 */
	struct dt_relay_proto *proto;
	struct dt_relay_client *clients;
	struct dt_listener **listeners;
	size_t nlisteners;
	struct dt_control *control;
	uv_timer_t alive;
	uv_timer_t sweep;
	bool sweeping;		    /* over the flows, in steps */
	bool checking;		    /* that sweep ends flows that are no longer permitted */
	bool check_flows;	    /* the next sweep does */
	bool reloading;		    /* until such a sweep is over */
	int reload_err;		    /* what went wrong in it so far */
	struct dt_relay_gone *gone; /* clients that a reload took away, until then */
	bool draining;		    /* takes no new leases, and stops when no flow is open */
	uint64_t drain_ns;	    /* when that began */
	uint64_t counters[DT_RELAY_COUNTERS];
	struct dt_log_limit denied_log;
};

/* relay/requests.c: a dt_listener_fn; data is the relay. */
size_t dt_relay_datagram(void *data, const struct dt_endpoint *from, const struct dt_ip *to, const uint8_t *in,
			 size_t len, uint8_t *reply);

/*
 * The address of a family (4 or 6) at which clients reach this relay: of the address line, else a bound one, else the
 * default route's. local is as on the interface, public as others see it. False: none.
 */
bool dt_relay_address(const struct dt_relay *r, unsigned family, struct dt_ip *local, struct dt_ip *public);

/* --- clients.c --------------------------------------------------------------------------------- */

/* NULL: no client of this id. A revoked one stays until dt_relay_clients_drop_revoked(). */
const struct dt_relay_client *dt_relay_client_find(const struct dt_relay *r, uint64_t id);
const struct dt_peer_conf *dt_relay_client_conf(const struct dt_relay *r, uint64_t id);
/* Also of one that was dropped, until dt_relay_gone_forget(). NULL: not known. */
const char *dt_relay_client_name(const struct dt_relay *r, uint64_t id);
/* Is there a client of this id that is not revoked? */
bool dt_relay_client_permitted(uint64_t id, void *relay);
/* Makes the clients of the configuration. Logs why it failed. */
int dt_relay_clients_open(struct dt_relay *r);
void dt_relay_clients_close(struct dt_relay *r);
/* Takes the clients of a new configuration. Revoked ones still point into the old one. Logs why a client failed. */
int dt_relay_clients_replace(struct dt_relay *r, const struct dt_relay_config *fresh);
/* They have no rights any more; their names stay known for the flows that are still to be ended. */
void dt_relay_clients_drop_revoked(struct dt_relay *r);
void dt_relay_gone_forget(struct dt_relay *r);

/* --- permission.c ------------------------------------------------------------------------------ */

/* Is there room for the prefixes of this configuration? Logs why not: -E2BIG. */
int dt_permission_check(const struct dt_relay *r, const struct dt_relay_config *config);
/*
 * Builds the list of destinations, stores it in the map, and ends each lease that is not permitted. Flows that are not
 * are left to the next sweep (r->check_flows). Logs.
 */
int dt_permission_apply(struct dt_relay *r);
/*
 * The same after a change of the host's addresses: does nothing unless the relay's own addresses changed. Logs.
 */
void dt_permission_addresses(struct dt_relay *r);
/* A dt_flow_doomed_fn; data is the relay. */
const char *dt_permission_flow_doomed(const struct dt_flow_view *view, void *data);

/* --- the whole --------------------------------------------------------------------------------- */

/* relay/status.c: the answer to "status"; data is the relay. */
extern const struct dt_control_steps dt_relay_status;

#endif
