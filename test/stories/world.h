/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What surrounds the path manager in a story: virtual time, a host with its kernel, relays and servers. There is one
 * world, which begins and ends with a story. The fakes (fake_*.c) read and write it; stories do by story.h.
 */
#ifndef STORIES_WORLD_H
#define STORIES_WORLD_H

#include <net/if.h>
#include <uthash.h>

#include "product.h"

/* --- time and what is to happen (fake_time.c) -------------------------------------------------- */

uint64_t world_now(void);
typedef void (*world_fn)(void *data);
/* Calls fn so much later, in the order of time. data is the caller's, and must live until then. */
void world_after(uint64_t delay_ns, world_fn fn, void *data);
/* When the next one is due; DT_NEVER: none. */
uint64_t world_next_ns(void);
/* Time goes on to this moment, and all that is due by then happens. */
void world_advance(uint64_t to_ns);
/* What the path manager just did took this long; nothing happens meanwhile. */
void world_spend(uint64_t ns);
/* Forgets what did not happen yet; its data is leaked to nobody: each came from malloc. */
void world_forget(void);

/* --- what happened (transcript.c) -------------------------------------------------------------- */

/* One line of the story so far, with its time. */
void tell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* How many lines from this one on begin with text, after the sign of who speaks. */
unsigned told(size_t from, const char *text);
size_t told_lines(void);
void transcript_print(FILE *to);
void transcript_clear(void);

/* --- the loop (fake_uv.c) ---------------------------------------------------------------------- */

/* Turns until this much time has passed. */
void loop_run(uv_loop_t *loop, uint64_t for_ns);
/* What a story did itself counts as done in the poll phase: check handles run, closed ones are gone. */
void loop_finish_turn(void);
size_t loop_handles(void);
void loop_forget(void);

/* --- descriptors (fake_sockets.c) -------------------------------------------------------------- */

enum fake_kind { FAKE_UDP, FAKE_PORT, FAKE_EVENTS, FAKE_REQUESTS, FAKE_MONITOR, FAKE_TRACK };
int fake_fd_new(enum fake_kind kind);
void fake_fd_close(int fd);
bool fake_fd_readable(int fd);
void fake_fd_set_readable(enum fake_kind kind, bool readable);
/* An error condition (POLLERR), at which libuv stops polling. */
void fake_fd_fail(enum fake_kind kind);
bool fake_fd_failure_take(int fd);
/* An ICMP error: nobody listens at that port. */
void fake_udp_refuse(const struct dt_endpoint *to, const struct dt_endpoint *from);
size_t fake_fds_open(void);
void fake_fds_forget(void);
/* A datagram for whoever has this local end now. */
void fake_udp_deliver(const struct dt_endpoint *to, const struct dt_endpoint *from, const uint8_t *bytes, size_t len);

/* ... for all that talk to this one. */
void fake_udp_deliver_all(const struct dt_endpoint *from, const uint8_t *bytes, size_t len);
/* All links' sockets are destroyed, as by ss -K: they have no peer any more. */
void fake_udp_disconnect(void);

/* --- the host's network (fake_network.c, fake_routes.c) ------------------------------------------------------- */

#define WORLD_LINKS 32

struct host_address {
	struct dt_ip ip;
	uint8_t flags; /* IFA_F_* */
};

struct host_link {
	struct dt_rt_link rt;
	bool exists;
	bool dark;    /* up, and yet nothing comes through */
	bool guarded; /* a tunnel with its filter */
	struct host_address addresses[4];
	size_t naddresses;
	bool has_default4, has_default6;
	uint32_t metric;
	struct dt_ip gateway4;
};

struct host_link *host_link_add(const char *name, const char *address, uint32_t metric);
struct host_link *host_link_find(const char *name);
struct host_link *host_link_of(const struct dt_ip *ip); /* that has the address */
struct host_link *host_link_at(uint32_t ifindex);
void host_address_add(struct host_link *link, const char *address);
void host_address_remove(struct host_link *link, const char *address);
void host_link_up(struct host_link *link, bool up);
void host_link_remove(struct host_link *link);
bool host_link_is_running(const struct host_link *link);
bool host_link_has_default(const struct host_link *link, unsigned family);
void host_tables_drop(uint32_t ifindex);
/* Where packets from one address to another leave; NULL: by none. from may be unset. */
struct host_link *host_route(const struct dt_ip *from, const struct dt_ip *to);
/* The kernel's choice of source address. */
bool host_source(const struct dt_ip *to, struct dt_ip *out);
/* Something changed: the monitor is told. */
void host_changed(void);
/* Rules and routes of the path manager's own that are still there. */
size_t host_leftovers(void);
void host_forget(void);

