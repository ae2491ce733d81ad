/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The structures that BPF programs and user space share, and nothing else.
 *
 * Each map value has one writer: user space only reads or deletes what BPF writes, and BPF only reads what user space
 * writes. Times are nanoseconds of CLOCK_BOOTTIME. Addresses are 16 bytes in network byte order, IPv4 as v4-mapped
 * (::ffff:a.b.c.d). Members named *_be16 are big endian, all other integers are in host order.
 *
 * Include <linux/types.h> (user space) or the reduced kernel types (BPF) first.
 */
#ifndef DETOURD_MAPS_H
#define DETOURD_MAPS_H

/* Raised with every change of a pinned map's layout or meaning; see struct dt_nat_config. */
#define DT_MAPS_LAYOUT 3

struct dt_ip {
	union {
		__u8 b[16];
		__u32 w[4]; /* network byte order */
	};
};

/* --- nat.bpf: leases -------------------------------------------------------------------------- */

/*
 * Map "leases" (hash, written by user space): which client may open flows to which relay port. In a tunnel's lease relay
 * and dpt_be16 are zero, and the client (a tunnel address) may open flows to every permitted server. "server" is then the
 * address that servers see as source, and rpt_be16 is zero.
 */
struct dt_lease_key {
	struct dt_ip client; /* the client's address, which it has proven: source of its packets */
	struct dt_ip relay;  /* local NAT address: destination of the client's packets */
	__u16 dpt_be16;	     /* the relay port the client connects to */
	__u16 pad[3];
};

struct dt_lease {
	__u64 client_id; /* key of "clients" and "usage" */
	__u64 expires_ns;
	__u64 created_ns;
	struct dt_ip server;
	__u16 rpt_be16; /* the server's port */
	__u16 pad[3];
};

/* --- nat.bpf: converters ---------------------------------------------------------------------- */

/*
 * Map "converters" (hash, written by user space): relay ports at which a connection ends that the relay itself accepts, for
 * as long as its listening socket is open. Until expires_ns the client may connect; joins come from anywhere and at any
 * time, since they find only a connection that is there.
 */
struct dt_converter_key {
	struct dt_ip relay; /* local address of the socket */
	__u16 dpt_be16;
	__u16 pad[3];
};

struct dt_converter {
	struct dt_ip client; /* the client's address, which it has proven */
	__u64 client_id;     /* key of "clients" */
	__u64 expires_ns;    /* 0: the lease is over */
	__u64 created_ns;
	struct dt_ip server;
	__u16 rpt_be16;
	__u16 closed; /* 1: the lease has ended, and nothing listens there any more */
	__u16 pad[2];
};

/* Ring buffer "syns" (not pinned; the daemon reads): a connection to a converter's socket begins. */
struct dt_converter_syn {
	struct dt_ip client;
	struct dt_ip relay;
	__u16 sport_be16;
	__u16 dpt_be16;
	__u32 pad;
};

/* --- nat.bpf: flows --------------------------------------------------------------------------- */

/* The TCP four-tuple of packets as they arrive at the relay. */
struct dt_flow_key {
	struct dt_ip src;
	struct dt_ip dst;
	__u16 sport_be16;
	__u16 dport_be16;
	__u32 pad;
};

enum dt_flow_dir {
	DT_DIR_UP = 0,	 /* client to server */
	DT_DIR_DOWN = 1, /* server to client */
};

enum dt_flow_state {
	DT_FLOW_HALF_OPEN = 0,	 /* the SYN was forwarded, no valid SYN-ACK has come yet */
	DT_FLOW_ESTABLISHED = 1, /* the SYN-ACK was valid (MP_JOIN, or plain-tcp) */
	DT_FLOW_CLOSING = 2,	 /* FIN both ways and both acknowledged, or RST: since changed_ns */
	DT_FLOW_REFUSED = 3,	 /* the SYN-ACK lacked MP_JOIN: the host resets both ends; no down entry any more */
	DT_FLOW_ENDED = 4,	 /* a new SYN came after the end; counted in "restarted", not in "ended" */
};

enum dt_flow_flag {
	DT_FLOW_FIN = 1 << 0,	    /* this direction sent a FIN; it ends at fin_end */
	DT_FLOW_PLAIN = 1 << 1,	    /* opened with plain-tcp = yes */
	DT_FLOW_TUNNEL = 1 << 2,    /* the client is behind a tunnel */
	DT_FLOW_RESET = 1 << 3,	    /* an RST of this direction ended the flow */
	DT_FLOW_NO_ANSWER = 1 << 4, /* reset before a valid SYN-ACK came */
};

