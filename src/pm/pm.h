/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running path manager: what its modules share. Only src/pm includes this.
 *
 *     relays.c       relays and links: the conversation with a relay from one local address
 *     tunnels.c      WireGuard tunnels to relays
 *     leases.c       leases, cached per link and server
 *     connections.c  MPTCP connections, as the kernel's events and the inventory tell them
 *     subflows.c     the life of one additional subflow: join, time-out, end, back-off
 *     detours.c      for each connection: which subflows it should have
 *     choice.c       ... and whether they pay: the policy asked, and obeyed
 *     policy.c       which detours, decided (pure)
 *     history.c      what detours were worth
 *     state.c        ... kept in a file
 *     plain.c        ... those that go over no relay
 *     server.c       what its server lets us do: its limit, its C flag, the addresses it announces
 *     ids.c          local address ids, and the rules for them (pure)
 *     interfaces.c   the host's addresses: where plain subflows start
 *     inventory.c    every subflow there is
 *     fallback.c     which servers are without MPTCP (pure)
 *     rules.c        which rule holds for a connection (pure)
 *     track.c        what sockops saw of each subflow
 *     watch.c        which subflows are dead: those that move are looked at all the time
 *     liveness.c     ... judged (pure)
 *     pulse.c        ... by samples of many sockets in one call
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
#include "net/network.h"
#include "net/sock_diag.h"
#include "pm/arrivals.h"
#include "pm/config.h"
#include "pm/fallback.h"
#include "pm/ids.h"
#include "pm/inventory.h"
#include "pm/liveness.h"
#include "pm/policy.h"
#include "pm/takeover.h"
#include "pm/track.h"
#include "pm/tunnels.h"
#include "proto/client_link.h"

struct dt_pm;
struct dt_connection;
struct dt_subflow;
struct dt_leaving;
struct dt_mptcpify;
struct dt_plan;
struct dt_accepted;

/* Source addresses with a rule and a table of ours; more get none. See interfaces.c. */
#define DT_SOURCE_ROUTES_MAX 16

struct dt_source_route {
	struct dt_ip ip;
	uint32_t ifindex;
	struct dt_ip via; /* the table's gateway; unset: none */
};

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
/* The host's network changed: links whose address is gone close, the others probe at once. */
void dt_pm_links_network_changed(struct dt_pm *pm, uint64_t now_ns);
/* Sends what is due and arms the timer; after every call into link->proto. */
void dt_relay_link_flush(struct dt_relay_link *link);
/* Which carrier joins of this relay use now. */
enum dt_carrier dt_pm_relay_carrier(const struct dt_pm_relay *relay, uint64_t now_ns);
const char *dt_carrier_name(enum dt_carrier carrier);
enum dt_link_state dt_pm_relay_state(const struct dt_pm_relay *relay);
/* It is about to close: nothing new goes over it. */
bool dt_pm_relay_draining(const struct dt_pm_relay *relay);

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
	uint8_t reason;	 /* enum dt_reason; DT_REASON_OK with REFUSED: no answer */
	uint32_t rtt_us; /* relay to server and back, as the relay saw it; 0: not known */
	bool under_way;	 /* a request, be it the first or a renewal */
	bool used;	 /* by a connection since the last renewal */
	uint64_t asked_ns;
	uint64_t expires_ns;
	uint64_t renew_ns;
	uint64_t retry_ns;
	struct dt_subflow *subflows;
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
/* The subflows under these leases live on without them. */
void dt_pm_leases_orphan(struct dt_relay_link *link);
/* Detours that wait are let go; the memory too. With tell, a release is sent. */
void dt_pm_leases_drop(struct dt_relay_link *link, bool tell, uint64_t now_ns);

/* --- connections.c ----------------------------------------------------------------------------- */

/* Addresses that the server announced (ADD_ADDR); more are not kept. */
#define DT_ANNOUNCED_MAX 8