/* --- servers ----------------------------------------------------------------------------------- */

#define SERVER_ANY_LIMIT 100

struct server {
	struct dt_endpoint at;
	unsigned rtt_ms;	/* by the direct path */
	unsigned limit;		/* additional subflows that it takes of one connection */
	unsigned refuse;	/* so many joins more are reset */
	unsigned drop_joins;	/* so many joins more are closed right after their establishment */
	bool near;		/* it refuses a join before the call that began it returns */
	bool silent;		/* joins are not answered, by whatever path */
	bool dark;		/* nothing comes through on direct paths to it */
	bool deny_join_id0;	/* its C flag */
	bool flag_not_in_event; /* older kernels do not tell it with ESTABLISHED */
	bool flag_not_by_bpf;
	struct server *next;
};
struct server *server_add(const char *at);
struct server *server_at(const struct dt_endpoint *at);

/* --- relays (fake_relay.c) --------------------------------------------------------------------- */

/* The path manager's own; its relays know the public one. */
extern struct dt_keypair story_client_keys;

struct relay_lease;

/* A reply that is about to leave. A lie changes the message and the session, or the bytes, and then says so. */
struct relay_reply {
	uint8_t session[DT_SESSION_LEN];
	struct dt_message message;
	bool by_bytes; /* plain is what counts */
	uint8_t plain[DT_WIRE_REQUEST_PLAIN];
	size_t len;
};

struct relay {
	char name[24];
	char conf[256]; /* further lines of its section */
	struct dt_endpoint at;
	char host[64];	  /* in the configuration; "": the address */
	bool omitted;	  /* from the configuration */
	bool weak_key;	  /* the configuration has a public key of small order */
	bool other_key;	  /* the configuration has a public key that is not its own */
	struct dt_ip nat; /* named in replies; unset: not named */
	struct dt_ip nat6, control6;
	struct dt_keypair keys;
	struct dt_relay_proto *proto;
	struct dt_relay_peer *peer;
	unsigned rtt_ms;	/* client to relay and back */
	unsigned server_rtt_ms; /* relay to server and back */
	unsigned resets;	/* joins that the server refused by an RST, as it says in replies */
	unsigned epoch;		/* of its flows: a reboot forgets all */
	unsigned next_port;
	struct relay_lease *leases, *by_port;
	/* how it behaves */
	bool dark;	  /* nothing comes through, neither datagrams nor flows */
	bool port_closed; /* its daemon is gone, and its host says so by ICMP */
	bool daemon_off;  /* datagrams are not answered; flows go on */
	bool nat_blocked; /* something on the way eats joins to its NAT address */
	bool draining;
	bool lease_silent;    /* requests for leases are not answered */
	bool repeats;	      /* each answer comes twice */
	unsigned late_ms;     /* answers to requests for leases come so much later */
	unsigned quota;	      /* leases at most; 0: no limit */
	bool converter;	      /* it converts for this client */
	uint8_t outcome;      /* enum dt_convert_outcome: how it reached the server last */
	bool limited;	      /* this client has as many converted connections as it may have */
	uint8_t reason;	      /* enum dt_reason: it refuses leases; 0: it grants them */
	uint32_t lifetime_s;  /* at most granted; 0: as asked for */
	bool wireguard;	      /* it has tunnels */
	bool tunnel_blocked;  /* no handshake comes about */
	bool tunnel_collides; /* it gives addresses that this host has already */
	/* The only family that its tunnels carry; 0: both. */
	unsigned tunnel_family;
	unsigned tunnels_asked, tunnels_ended;
	void (*lie)(struct relay *r, struct relay_reply *reply); /* NULL: it is honest */
	/* what it was asked */
	unsigned asked, renewed, released, pinged, converts_asked;
	unsigned datagrams; /* of any kind */
	struct relay *next;
};
struct relay *relay_add(const char *name);
struct relay *relay_named(const char *name);
/* Its daemon begins anew: another session, another secret; leases and flows are found again. */
void relay_restart(struct relay *r);
/* Somebody sends datagrams in its name: garbage, or well formed but sealed with another key. */
void relay_forges(struct relay *r, bool garbage);
/* Its flows and leases are revoked; its daemon goes on. */
void relay_forgets(struct relay *r);
/* Its host begins anew: flows and leases are forgotten. */
void relay_reboot(struct relay *r);
/* Which relay's lease is at this address, and whose; NULL: none. */
struct relay *relay_of_join(const struct dt_endpoint *at, struct dt_endpoint *server);
size_t relay_leases(const struct relay *r);
void relay_datagram(const struct dt_endpoint *to, const struct dt_endpoint *from, const uint8_t *bytes, size_t len);
/* Out of the world, while nothing of it is under way. */
void relay_forget(struct relay *r);
void relays_forget(void);