/*
 * Map "flows" (hash, written by BPF, deleted by user space): two entries for each flow, one for each direction, under the
 * four-tuple with which its packets arrive. Both are inserted with BPF_NOEXIST: inserting the down entry claims the source
 * port atomically. The state of the up entry is the one that "usage" counts. BPF deletes the down entry of a refused flow:
 * another flow may then have its source port.
 */
struct dt_flow {
	struct dt_ip new_src; /* these four are written into the packet */
	struct dt_ip new_dst;
	__u16 new_sport_be16;
	__u16 new_dport_be16;
	__u32 dir;   /* enum dt_flow_dir */
	__u32 state; /* enum dt_flow_state; both entries have the same, except during a change */
	__u32 flags; /* enum dt_flow_flag */
	__u64 client_id;
	__u64 started_ns;
	__u64 changed_ns;   /* when state last changed */
	__u64 seen_ns;	    /* last packet forwarded in this direction */
	__u64 packets;	    /* forwarded in this direction; a GSO packet counts as its segments */
	__u64 bytes;	    /* IP bytes, likewise */
	__u32 oif;	    /* interface by which rewritten packets leave, while route_gen matches */
	__u32 mtu;	    /* of that route, likewise */
	__u32 route_gen;    /* route_generation of struct dt_nat_config when oif and mtu were looked up */
	__u32 credit;	    /* bytes taken in advance from the client's and the relay's buckets */
	__u32 credit_until; /* in units of 2^20 ns; after that the credit goes back to the buckets */
	__u32 syn_again;    /* when a SYN was last forwarded on the established flow, likewise; 0: never */

	/* TCP sequence numbers of forwarded segments of this direction: */
	__u32 start;   /* of the byte after the SYN */
	__u32 end;     /* of the byte after the last one sent */
	__u32 fin_end; /* after the last FIN */
	__u32 acked;   /* highest acknowledgement of the other direction's data */
	__u32 bound;   /* highest acknowledgement + window: the other direction's data may begin up to there */
	__u32 window;  /* the largest, bytes; at most DT_FLOW_WINDOW_MAX */
	__u32 wscale;  /* shift of the window field; 0 unless both SYNs had the option */
	/* A copy of the other entry's end, bound and window. It is copied again before a segment is refused. */
	__u32 peer_end;
	__u32 peer_bound;
	__u32 peer_window;
};

#define DT_FLOW_WINDOW_MAX (1U << 29)

/* --- nat.bpf: clients ------------------------------------------------------------------------- */

/* Of max-rate, what the copying process gets at once: bytes. */
#define DT_RATE_GRANT_MAX (1 << 22)
#define DT_RATE_GRANT_MIN 1400

enum dt_client_flag {
	DT_CLIENT_PLAIN_TCP = 1 << 0, /* lifts the MP_JOIN gate */
};

/* Map "clients" (hash by __u64 client_id, written by user space). A client without an entry is revoked: no new flow. */
struct dt_client_limits {
	__u32 max_flows;     /* live flows, with those half open */
	__u32 max_half_open; /* flows in DT_FLOW_HALF_OPEN */
	__u32 max_new_flows; /* per second; the bucket holds one second's worth */
	__u32 flags;	     /* enum dt_client_flag */
	__u64 rate;	     /* IP bytes per second in each direction, of all flows together; at least 1 */
	__u64 bucket_ns;     /* depth of the bucket: the time in which the rate fills it */
};

/*
 * Map "shares" (hash by client_id, written by user space): the source ports of a client towards each server. The first
 * "common" ports of the range are all clients'. Of the others "own" ones, from "first" on, are this client's alone: so no
 * client can take what another one needs. A client without an entry may use the whole range.
 */
struct dt_port_share {
	__u16 common;
	__u16 first; /* counted from source_min */
	__u16 own;
	__u16 pad;
};

/* Map "ended" (hash by client_id, written by user space): the flows that the sweep deleted. */
struct dt_client_ended {
	__u64 flows;	 /* live flows = dt_client_usage.started - restarted - flows */
	__u64 half_open; /* of these, those never established; half open now = started - established - half_open */
	__u64 bytes_up;	 /* of all deleted flows */
	__u64 bytes_down;
};

