/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running path manager: what its modules share. Only src/pm includes this.
 *
 *     relays.c       relays and links: the conversation with a relay from one local address
 *     tunnels.c      WireGuard tunnels to relays
 *     leases.c       leases, cached per link and server
 *     connections.c  MPTCP connections and subflows, as the kernel's events tell them
 *     detours.c      for each connection: which relays, joins, time-outs, back-off
 *     rules.c        which rule holds for a connection (pure)
 *     track.c        what sockops saw of each subflow
 *     arrivals.c     what arrives on each, by samples
 *     takeover.c     the namespace's path manager is ours, and is given back
 */
#ifndef DETOURD_PM_PM_H
#define DETOURD_PM_PM_H

#include <uthash.h>
#include <uv.h>

#include "base/clock.h"
#include "base/control.h"
#include "base/log.h"
#include "net/mptcp_pm.h"
#include "net/sock_diag.h"
#include "pm/arrivals.h"
#include "pm/config.h"
#include "pm/takeover.h"
#include "pm/track.h"
#include "pm/tunnels.h"
#include "proto/client_link.h"

struct dt_pm;
struct dt_detour;

/* --- relays.c ---------------------------------------------------------------------------------- */

/* One conversation: this relay, from this local address. */
struct dt_relay_link {
	struct dt_pm_relay *relay;
	struct dt_ip bound;	  /* local address it was made for; unset: the kernel chooses (the primary link) */
	struct dt_endpoint local; /* of the socket; port 0: not open */
	struct dt_endpoint remote;
	struct dt_link *proto;
	int fd;
	uv_poll_t *poll;
	uv_timer_t timer;
	uint64_t reopen_ns; /* of a link that is down: when to try another socket */
	struct dt_pm_lease *leases;
	uint64_t used_ns; /* last time a connection wanted it */
	struct dt_relay_link *prev, *next;
	bool closing;
};

/* One [relay NAME]. */
struct dt_pm_relay {
	struct dt_pm *pm;
	const struct dt_relay_conf *conf;
	size_t index; /* in the configuration in force */
	struct dt_pair_keys keys;
	struct dt_client_session session;
	struct dt_relay_link *links; /* the first is the primary one; NULL while the name is unresolved */
	uv_getaddrinfo_t *resolving;
	uv_timer_t retry;
	struct dt_pm_tunnel *tunnel; /* NULL: carrier = nat */
	uint64_t nat_blocked_ns; /* carrier = auto: joins through NAT were not answered, so use the tunnel until then */
	char problem[128];	 /* why there is no link, "" if there is one */
	int handles;		 /* libuv handles that still refer to this relay */
	bool closing;
	struct dt_pm_relay *next;
};

int dt_pm_relay_open(struct dt_pm *pm, const struct dt_relay_conf *conf, size_t index);
/* Ends its detours, forgets its leases, closes its links; freed when the loop has turned. */
void dt_pm_relay_close(struct dt_pm_relay *relay);
struct dt_pm_relay *dt_pm_relay_at(struct dt_pm *pm, size_t index);
/*
 * The link for connections from this local address, made if there is none. NULL: not possible now; *why (words,
 * static or the relay's) says why.
 */
struct dt_relay_link *dt_pm_relay_link(struct dt_pm_relay *relay, const struct dt_ip *local, const char **why);
/* Where subflows join for a lease of this link; the port is the lease's. */
struct dt_ip dt_relay_link_nat_address(const struct dt_relay_link *link);
/* Closes links that nobody uses; every second. */
void dt_pm_links_tick(struct dt_pm_relay *relay, uint64_t now_ns);
/* Sends what is due and arms the timer; after every call into link->proto. */
void dt_relay_link_flush(struct dt_relay_link *link);
/* Which carrier joins of this relay use now. */
enum dt_carrier dt_pm_relay_carrier(const struct dt_pm_relay *relay, uint64_t now_ns);
const char *dt_carrier_name(enum dt_carrier carrier);
enum dt_link_state dt_pm_relay_state(const struct dt_pm_relay *relay);

/* --- leases.c ---------------------------------------------------------------------------------- */

enum dt_lease_state {
	DT_LEASE_ASKED,
	DT_LEASE_READY,
	DT_LEASE_REFUSED, /* reason says why; asked again after retry_ns */
};