/* --- WireGuard (fake_wireguard.c) -------------------------------------------------------------- */

/* Whose tunnel has this address; NULL: none. */
struct relay *tunnel_relay(const struct dt_ip *ip);
void tunnels_forget(void);

/* --- connections and subflows (fake_kernel.c; commands: fake_commands.c) -------------------------------------------------- */

struct connection;

enum path_kind { PATH_DIRECT, PATH_NAT, PATH_TUNNEL };

/* One TCP socket of the host. */
struct sock {
	struct dt_subflow_key key;
	struct connection *connection;
	struct dt_endpoint local, remote;
	uint8_t id, remote_id;
	uint8_t state; /* BPF_TCP_* */
	bool initial;
	bool backup;
	bool confirmed;
	uint64_t serial; /* of this socket, never used again */
	bool hidden;	 /* the inventory misses it */
	enum path_kind path;
	struct relay *relay; /* of NAT and tunnels */
	unsigned epoch;	     /* the relay's when the flow was made */
	struct server *server;
	bool dark;  /* this one alone: nothing comes through */
	bool loses; /* this one alone: no data comes through, though answers to probes do */
	/* what moves, by fake_traffic.c */
	uint64_t down_bps, up_bps, updated_ns;
	double received, acked, stuck;
	uint32_t probes_answered, rtos;
	unsigned backoff;
	bool stalled;		  /* its path died: nothing moves until the next time-out finds it open */
	bool watched;		  /* for its time-outs */
	struct sock *prev, *next; /* of the connection */
	UT_hash_handle hh;
};

struct local_entry {
	bool used;
	struct dt_endpoint at;
};

struct connection {
	dt_mptcp_token token;
	unsigned number;
	struct dt_endpoint local, remote;
	struct server *server;
	struct sock *socks;
	struct local_entry entries[256]; /* local addresses by id */
	bool halves[256];		 /* subflows that the server has, by the same ids */
	unsigned buried[256];		 /* the world's burial when the id's socket was closed */
	bool accepted;			 /* by this host */
	bool foreign;			 /* under the kernel's path manager */
	bool ready;
	uint32_t device;
	struct dt_origin origin;
	bool has_origin;
	uint8_t announced_id; /* the last one announced by the server */
	struct dt_endpoint announced;
	UT_hash_handle hh;
};

#define OTHERS_MAX 8

enum deed { DEED_JOIN, DEED_DATAGRAM, DEED_ADDRESS, DEED_LEAD };

struct world {
	struct relay *relays;
	struct server *servers;
	struct connection *connections; /* by token */
	struct sock *socks;		/* by four-tuple */
	struct host_link links[WORLD_LINKS];
	/* the kernel's behaviour */
	unsigned lose_events;	 /* so many more events are dropped, and ENOBUFS said */
	bool lose_quietly;	 /* events are not made at all */
	bool port_stolen_always; /* each port is taken by somebody else meanwhile */
	unsigned port_stolen;	 /* so many joins more find theirs taken */
	bool no_ports;
	bool no_destroy;  /* kernel without SOCK_DESTROY */
	bool no_realtime; /* without CAP_SYS_NICE */
	/* a real-time thread takes the processor, and the scheduler moves us to another unless we are pinned */
	bool other_realtime;
	unsigned
		worker_elsewhere; /* so many more closed sockets are buried at once, by a worker on another processor */
	bool no_rm_addr_count;	  /* before 6.3 */
	bool no_pulse;		  /* the pulse reader cannot be opened */
	bool no_prober;
	bool no_answers;      /* answers to probes cannot be kept away from TCP */
	bool late_backup;     /* before 6.9: MP_PRIO is refused until the subflow has joined for good */
	bool another_manager; /* takeover finds somebody else */
	int inventory_error;
	int mptcpify_error;
	int convert_error; /* likewise, of what leads connections to converters */
	bool mptcpify_open;
	char mptcpify_state[128];
	struct dt_ip client_seen; /* as relays see us; unset: as we are */
	struct dt_mptcp_limits limits;
	struct dt_mptcp_endpoint endpoints[DT_MPTCP_ENDPOINTS_MAX];
	size_t nendpoints;
	struct dt_tcp_sample others[OTHERS_MAX]; /* TCP connections that are not MPTCP */
	size_t nothers;
	struct dt_tcp_sample closing[OTHERS_MAX]; /* MPTCP connections that their program has closed */
	size_t nclosing;
	bool quiet;  /* nothing is told, and no monitor listens: for thousands of connections */
	bool frozen; /* the path manager was killed: what it still says is not heard */
	bool cpu_pinned, realtime, cpu_held;
	uint64_t rm_addrs_sent;
	unsigned rm_addrs_lost; /* so many of the next ones do not arrive */
	unsigned burial;	/* goes up whenever the kernel's worker may have run */
	uint64_t serials;
	unsigned connections_made;
	int wireguard_error;
	bool wireguard_is_program;
	int guard_error;
	unsigned next_token;
	uint16_t next_port;
	struct dt_ip resolves_to;  /* what the resolver says; unset: nothing */
	struct dt_ip resolves_too; /* ... and what it says second */
	uint64_t probes;
	uint64_t looks; /* at sockets */
	/* told of each address that the client joins, talks to by UDP, or gives to this host; NULL: nobody */
	void (*witness)(enum deed deed, const struct dt_ip *ip);
};
extern struct world world;