/*
 * Map "usage" (hash by client_id; user space inserts zeroes, then BPF alone writes, atomically). Id 0 is the relay as a
 * whole, here and in "ended".
 */
struct dt_client_usage {
	__u64 started;
	__u64 restarted;   /* flows that ended and were started again by a new SYN of the same four-tuple */
	__u64 established; /* flows that left DT_FLOW_HALF_OPEN, for any other state */
	__u64 bucket_ns;   /* new-flow bucket: when it is full again (GCRA) */
	/* by enum dt_flow_dir: */
	__u64 rate_ns[2];      /* max-rate buckets: when they are full again */
	__u64 early_ns[2];     /* no early drop before this time */
	__u64 rate_dropped[2]; /* packets */
};

/* --- nat.bpf: policy -------------------------------------------------------------------------- */

enum dt_policy_kind {
	DT_POLICY_DENY = 1,
	DT_POLICY_ALLOW = 2,
	DT_POLICY_BUILTIN = 3, /* denied by default: special-purpose ranges and the relay's own addresses */
};

/*
 * Map "policy" (LPM trie, written by user space). An entry's prefixlen covers all members before ip, so that a look-up
 * with the full length tells whether any prefix of this list contains the address. The relay's lists have client_id 0. A
 * client that has an allow list also has a DT_POLICY_ALLOW entry with family 0, to tell that there is a list.
 */
struct dt_policy_key {
	__u32 prefixlen; /* DT_POLICY_PREFIX_BASE + bits of ip (IPv4: 96 + n) */
	__u32 generation;
	__u64 client_id;
	__u16 kind;   /* enum dt_policy_kind */
	__u16 family; /* 4 or 6, so that a short IPv6 prefix does not match v4-mapped addresses */
	struct dt_ip ip;
} __attribute__((packed, aligned(4)));
#define DT_POLICY_PREFIX_BASE ((4 + 8 + 2 + 2) * 8)

/* --- nat.bpf: routes -------------------------------------------------------------------------- */

/* Map "routes" (LPM trie, written by user space from rtnetlink). */
struct dt_route_key {
	__u32 prefixlen; /* DT_ROUTE_PREFIX_BASE + bits of ip (IPv4: 96 + n) */
	__u32 family;	 /* 4 or 6 */
	struct dt_ip ip;
};
#define DT_ROUTE_PREFIX_BASE 32

struct dt_route {
	__u32 oif;
	__u32 mtu; /* bytes; of the route if it has one, else of the interface */
};

/* --- nat.bpf: configuration and counters ------------------------------------------------------ */

/* Map "config" (array of one, written by user space). */
struct dt_nat_config {
	__u32 layout;		 /* DT_MAPS_LAYOUT */
	__u32 policy_generation; /* entries of "policy" with another generation do not count */
	__u32 route_generation;	 /* raised after every change of "routes": flows then look up their routes again */
	__u32 tunnel_ifindex;	 /* WireGuard interface, 0 = none; answers to its flows leave by it */
	__u64 alive_until_ns;	 /* renewed by the daemon; after it, no new flows */
	__u64 dead_after_ns;	 /* after both, no packet is translated any more: by CLOCK_BOOTTIME, ... */
	__u64 dead_awake_ns;	 /* ... and by CLOCK_MONOTONIC, which stands still while the host sleeps */
	__u64 half_open_ns;
	__u64 idle_ns;
	__u64 closing_ns;
	__u64 rate;		      /* of the relay, as in struct dt_client_limits */
	__u64 bucket_ns;	      /* likewise */
	__u32 tunnel_mtu;	      /* of tunnel_ifindex */
	__u32 max_flows;	      /* of the relay */
	__u16 port_min, port_max;     /* lease ports, host order, inclusive */
	__u16 source_min, source_max; /* source ports towards servers, host order, inclusive */
};

/*
 * For so long after its time is over a flow may be started again by a new SYN. The sweep deletes it only after
 * DT_FLOW_SWEEP_NS, which is longer, so that the two never meet.
 */
#define DT_FLOW_RESTART_NS 5000000000ULL
#define DT_FLOW_SWEEP_NS 6000000000ULL

/* Map "addresses" (hash by struct dt_ip, written by user space): local NAT addresses. Values are __u32 1. */