struct dt_pm_lease {
	struct dt_relay_link *link;
	struct {
		struct dt_ip ip;
		uint16_t port;
		uint16_t pad;
	} server;
	enum dt_lease_state state;
	uint16_t dpt;
	uint8_t reason; /* enum dt_reason; DT_REASON_OK with REFUSED: no answer */
	bool under_way; /* a request, be it the first or a renewal */
	bool used;	/* by a connection since the last renewal */
	uint64_t asked_ns;
	uint64_t expires_ns;
	uint64_t renew_ns;
	uint64_t retry_ns;
	struct dt_detour *detours;
	UT_hash_handle hh;
};

/* The cached lease, or a new one that is being asked for. NULL: out of memory. */
struct dt_pm_lease *dt_pm_lease_get(struct dt_relay_link *link, const struct dt_endpoint *server, uint64_t now_ns);
void dt_pm_lease_answered(struct dt_pm_lease *lease, const struct dt_link_event *event, uint64_t now_ns);
/* A join under this lease failed: does the relay still know it? */
void dt_pm_lease_verify(struct dt_pm_lease *lease, uint64_t now_ns);
/* Renews, retries and forgets what is due, on all links; every second. */
void dt_pm_leases_tick(struct dt_pm *pm, uint64_t now_ns);
/* The relay came back or was restarted: leases not READY are asked for at once, all are verified. */
void dt_pm_leases_refresh(struct dt_relay_link *link, uint64_t now_ns);
/* Detours that wait are let go; the memory too. With tell, a release is sent. */
void dt_pm_leases_drop(struct dt_relay_link *link, bool tell, uint64_t now_ns);

/* --- connections.c ----------------------------------------------------------------------------- */

struct dt_connection {
	struct dt_pm *pm;
	dt_mptcp_token token;
	uint64_t number; /* the id shown to users */
	struct dt_endpoint local;
	struct dt_endpoint remote;
	bool deny_join_id0;
	bool direct_established; /* the initial subflow lives */
	uint32_t ids[8];	 /* bitmap of local address ids in use */
	uint8_t last_id;
	uint64_t since_ns;
	struct dt_detour *detours;
	/* among those that may be over, because a subflow closed: when to ask the kernel, and how long it was put off */
	struct dt_connection *doubt_prev, *doubt_next;
	uint64_t doubt_due_ns;
	uint64_t doubt_wait_ns; /* 0: not among them */
	UT_hash_handle hh;
};

void dt_connections_event(struct dt_pm *pm, const struct dt_mptcp_event *event);
/* A subflow reached TCP_CLOSE: the whole connection may be over, which the kernel does not always say. */
void dt_connections_subflow_closed(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
				   const struct dt_endpoint *remote, uint64_t now_ns);
/* Forgets the connections that are over; every second. */
void dt_connections_tick(struct dt_pm *pm, uint64_t now_ns);
/* Closes all detours (with close_detours) and forgets all connections. */
void dt_connections_drop(struct dt_pm *pm, bool close_detours);
/* A free local address id, 0: none left. */
uint8_t dt_connection_id_take(struct dt_connection *c);
void dt_connection_id_free(struct dt_connection *c, uint8_t id);

/* --- detours.c --------------------------------------------------------------------------------- */

enum dt_detour_state {
	DT_DETOUR_IDLE,	   /* nothing under way; may_try_ns holds back-off */
	DT_DETOUR_WAITING, /* for its lease */
	DT_DETOUR_PENDING, /* SYN sent */
	DT_DETOUR_ESTABLISHED,
};

/* The last end of a detour, for `why`. */
enum dt_detour_end {
	DT_END_NONE,
	DT_END_REFUSED, /* RST to the join, or closed right after it */
	DT_END_TIMEOUT, /* join unanswered */
	DT_END_CLOSED,
	DT_END_ERROR, /* the kernel refused the command: see error */
};