struct sock *sock_find(const struct dt_endpoint *local, const struct dt_endpoint *remote);
/* Packets from here to there would pass, and back. */
bool sock_path_is_open(const struct sock *s);
/* It is established, its path is open, and its relay knows it. */
bool sock_is_alive(const struct sock *s);
uint64_t sock_rtt_ns(const struct sock *s);
/* Where a socket from here to there goes. */
void sock_route(struct sock *s);
struct sock *sock_add(struct connection *c, const struct dt_endpoint *local, const struct dt_endpoint *remote);
/* Closed by whoever; the events say so. */
void sock_close(struct sock *s, int error);
/* The host's own end aborts it: RST to the server. */
void sock_abort(struct sock *s);
struct connection *connection_at(dt_mptcp_token token);
void event_send(const struct dt_mptcp_event *event);
struct dt_mptcp_event event_of(const struct sock *s, enum dt_mptcp_event_type type);
/* "fra", "wg:fra", "direct", "plain:eth1", "plain@203.0.113.6" */
const char *sock_via(const struct sock *s, char out[48]);
/* Subflows that the server has of this connection beside the initial one. */
unsigned server_halves(const struct connection *c);
/* The server drops its half of the subflow with this id, so much later. */
void server_forgets(struct connection *c, uint8_t id, uint64_t delay_ns);
struct connection *connection_add(struct server *server, const char *local);
/* The kernel forgets it, with its sockets. */
void connection_end(struct connection *c, bool tell_closed);
/* For what happens later to a socket that may be gone by then. */
struct sock_ref {
	struct dt_endpoint local, remote;
	uint64_t serial;
	unsigned step;
};
struct sock_ref *sock_ref(const struct sock *s);
struct sock *sock_of(const struct sock_ref *ref);
void kernel_forget(void);
/* Events that wait for the path manager; false: none. overflow: some were lost. */
bool event_take(struct dt_mptcp_event *out);
bool events_overflown(void);

/* --- traffic (fake_traffic.c) ------------------------------------------------------------------ */

/* Counts what moved until now; before anything changes that bears on it. */
void sock_settle(struct sock *s);
void socks_settle(void);
/* From now on so much moves on it, as long as its path lets it. */
void sock_flow(struct sock *s, uint64_t down_bps, uint64_t up_bps);

/* --- BPF (fake_bpf.c) -------------------------------------------------------------------------- */

/* sockops saw it. */
void track_note(const struct sock *s, enum dt_subflow_happening what);
void track_row_add(const struct sock *s);
/* A new connection to this server goes to that converter now; to NULL: it is direct. */
bool converts(const char *server, const char *to);
void track_fallback(const struct dt_endpoint *remote, enum dt_subflow_happening what);
/* This socket is plain TCP from its beginning on. */
void track_fallback_of(const struct sock *s);
size_t track_rows(void);
void track_forget_all(void);

/* --- the control socket (fake_control.c) ------------------------------------------------------- */

/* The daemon's answer, to be freed; NULL: nobody listens. */
char *control_ask(const char *request, const char *about);

#endif