/*
 * Map "counters" (per-CPU array of __u64, written by BPF): one for each outcome of a packet. Packets of a PASS counter go
 * to the host, those of a DROP counter are dropped.
 */
enum dt_nat_counter {
	DT_NAT_FORWARDED_UP,
	DT_NAT_FORWARDED_DOWN,
	DT_NAT_PASS_NOT_TCP,   /* not TCP over IPv4 or IPv6, or with IPv6 extension headers */
	DT_NAT_PASS_FRAGMENT,  /* IP fragments, not the first one to a port of ours */
	DT_NAT_PASS_OPTIONS,   /* IPv4 options, not to a port of ours */
	DT_NAT_PASS_TRUNCATED, /* shorter than the headers say */
	DT_NAT_PASS_NO_FLOW,   /* of no flow, and not a SYN to a lease port */
	DT_NAT_PASS_REFUSED,   /* of a flow whose SYN-ACK lacked MP_JOIN */
	DT_NAT_PASS_EXPIRED,   /* of a flow whose time is over */
	DT_NAT_PASS_DEAD,      /* the daemon has been away for too long (dead_after_ns) */
	DT_NAT_PASS_CONVERTED, /* SYN to a converter's port, open or closed, from its client; or with MP_JOIN */
	DT_NAT_PASS_LAST = DT_NAT_PASS_CONVERTED,
	DT_NAT_DROP_NO_LEASE,	 /* SYN to a lease port without a lease, or the lease has expired */
	DT_NAT_DROP_NO_DAEMON,	 /* new flow, but the daemon has not renewed alive_until_ns */
	DT_NAT_DROP_REVOKED,	 /* the lease's client is revoked */
	DT_NAT_DROP_GATE_SYN,	 /* SYN without MP_JOIN */
	DT_NAT_DROP_GATE_STATE,	 /* segment that the handshake does not allow, or not yet */
	DT_NAT_DROP_DESTINATION, /* new flow to a server that the policy denies */
	DT_NAT_DROP_MAX_FLOWS,	 /* new flow above max-flows, of the client or of the relay */
	DT_NAT_DROP_HALF_OPEN,	 /* new flow, and the client has too many half-open flows */
	DT_NAT_DROP_NEW_FLOWS,	 /* new flow above max-new-flows */
	DT_NAT_DROP_NO_PORT,	 /* no free source port was found */
	DT_NAT_DROP_TABLE_FULL,	 /* new flow, and the map "flows" is full */
	DT_NAT_DROP_NO_ROUTE,	 /* no route to the server, or back to the client */
	DT_NAT_DROP_TTL,	 /* no hop left; the sender is told by ICMP */
	DT_NAT_DROP_TUNNEL,	 /* came from a tunnel; from an uplink it would go to the host */
	DT_NAT_DROP_ERROR,	 /* a kernel helper failed */
	DT_NAT_DROP_STALE,	 /* SYN on the four-tuple of a flow that is over and about to be deleted */
	DT_NAT_FORWARDED_ICMP,	 /* ICMP errors about a flow */
	DT_NAT_DROP_ICMP,	 /* ICMP errors that quote what the flow did not send */
	DT_NAT_DROP_WINDOW,	 /* segment outside the flow's window */
	DT_NAT_DROP_RATE,	 /* above max-rate */
	DT_NAT_DROP_TOO_BIG,	 /* larger than the route's MTU; the sender is told by ICMP */
	DT_NAT_FLOWS_STARTED,	 /* not an outcome: flows that were started */
	DT_NAT_DROP_SYN_DATA,	 /* data in a SYN, or in an RST before the SYN-ACK: the server has agreed to nothing */
	DT_NAT_DROP_FRAGMENT,	 /* first IP fragment to one of our ports; without it the host cannot reassemble */
	DT_NAT_DROP_OPTIONS,	 /* TCP with IP options or extension headers to one of our ports */
	DT_NAT_COUNTERS
};

/* --- track.bpf -------------------------------------------------------------------------------- */

/* The four-tuple of a subflow, from this host's side. */
struct dt_subflow_key {
	struct dt_ip local;
	struct dt_ip remote;
	__u16 lport; /* host order, both */
	__u16 rport;
	__u32 pad;
};