/* At most one per connection and relay. */
struct dt_detour {
	struct dt_connection *connection;
	struct dt_pm_relay *relay;
	struct dt_pm_lease *lease;
	enum dt_carrier carrier; /* of the last join: NAT or WIREGUARD */
	enum dt_detour_state state;
	enum dt_detour_end end;
	int error;
	uint8_t id;
	struct dt_endpoint local;
	struct dt_endpoint remote;
	uint64_t since_ns; /* of this state */
	uint64_t backoff_ns;
	uint64_t may_try_ns;
	uv_timer_t timer;
	struct dt_detour *prev, *next;		   /* of the connection */
	struct dt_detour *lease_prev, *lease_next; /* of the lease */
};

/* Makes the detours this connection should have and has not. */
void dt_detours_plan(struct dt_connection *c);
void dt_detours_plan_all(struct dt_pm *pm);
/* The lease was granted, refused, or is gone. */
void dt_detours_lease_changed(struct dt_pm_lease *lease, uint64_t now_ns);
/* The relay is up again: back-off is forgotten. */
void dt_detours_relay_up(struct dt_pm_relay *relay, uint64_t now_ns);
/*
 * The relay may have forgotten its flows: has each detour over it send a segment. If the flow is there it does no harm;
 * if not, the relay's host answers by RST, which a subflow that only receives would wait for in vain.
 */
void dt_detours_stir(struct dt_pm_relay *relay);
/* The same for the detours under one lease, which the relay knows no more. */
void dt_detours_stir_lease(const struct dt_pm_lease *lease);
/* Ends every detour over this relay. */
void dt_detours_relay_gone(struct dt_pm_relay *relay);
/* Ends detours beyond what the rules in force give this connection, then plans. */
void dt_detours_rules_changed(struct dt_connection *c);
struct dt_detour *dt_detour_find(struct dt_connection *c, const struct dt_endpoint *local,
				 const struct dt_endpoint *remote);
void dt_detour_established(struct dt_detour *d);
void dt_detour_closed(struct dt_detour *d, int error);
/* With close, the subflow is taken from the kernel too. */
void dt_detour_free(struct dt_detour *d, bool close);
/* In words, why this connection has no more detours. */
void dt_detours_why(const struct dt_connection *c, char *out, size_t cap);

/* --- rules.c ----------------------------------------------------------------------------------- */

struct dt_plan {
	const struct dt_rule_conf *rule; /* NULL: none matched */
	unsigned detours;
	const size_t *relays; /* in order of preference; NULL: all, in file order */
	size_t nrelays;
};
/* First match wins. Pure. */
struct dt_plan dt_rules_plan(const struct dt_client_config *config, const struct dt_endpoint *remote);

/* --- the whole --------------------------------------------------------------------------------- */

enum dt_pm_counter {
	DT_PM_CONNECTIONS,
	DT_PM_LOST_EVENTS,
	DT_PM_JOINS,
	DT_PM_JOINS_ESTABLISHED,
	DT_PM_JOIN_REFUSED,
	DT_PM_JOIN_TIMEOUT,
	DT_PM_JOIN_FAILED,
	DT_PM_LEASES_ASKED,
	DT_PM_LEASES_GRANTED,
	DT_PM_LEASES_REFUSED,
	DT_PM_DROPPED_AUTH,
	DT_PM_DROPPED_MALFORMED,
	DT_PM_DROPPED_UNMATCHED,
	DT_PM_COUNTERS
};

struct dt_pm {
	uv_loop_t *loop;
	struct dt_client_config *config;
	struct dt_mptcp_pm mptcp;
	struct dt_netlink diag;
	uv_poll_t events;
	uv_poll_t closings;
	uv_timer_t tick;
	struct dt_takeover takeover;
	struct dt_track *track;
	struct dt_arrivals *arrivals;
	uint64_t swept_ns;
	struct dt_pm_relay *relays;
	struct dt_connection *connections;
	struct dt_connection *doubtful;
	struct dt_control *control;
	uint64_t next_number;
	uint64_t counters[DT_PM_COUNTERS];
	bool stopping;
	int relays_open; /* including those that are closing */
};

/* status.c: a dt_control_status_fn; data is the pm. */
json_t *dt_pm_status(void *data);
/* One event for `monitor`; nothing is built when nobody listens. relay may be NULL. */
void dt_pm_publish(struct dt_pm *pm, const char *event, const struct dt_connection *c, const struct dt_pm_relay *relay,
		   const char *detail);

#endif