struct dt_announced {
	uint8_t id;
	struct dt_endpoint at;
};

struct dt_connection {
	struct dt_pm *pm;
	dt_mptcp_token token;
	uint64_t number;	  /* the id shown to users */
	struct dt_endpoint local; /* of the initial subflow */
	struct dt_endpoint remote;
	struct dt_ip source; /* where new subflows start: local.ip while the host has it; unset: no way out */
	uint32_t device; /* it is bound to the one of this index (SO_BINDTODEVICE), as its subflows are; 0: to none */
	bool has_origin; /* who opened it is known */
	struct dt_origin origin;
	bool young; /* detours come after a while: see detour-after */
	struct dt_connection *young_prev, *young_next;
	bool foreign;		 /* under the kernel's path manager: made before ours took over; left alone */
	bool deny_join_id0;	 /* the server wants no joins at remote (C flag) */
	bool direct_established; /* the initial subflow lives */
	bool direct_backup;	 /* and the server was told to keep it as backup */
	struct dt_ids ids;
	struct dt_leaving *leaving; /* subflows given up that are still there */
	uint64_t left_ns;	    /* when the last one went */
	struct dt_connection *leaving_prev, *leaving_next;
	uint8_t refusals;	  /* joins refused in a row */
	unsigned server_took;	  /* most additional subflows that lived at once */
	unsigned server_limit;	  /* additional subflows the server was seen to take, until server_limit_ns */
	uint64_t server_limit_ns; /* 0: no limit was met */
	uint64_t settled_ns;	  /* no join before: a subflow has just ended */
	uint64_t since_ns;
	struct dt_announced announced[DT_ANNOUNCED_MAX];
	size_t nannounced;
	unsigned inventory; /* that last saw it, and its initial subflow */
	bool direct_seen;
	struct dt_subflow *subflows;
	struct dt_liveness direct_liveness;
	struct dt_path_memory direct_choice;
	struct dt_policy policy;
	bool watched;
	struct dt_connection *watch_prev, *watch_next;
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
/* Something moves again on a subflow; or nothing was acknowledged, and it sends anew. */
void dt_connections_subflow_stirs(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
				  const struct dt_endpoint *remote, bool timed_out);
/* Forgets the connections that are over; every second. */
void dt_connections_tick(struct dt_pm *pm, uint64_t now_ns);
/* Closes all detours (with close_detours) and forgets all connections. */
void dt_connections_drop(struct dt_pm *pm, bool close_detours);
/*
 * Takes stock: reads the inventory and applies the difference. Connections not known yet are taken over with the
 * subflows they have; what is gone is forgotten; arrivals are sampled on the way. -errno: nothing, or only a part.
 */
int dt_connections_take_stock(struct dt_pm *pm, uint64_t now_ns);

/* --- subflows.c -------------------------------------------------------------------------------- */

enum dt_subflow_state {
	DT_SUBFLOW_IDLE,     /* nothing under way; may_try_ns holds back-off */
	DT_SUBFLOW_WAITING,  /* for its lease */
	DT_SUBFLOW_SETTLING, /* it joins as soon as the connection has settled */
	DT_SUBFLOW_PENDING,  /* SYN sent */
	DT_SUBFLOW_ESTABLISHED,
};

/* The last end of a subflow, for `why`. */
enum dt_subflow_end {
	DT_END_NONE,
	DT_END_REFUSED, /* RST to the join, or closed right after it */
	DT_END_TIMEOUT, /* join unanswered */
	DT_END_CLOSED,
	DT_END_ERROR,	 /* the kernel refused the command: see error */
	DT_END_DEAD,	 /* given up: nothing came through */
	DT_END_ADDRESS,	 /* given up: its local address is no more */
	DT_END_REPLACED, /* given up: the policy prefers another relay */
};

/*
 * A subflow beside the initial one. Over a relay (a detour: at most one per connection and relay), or plain: in the
 * place of the initial one, from another interface, or to an address that the server announced.
 */
struct dt_subflow {
	struct dt_connection *connection;
	struct dt_pm_relay *relay;   /* NULL: plain */
	bool unknown;		     /* taken over, and not known yet over which relay */
	char interface[IF_NAMESIZE]; /* plain, from another interface than the connection's; else "" */
	struct dt_ip source;	     /* plain: it starts here */
	struct dt_endpoint server;   /* plain: it ends here */
	struct dt_pm_lease *lease;
	enum dt_carrier carrier; /* of the last join: NAT, WIREGUARD or DIRECT */
	enum dt_subflow_state state;
	enum dt_subflow_end end;
	int error;
	bool backup_wanted;
	bool backup; /* the server was told to keep it as backup */
	uint8_t id;
	struct dt_endpoint local;
	struct dt_endpoint remote;
	uint64_t since_ns; /* of this state */
	struct dt_liveness liveness;
	struct dt_path_memory choice;
	char note[DT_POLICY_REASON_MAX]; /* the last decision about it */
	uint64_t backoff_ns;
	uint64_t may_try_ns;
	unsigned inventory; /* that last saw it */
	uv_timer_t timer;
	struct dt_subflow *prev, *next;		    /* of the connection */
	struct dt_subflow *lease_prev, *lease_next; /* of the lease */
};

/* relay NULL: a plain one. NULL: out of memory. */
struct dt_subflow *dt_subflow_new(struct dt_connection *c, struct dt_pm_relay *relay);
/* With close, it is taken from the kernel too. */
void dt_subflow_free(struct dt_subflow *s, bool close);
/* The one under way with this four-tuple. */
struct dt_subflow *dt_subflow_find(struct dt_connection *c, const struct dt_endpoint *local,
				   const struct dt_endpoint *remote);
/* Pending or established. */
bool dt_subflow_is_under_way(const struct dt_subflow *s);
/* NULL: none. A refused lease, or one not there yet, is waited for: when it changes, the connection is planned anew. */
void dt_subflow_lease_set(struct dt_subflow *s, struct dt_pm_lease *lease);
/*
 * Sends the join, or will when the connection has settled; carrier and lease (or source and server) say where. False: it
 * failed, and back-off has begun.
 */
bool dt_subflow_join(struct dt_subflow *s, uint64_t now_ns);
/* A join that is under way and has no clock yet: one that was taken over. */
void dt_subflow_await_answer(struct dt_subflow *s);
/* Waits for its lease; true while that is worth a place among the connection's detours. */
bool dt_subflow_await_lease(struct dt_subflow *s, uint64_t now_ns);
void dt_subflow_established(struct dt_subflow *s);
void dt_subflow_closed(struct dt_subflow *s, int error);
/* Ours to end: the server is told (RM_ADDR), the socket closed. Plans nothing. */
void dt_subflow_give_up(struct dt_subflow *s, enum dt_subflow_end end, uint64_t now_ns);
/* Given up, and still there for a moment. */
bool dt_subflow_is_leaving(const struct dt_connection *c, uint8_t id);
/* The connection ends, or we do: nothing is waited for. */
void dt_subflows_leave_at_once(struct dt_connection *c);
/* The initial subflow, likewise. */
void dt_subflow_give_up_direct(struct dt_connection *c, enum dt_subflow_end end);
/* The initial subflow is no more, whoever ended it. */
void dt_subflow_direct_ended(struct dt_connection *c, enum dt_subflow_end end, uint64_t now_ns);
/* MP_PRIO: the server is told whether this one is backup, if what it knows is not what is wanted now. */
void dt_subflow_prefer(struct dt_subflow *s);
/* The initial subflow, likewise. The kernel's negative errno. */
int dt_subflow_set_direct_backup(struct dt_connection *c, bool backup);
/* Has it send a segment, so that a peer or relay that forgot it answers by RST. */
void dt_subflow_stir(const struct dt_subflow *s);
/* When data last moved on it, either way; 0: never seen. */
uint64_t dt_subflow_moved_ns(const struct dt_pm *pm, const struct dt_endpoint *local, const struct dt_endpoint *remote);
/* Nothing comes through any more: data waits for its time-out, or had been moving until lately. */
bool dt_subflow_stalls(const struct dt_subflow *s, uint64_t now_ns);
const char *dt_subflow_end_word(enum dt_subflow_end end);
/* "direct", or the relay's name. */
const char *dt_subflow_via(const struct dt_subflow *s);

/* --- watch.c ----------------------------------------------------------------------------------- */

struct dt_watch;

/* Logs why it failed; without it paths that die are left to the kernel. */
void dt_watch_open(struct dt_pm *pm);
/* After the connections are gone. */
void dt_watch_close(struct dt_pm *pm);
/* Something moves on it, or it has another subflow: looked at until nothing has moved for a while. */
void dt_watch_wake(struct dt_connection *c);
/* Nothing was acknowledged on this subflow, and what was sent goes out again. */
void dt_watch_timed_out(struct dt_connection *c, const struct dt_endpoint *local, const struct dt_endpoint *remote);
void dt_watch_forget(struct dt_connection *c);

/* --- young.c ----------------------------------------------------------------------------------- */

/* A new connection: planned at once, or once it has lived or moved as its rule says. */
void dt_young_begin(struct dt_connection *c);
/* It grew up, or is over. */
void dt_young_end(struct dt_connection *c);

/* --- detours.c --------------------------------------------------------------------------------- */

/* The connection's subflow over this relay; NULL: none. */
struct dt_subflow *dt_detour_at(const struct dt_connection *c, const struct dt_pm_relay *relay);
/* A detour over this relay, if it is possible now; true if there is one, or will be in a moment. */
bool dt_detours_open(struct dt_connection *c, struct dt_pm_relay *relay, uint64_t now_ns);
/* Makes the subflows this connection should have and has not. */
void dt_detours_plan(struct dt_connection *c);
void dt_detours_plan_all(struct dt_pm *pm);
/* The lease was granted, refused, or is gone. */
void dt_detours_lease_changed(struct dt_pm_lease *lease, uint64_t now_ns);
/* The relay is up again: back-off is forgotten. */
void dt_detours_relay_up(struct dt_pm_relay *relay, uint64_t now_ns);
/* The relay answers again after a silence: what stalled over it is made anew. */
void dt_detours_relay_back(struct dt_pm_relay *relay, uint64_t now_ns);
/* The relay is down: its detours end, so that they do not hold places at the server, unless data still comes through. */
void dt_detours_relay_down(struct dt_pm_relay *relay, uint64_t now_ns);
/*
 * The relay may have forgotten its flows: has each detour over it send a segment. If the flow is there it does no harm;
 * if not, the relay's host answers by RST, which a subflow that only receives would wait for in vain.
 */
void dt_detours_stir(struct dt_pm_relay *relay);
/* The same for the detours under one lease, which the relay knows no more. */
void dt_detours_stir_lease(const struct dt_pm_lease *lease);
/* The relay is about to close: its detours go elsewhere, each as soon as its connection has another subflow. */
void dt_detours_leave(struct dt_pm_relay *relay);
/* The same for one connection, which may have got another subflow. */
void dt_detours_leave_draining(struct dt_connection *c);
/* Ends every detour over this relay. */
void dt_detours_relay_gone(struct dt_pm_relay *relay);
/* The host's links, addresses or routes changed: subflows of addresses that are gone end, others begin. */
void dt_detours_network_changed(struct dt_connection *c, bool link_returned, uint64_t now_ns);
/* A subflow lives whose address works. */
bool dt_detours_has_way(const struct dt_connection *c);
/* Ends the subflows of addresses that are gone, if there is another way; when one was established. */
void dt_detours_homeless_end(struct dt_connection *c, uint64_t now_ns);
/* Ends detours beyond what the rules in force give this connection, then plans. */
void dt_detours_rules_changed(struct dt_connection *c);
/* Which carrier joins over this relay use for a connection with this plan. */
enum dt_carrier dt_plan_carrier(const struct dt_plan *plan, const struct dt_pm_relay *relay, uint64_t now_ns);
/* In words, why this connection has no more detours. */
void dt_detours_why(const struct dt_connection *c, char *out, size_t cap);

/* --- choice.c ---------------------------------------------------------------------------------- */

/* The relays that the rules allow, those expected to be worth most first; their number. */
size_t dt_choice_order(struct dt_connection *c, struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX]);
/* Before its join: what the policy remembers of it, backup_wanted and note. */
void dt_choice_begin(struct dt_subflow *s, uint64_t now_ns);
/* Judges the detours of connections on which something moves; every second, after arrivals were sampled. */
void dt_choice_tick(struct dt_pm *pm, uint64_t now_ns);
/* Its relay did not carry it to the server: remembered. */
void dt_choice_failed(const struct dt_subflow *s);