/* Map "subflows" (hash by struct dt_subflow_key, written by BPF): each MPTCP subflow that this host opened. */
struct dt_subflow_stats {
	__u32 token; /* the connection's local token: a secret, never printed */
	__u32 srtt_us;
	__u32 rtos;	   /* retransmission time-outs, in all */
	__u32 retransmits; /* segments, in all */
	__u64 bytes_acked;
	__u64 bytes_received; /* at the last callback; a receiver gets few callbacks, so read the socket instead */
	__u64 updated_ns;     /* of the last callback */
	__u32 state;	      /* TCP state, BPF_TCP_* */
	__u32 deny_join_id0;  /* of an initial subflow: the server's C flag */
	__u32 device;	      /* index of the interface that the connection is bound to (SO_BINDTODEVICE); 0: none */
	__u32 pad;
};

enum dt_subflow_happening {
	DT_SUBFLOW_CLOSED,    /* reached TCP_CLOSE */
	DT_SUBFLOW_AWOKE,     /* moves data again, after a time without callbacks */
	DT_SUBFLOW_TIMED_OUT, /* retransmits, and has heard nothing lately */
	/* A connection that was to be MPTCP is established as TCP; its entry in "subflows" is deleted. */
	DT_SUBFLOW_FELL_BACK,	       /* the answer carried no MPTCP option */
	DT_SUBFLOW_FELL_BACK_SYN_LOST, /* the kernel left MPTCP out of a retransmitted SYN */
	DT_SUBFLOW_FELL_BACK_DISABLED, /* the kernel never asked for MPTCP */
};

/* Ring buffer "events" (written by BPF): what happened to a subflow. */
struct dt_subflow_event {
	struct dt_subflow_key key;
	__u32 token;
	__u32 what; /* enum dt_subflow_happening */
};

/* --- pulse.bpf -------------------------------------------------------------------------------- */

#define DT_PULSES 128	     /* sockets that one call reads */
#define DT_ANSWERS_MAX 16384 /* subflows whose answers to probes are counted: maps "asked" and "answers" (LRU hash) */

/* What a socket has received, and what a segment in its name must contain. */
struct dt_pulse {
	/* which socket; written by user space: */
	struct dt_subflow_key key;
	__u32 device; /* index of the interface that it is bound to; 0: none */
	/* the answer, written by BPF: */
	__u32 state; /* TCP state, BPF_TCP_*; 0: there is no such socket */
	__u32 srtt_us;
	__u32 rttvar_us; /* mean deviation */
	__u32 segs_in;	 /* with or without data; with answers to probes that TCP did not see */
	__u32 data_segs_in;
	__u32 data_segs_out; /* with retransmissions */
	__u32 delivered;     /* segments that the peer has, also those that it has out of order */
	__u32 packets_out;   /* segments that are not acknowledged yet */
	__u32 snd_una;
	__u32 rcv_nxt;
	__u32 out_of_order; /* segments received out of order */
	__u32 tsval;	    /* this and tsecr: the timestamps option, */
	__u32 tsecr;
	__u32 timestamps;    /* if this is not 0 */
	__u32 data_seq;	     /* of the connection: the next data-level sequence number that it expects, low 32 bits */
	__u32 data_hole;     /* 1: the connection has data beyond that number, so something before it is missing */
	__u32 flow_label;    /* IPv6 */
	__u32 own_hole;	     /* 1: the subflow has segments beyond rcv_nxt */
	__u32 no_window;     /* 1: the peer has no room for data, and what is sent only asks for some */
	__u32 retransmitted; /* segments sent again, without those that proved needless */
	__u32 echo_ms;	     /* how old the timestamp was that the last segment echoed, when it arrived; 0: not known */
	__u32 pad;
	__u64 bytes_received, bytes_acked;
};

/* How many cgroups of one connection are recorded: from the root down to its own. */
#define DT_ORIGIN_CGROUPS 16

/* Map "origins" (LRU hash by token, written by BPF): who opened a connection. */
struct dt_origin {
	__u32 uid; /* effective */
	__u32 ncgroups;
	char program[16]; /* name of the process (comm), zero-terminated */
	__u64 cgroups[DT_ORIGIN_CGROUPS];
};

/* --- mptcpify.bpf ----------------------------------------------------------------------------- */

#define DT_MPTCPIFY_MAX 1024 /* entries in each list */

enum dt_mptcpify_flag {
	DT_MPTCPIFY_CHOSEN = 1 << 0,
	DT_MPTCPIFY_EXCEPT = 1 << 1,
};

struct dt_program {
	char name[16];
};

/* Map "config" (array of one). User space writes all but "sockets", which BPF counts. */
struct dt_mptcpify_config {
	__u32 enabled;
	__u32 by_user; /* these three: 1 if such a list was given */
	__u32 by_cgroup;
	__u32 by_program;
	__u64 sockets; /* made MPTCP sockets so far */
};

/* --- convert.bpf ------------------------------------------------------------------------------ */

#define DT_CONVERT_MAX 1024	    /* servers whose connections are converted */
#define DT_CONVERT_EARLIER_MAX 2048 /* converters' addresses that are known from an earlier run */

/*
 * Map "servers" (hash, written by user space): MPTCP connections to this server go to a converter. Map "earlier" (the same): at
 * this address of a converter is this server.
 */
struct dt_convert_key {
	struct dt_ip ip;
	__u16 port_be16;
	__u16 pad;
};

struct dt_convert_to {
	struct dt_ip ip; /* of the same family */
	__u16 port_be16;
	__u16 pad[3];
	__u64 expires_ns; /* after that connections are direct: who wrote this may be dead */
};

/* --- inventory.bpf ---------------------------------------------------------------------------- */

enum dt_record_flag {
	DT_RECORD_SERVER_SIDE = 1 << 0,	  /* this host accepted the connection */
	DT_RECORD_USERSPACE_PM = 1 << 1,  /* its path manager is in user space, not in the kernel */
	DT_RECORD_DENY_JOIN_ID0 = 1 << 2, /* the peer's C flag (RFC 8684, 3.1) */
	DT_RECORD_READY = 1 << 3,	  /* the connection can take more subflows */
	DT_RECORD_JOIN = 1 << 4,	  /* not the initial subflow */
	DT_RECORD_CONFIRMED = 1 << 5,	  /* fully established: the peer did not refuse it */
	DT_RECORD_BACKUP = 1 << 6,	  /* the peer asked for it to be a backup */
	DT_RECORD_BACKUP_ASKED = 1 << 7,  /* this host asked for that */
};

/* What inventory.bpf writes for each MPTCP subflow of the network namespace; one record follows another. */
struct dt_subflow_record {
	struct dt_subflow_key key;
	struct dt_subflow_key initial; /* of the connection's initial subflow, which may have closed */
	__u32 token;
	__u32 srtt_us;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u32 retransmits;
	__u32 flags; /* enum dt_record_flag */
	__u8 state;  /* TCP state, BPF_TCP_* */
	__u8 local_id;
	__u8 remote_id;
	__u8 announced_id; /* of the address below */
	__u32 device;	   /* index of the interface that the connection is bound to; 0: none */
	/* The last address that the peer announced. IPv4 is in the first word; port 0 is the connection's own. */
	struct dt_ip announced;
	__u16 announced_port_be16;
	__u16 announced_family; /* AF_*; 0: no address */
	__u8 pad[4];
};

#ifndef DT_NO_LAYOUT_ASSERTS
_Static_assert(sizeof(struct dt_subflow_record) == 144, "layout");
_Static_assert(sizeof(struct dt_pulse) == 152, "layout");
_Static_assert(sizeof(struct dt_ip) == 16, "layout");
_Static_assert(sizeof(struct dt_lease_key) == 40, "layout");
_Static_assert(sizeof(struct dt_lease) == 48, "layout");
_Static_assert(sizeof(struct dt_converter_key) == 24, "layout");
_Static_assert(sizeof(struct dt_converter) == 64, "layout");
_Static_assert(sizeof(struct dt_converter_syn) == 40, "layout");
_Static_assert(sizeof(struct dt_flow_key) == 40, "layout");
_Static_assert(sizeof(struct dt_flow) == 160, "layout");
_Static_assert(sizeof(struct dt_client_limits) == 32, "layout");
_Static_assert(sizeof(struct dt_port_share) == 8, "layout");
_Static_assert(sizeof(struct dt_client_usage) == 80, "layout");
_Static_assert(sizeof(struct dt_policy_key) == 36, "layout");
_Static_assert(sizeof(struct dt_route_key) == 24, "layout");
_Static_assert(sizeof(struct dt_nat_config) == 96, "layout");
_Static_assert(sizeof(struct dt_subflow_key) == 40, "layout");
_Static_assert(sizeof(struct dt_subflow_stats) == 56, "layout");
#endif

#endif