/* --- plain.c ----------------------------------------------------------------------------------- */

/* Makes the plain subflows this connection should have and has not, forgets the others once they ended. */
void dt_plain_plan(struct dt_connection *c, uint64_t now_ns);
/* Ends those of interfaces that are named no more; tells the server which are backup now. Plans nothing. */
void dt_plain_rules_changed(struct dt_connection *c);

/* In words, after why there are not more detours: what is the matter with interfaces that have no subflow. */
void dt_plain_why(const struct dt_connection *c, char *out, size_t cap);

/* --- server.c ---------------------------------------------------------------------------------- */

/* Joins refused in a row are the server's limit: believed for so long, of its other connections too. */
#define DT_SERVER_LIMIT_NS (60 * DT_SEC)
#define DT_SERVER_LIMITS_MAX 64 /* the oldest is forgotten first */

struct dt_server_limit {
	struct dt_endpoint server;
	unsigned limit;	   /* additional subflows of one connection that it was seen to take */
	uint64_t refused;  /* joins that showed it */
	uint64_t until_ns; /* 0: a free place */
};
void dt_server_limit_met(struct dt_connection *c, unsigned limit, uint64_t now_ns);
/* A new connection to a server whose limit is known begins with it. */
void dt_server_limit_recall(struct dt_connection *c, uint64_t now_ns);

/* A server that has shown its limit is not tried again for a while. */
bool dt_server_has_room(struct dt_connection *c, uint64_t now_ns);
/*
 * Where subflows end: the server's address of the connection, or, where it wants no joins there (C flag: a load
 * balancer's), one that it announced, of the same family. False: there is none.
 */
bool dt_server_address(const struct dt_connection *c, struct dt_endpoint *out);
/* ADD_ADDR, as the kernel tells of it. */
void dt_server_announced(struct dt_connection *c, uint8_t id, const struct dt_endpoint *at);
/* One that an earlier run has heard of. Plans nothing. */
void dt_server_found(struct dt_connection *c, uint8_t id, const struct dt_endpoint *at);
/* RM_ADDR. */
void dt_server_removed(struct dt_connection *c, uint8_t id);

/* --- rules.c ----------------------------------------------------------------------------------- */

struct dt_plan {
	const struct dt_rule_conf *rule; /* NULL: none matched */
	unsigned detours;
	const size_t *relays; /* in order of preference; NULL: all, in file order */
	size_t nrelays;
	int carrier; /* enum dt_carrier; -1: the relay's own */
	bool backup; /* on top of the relay's own */
	struct dt_detour_after after;
};
/* First match wins. origin NULL: who opened the connection is unknown, and rules that ask match not. Pure. */
struct dt_plan dt_rules_plan(const struct dt_client_config *config, const struct dt_endpoint *remote,
			     const struct dt_origin *origin);
/* Of this connection. */
struct dt_plan dt_connection_plan(const struct dt_connection *c);

/* --- the whole --------------------------------------------------------------------------------- */

enum dt_pm_counter {
	DT_PM_CONNECTIONS,
	DT_PM_LOST_EVENTS,
	DT_PM_TAKEN_OVER,
	DT_PM_STOCKS,
	DT_PM_STOCK_US, /* how long the last one took */
	DT_PM_JOINS,
	DT_PM_JOINS_ESTABLISHED,
	DT_PM_JOIN_REFUSED,
	DT_PM_JOIN_TIMEOUT,
	DT_PM_JOIN_FAILED,
	DT_PM_LEASES_ASKED,
	DT_PM_LEASES_GRANTED,
	DT_PM_LEASES_REFUSED,
	DT_PM_ANNOUNCED,
	DT_PM_SURPLUS_CLOSED,
	DT_PM_PROBES,
	DT_PM_GIVEN_UP,
	DT_PM_FELL_BACK, /* as many as there are of enum dt_fallback, in its order */
	DT_PM_FELL_BACK_STRIPPED,
	DT_PM_FELL_BACK_SYN_LOST,
	DT_PM_FELL_BACK_DISABLED,
	DT_PM_DECISIONS,
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
	uv_timer_t leaves; /* of `leaving` */
	struct dt_connection *leaving;
	uv_timer_t growing; /* of `young` */
	struct dt_connection *young;
	int cgroup_fd;		      /* the cgroup tree's root; -1: none */
	struct dt_mptcpify *mptcpify; /* NULL: not wanted yet, or not to be had */
	int mptcpify_err;	      /* why [mptcp] has no effect; 0: it has */
	uv_timer_t missed;	      /* events were lost: stock is taken when it fires */
	struct dt_takeover takeover;
	struct dt_track *track;
	struct dt_arrivals *arrivals;
	struct dt_history *history;
	uint64_t state_ns;	/* when it was last written */
	bool state_unreadable;	/* what is there is not ours to overwrite */
	bool state_unwritten;	/* that failed, and was said */
	struct dt_watch *watch; /* NULL: not possible here */
	struct dt_inventory *inventory;
	struct dt_network network;
	unsigned links_running; /* of them */
	size_t routes_known;
	struct dt_source_route source_routes[DT_SOURCE_ROUTES_MAX];
	size_t nsource_routes;
	struct dt_server_limit server_limits[DT_SERVER_LIMITS_MAX];
	struct dt_accepted *accepted;
	struct dt_destinations destinations; /* without MPTCP */
	unsigned add_addr_accepted;	     /* ip mptcp limits: announced addresses to join */
	unsigned stock;			     /* number of the inventory last taken */
	uint64_t stock_ns;		     /* and when */
	bool stock_missed;		     /* events were lost: take stock as soon as may be */
	struct dt_pm_relay *relays;
	struct dt_connection *connections;
	struct dt_connection *doubtful;
	struct dt_control *control;
	struct dt_endpoint spare; /* a local port that was free after the last join; port 0: none */
	uint64_t next_number;
	uint64_t counters[DT_PM_COUNTERS];
	bool stopping;
	int relays_open; /* including those that are closing */
};

/* status.c: a dt_control_status_fn; data is the pm. */
void dt_pm_status(FILE *out, const char *about, void *data);
void dt_pm_why(FILE *out, const char *about, void *data);
/* One event for `monitor`; nothing is built when nobody listens. relay may be NULL. */
void dt_pm_publish(struct dt_pm *pm, const char *event, const struct dt_connection *c, const struct dt_pm_relay *relay,
		   const char *detail);
/* The same of a subflow; NULL: the initial one. */
void dt_pm_publish_subflow(struct dt_pm *pm, const struct dt_connection *c, const struct dt_subflow *s,
			   const char *detail);

#endif
