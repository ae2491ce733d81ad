/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Every structure that BPF programs and user space share, and nothing else.
 *
 * One writer per map value: what BPF writes user space only reads or deletes, and the other way round.
 * Times are nanoseconds of CLOCK_BOOTTIME. Addresses are 16 bytes in network byte order, IPv4 as
 * v4-mapped (::ffff:a.b.c.d). Members named *_be16 are big endian, all other integers are host order.
 *
 * Include <linux/types.h> (user space) or the reduced kernel types (BPF) first.
 */
#ifndef DETOURD_MAPS_H
#define DETOURD_MAPS_H

/* Raised whenever a pinned map's layout or meaning changes; see struct dt_nat_config. */
#define DT_MAPS_LAYOUT 2

struct dt_ip {
	union {
		__u8 b[16];
		__u32 w[4]; /* network byte order */
	};
};

/* --- nat.bpf: leases -------------------------------------------------------------------------- */

/*
 * Map "leases" (hash, written by user space): who may open flows to which relay port. A tunnel's lease has relay and
 * dpt_be16 zero: its client (a tunnel address) may open flows to any permitted server; server is then the address
 * that servers see as source, and rpt_be16 zero.
 */
struct dt_lease_key {
	struct dt_ip client; /* proven address of the client, as packets of it carry it */
	struct dt_ip relay;  /* local NAT address, as packets arriving here carry it */
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

/* --- nat.bpf: flows --------------------------------------------------------------------------- */

/* A TCP four-tuple as a packet arriving at the relay carries it. */
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
	DT_FLOW_HALF_OPEN = 0,	 /* SYN forwarded, no acceptable SYN-ACK yet */
	DT_FLOW_ESTABLISHED = 1, /* the SYN-ACK was acceptable (MP_JOIN, or plain-tcp) */
	DT_FLOW_CLOSING = 2,	 /* FIN both ways and both acknowledged, or RST: since changed_ns */
	DT_FLOW_REFUSED = 3,	 /* the SYN-ACK lacked MP_JOIN: both ends are left to the host's RST */
	DT_FLOW_ENDED = 4,	 /* a new SYN came after the end; counted in "restarted", not in "ended" */
};

enum dt_flow_flag {
	DT_FLOW_FIN = 1 << 0,	 /* a FIN went by in this direction, up to fin_end */
	DT_FLOW_PLAIN = 1 << 1,	 /* opened under plain-tcp = yes */
	DT_FLOW_TUNNEL = 1 << 2, /* the client's side is a tunnel */
	DT_FLOW_RESET = 1 << 3,	 /* an RST of this direction ended it */
};

/*
 * Map "flows" (hash, written by BPF, deleted by user space): two entries a flow, one per direction, each
 * under the key its packets arrive with. Inserted with BPF_NOEXIST: the insertion of the down entry is the
 * atomic claim of the source port. The up entry alone decides the state that is counted in "usage".
 */
struct dt_flow {
	struct dt_ip new_src; /* written into the packet */
	struct dt_ip new_dst;
	__u16 new_sport_be16;
	__u16 new_dport_be16;
	__u32 dir;   /* enum dt_flow_dir */
	__u32 state; /* enum dt_flow_state, the same in both entries but for the moment of a change */
	__u32 flags; /* enum dt_flow_flag */
	__u64 client_id;
	__u64 started_ns;
	__u64 changed_ns; /* when state last changed */
	__u64 seen_ns;	  /* last packet forwarded in this direction */
	__u64 packets;	  /* forwarded in this direction; GSO packets count as their segments */
	__u64 bytes;	  /* IP bytes, likewise */
	__u32 oif;	  /* interface the rewritten packets leave by, valid while route_gen matches */
	__u32 mtu;	  /* of that route, likewise */
	__u32 route_gen;
	__u32 credit;	    /* bytes taken from the client's and the relay's buckets in advance */
	__u32 credit_until; /* in units of 2^20 ns; then they go back to the buckets */
	__u32 pad;

	/* TCP sequence numbers (host order): what went by in this direction ... */
	__u32 start;   /* the first after the SYN */
	__u32 end;     /* after the highest forwarded */
	__u32 fin_end; /* after the last FIN */
	__u32 acked;   /* highest acknowledgement, of the other direction's data */
	__u32 bound;   /* highest acknowledgement + window: the other direction's data may begin up to there */
	__u32 window;  /* the largest, bytes; DT_FLOW_WINDOW_MAX at most */
	__u32 wscale;  /* shift of the window field; only if both SYNs carried the option */
	/* ... and of the other entry, as it was when last looked at: looked at again before a segment is refused */
	__u32 peer_end;
	__u32 peer_bound;
	__u32 peer_window;
};

#define DT_FLOW_WINDOW_MAX (1U << 29)

/* --- nat.bpf: clients ------------------------------------------------------------------------- */

enum dt_client_flag {
	DT_CLIENT_PLAIN_TCP = 1 << 0, /* lifts the MP_JOIN gate */
};

/* Map "clients" (hash by __u64 client_id, written by user space). No entry: revoked, no new flow. */
struct dt_client_limits {
	__u32 max_flows;     /* live flows, half-open included */
	__u32 max_half_open; /* flows in DT_FLOW_HALF_OPEN */
	__u32 max_new_flows; /* a second; bucket as deep as one second */
	__u32 flags;	     /* enum dt_client_flag */
	__u64 rate;	     /* IP bytes a second, each direction, of all flows together; at least 1 */
	__u64 bucket_ns;     /* depth of the bucket, as the time in which the rate fills it */
};

/* Map "ended" (hash by client_id, written by user space): what the sweep has deleted. */
struct dt_client_ended {
	__u64 flows;	 /* live flows = dt_client_usage.started - restarted - flows */
	__u64 half_open; /* of these, never established: half-open = started - established - half_open */
	__u64 bytes_up;	 /* totals of the deleted flows */
	__u64 bytes_down;
};

/* Map "usage" (hash by client_id; user space inserts zeroes, from then on written by BPF, atomically). */
struct dt_client_usage {
	__u64 started;
	__u64 restarted;   /* flows that a new SYN of the same four-tuple ended and began again */
	__u64 established; /* flows that left DT_FLOW_HALF_OPEN, whatever for */
	__u64 bucket_ns;   /* new-flow bucket as a virtual time (GCRA) */
	/* by enum dt_flow_dir: */
	__u64 rate_ns[2];      /* max-rate buckets as virtual times */
	__u64 early_ns[2];     /* no early drop before */
	__u64 rate_dropped[2]; /* packets */
};

/* --- nat.bpf: policy -------------------------------------------------------------------------- */

enum dt_policy_kind {
	DT_POLICY_DENY = 1,
	DT_POLICY_ALLOW = 2,
	DT_POLICY_BUILTIN = 3, /* special-purpose ranges and the relay's own addresses */
};

/*
 * Map "policy" (LPM trie, written by user space). Every entry's prefixlen covers all members before ip, so
 * a look-up with the full length answers "does any prefix of this kind hold it". The relay's lists have
 * client_id 0; a client that has an allow list has also the DT_POLICY_ALLOW entry with family 0.
 */
struct dt_policy_key {
	__u32 prefixlen; /* DT_POLICY_PREFIX_BASE + bits of ip (IPv4: 96 + n) */
	__u32 generation;
	__u64 client_id;
	__u16 kind;   /* enum dt_policy_kind */
	__u16 family; /* 4 or 6: a short IPv6 prefix must not catch mapped IPv4 */
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
	__u32 mtu; /* bytes, of the route where it has one, else of the interface */
};

/* --- nat.bpf: configuration and counters ------------------------------------------------------ */

/* Map "config" (array of one, written by user space). */
struct dt_nat_config {
	__u32 layout;		 /* DT_MAPS_LAYOUT */
	__u32 policy_generation; /* entries of other generations do not exist */
	__u32 route_generation;	 /* raised after every change of "routes": flows look their oif up again */
	__u32 tunnel_ifindex;	 /* WireGuard interface, 0 = none; answers to its flows leave by it */
	__u64 alive_until_ns;	 /* renewed by the daemon; later: no new flow */
	__u64 dead_after_ns;	 /* later: nothing is translated any more */
	__u64 half_open_ns;
	__u64 idle_ns;
	__u64 closing_ns;
	__u64 rate; /* relay-wide, as in struct dt_client_limits; its times are usage's of id 0 */
	__u64 bucket_ns;
	__u32 tunnel_mtu;	      /* of tunnel_ifindex */
	__u32 max_flows;	      /* relay-wide */
	__u16 port_min, port_max;     /* lease ports, host order, inclusive */
	__u16 source_min, source_max; /* source ports towards servers, host order, inclusive */
};

/* A flow past its timer may be begun again for this long; then it is the sweep's, which waits longer. */
#define DT_FLOW_RESTART_NS 5000000000ULL
#define DT_FLOW_SWEEP_NS 6000000000ULL

/* Map "addresses" (hash by struct dt_ip, written by user space): local NAT addresses. Value: __u32 1. */

/* Map "counters" (per-CPU array of __u64, written by BPF): one for every outcome of a packet. */
enum dt_nat_counter {
	DT_NAT_FORWARDED_UP,
	DT_NAT_FORWARDED_DOWN,
	DT_NAT_PASS_NOT_TCP, /* not IPv4/IPv6 TCP, ARP, extension headers: the host's business */
	DT_NAT_PASS_FRAGMENT,
	DT_NAT_PASS_OPTIONS,	 /* IPv4 options */
	DT_NAT_PASS_TRUNCATED,	 /* shorter than its headers say */
	DT_NAT_PASS_NO_FLOW,	 /* segments that belong to no flow */
	DT_NAT_PASS_REFUSED,	 /* segments of a flow whose SYN-ACK lacked MP_JOIN */
	DT_NAT_PASS_EXPIRED,	 /* segments of a flow past its timer */
	DT_NAT_PASS_DEAD,	 /* the daemon has been away too long */
	DT_NAT_DROP_NO_LEASE,	 /* SYN to a lease port without a lease, or under an expired one */
	DT_NAT_DROP_NO_DAEMON,	 /* new flow while no daemon renews alive_until_ns */
	DT_NAT_DROP_REVOKED,	 /* lease of a client that is no more */
	DT_NAT_DROP_GATE_SYN,	 /* SYN without MP_JOIN */
	DT_NAT_DROP_GATE_STATE,	 /* a segment the handshake does not allow yet */
	DT_NAT_DROP_DESTINATION, /* denied_destination at flow start */
	DT_NAT_DROP_MAX_FLOWS,
	DT_NAT_DROP_HALF_OPEN,
	DT_NAT_DROP_NEW_FLOWS, /* max-new-flows */
	DT_NAT_DROP_NO_PORT,   /* no free source port found */
	DT_NAT_DROP_TABLE_FULL,
	DT_NAT_DROP_NO_ROUTE,
	DT_NAT_DROP_TTL,       /* no hop left; the sender is told by ICMP */
	DT_NAT_DROP_TUNNEL,    /* unknown from a tunnel */
	DT_NAT_DROP_ERROR,     /* a helper failed */
	DT_NAT_DROP_STALE,     /* SYN on a four-tuple whose last flow the sweep is about to remove */
	DT_NAT_FORWARDED_ICMP, /* errors that concern a flow */
	DT_NAT_DROP_ICMP,      /* errors that quote what a flow has not sent */
	DT_NAT_DROP_WINDOW,    /* segments outside their flow's window */
	DT_NAT_DROP_RATE,      /* max-rate */
	DT_NAT_DROP_TOO_BIG,   /* larger than the route's MTU; the sender is told by ICMP */
	DT_NAT_FLOWS_STARTED,  /* not an outcome: flows made */
	DT_NAT_COUNTERS
};

/* --- track.bpf -------------------------------------------------------------------------------- */

/* Map "subflows" (hash, written by BPF): what sockops saw of each MPTCP subflow this host opened. */
struct dt_subflow_key {
	struct dt_ip local;
	struct dt_ip remote;
	__u16 lport; /* host order, both */
	__u16 rport;
	__u32 pad;
};

struct dt_subflow_stats {
	__u32 token; /* local token of the connection; secret: never printed */
	__u32 srtt_us;
	__u32 rtos;	   /* retransmission time-outs, in all */
	__u32 retransmits; /* segments, in all */
	__u64 bytes_acked;
	__u64 bytes_received; /* as of the last callback; a receiver gets few: sample instead */
	__u64 updated_ns;
	__u32 state;	     /* TCP state, BPF_TCP_* */
	__u32 deny_join_id0; /* of an initial subflow: the server's C flag */
	__u32 device;	     /* the connection is bound to the one of this index (SO_BINDTODEVICE); 0: to none */
	__u32 pad;
};

enum dt_subflow_happening {
	DT_SUBFLOW_CLOSED,    /* reached TCP_CLOSE */
	DT_SUBFLOW_AWOKE,     /* something moved, after a time in which nothing was heard of it */
	DT_SUBFLOW_TIMED_OUT, /* sends anew, and has not heard anything lately */
	/* a connection that wanted to be MPTCP is established as TCP; it is in "subflows" no more */
	DT_SUBFLOW_FELL_BACK,	       /* the answer carried no MPTCP */
	DT_SUBFLOW_FELL_BACK_SYN_LOST, /* the kernel left MPTCP out of a SYN that it sent anew */
	DT_SUBFLOW_FELL_BACK_DISABLED, /* the kernel did not ask in the first place */
};

/* Ring buffer "events" (written by BPF): of a subflow of "subflows". */
struct dt_subflow_event {
	struct dt_subflow_key key;
	__u32 token;
	__u32 what; /* enum dt_subflow_happening */
};

/* --- pulse.bpf -------------------------------------------------------------------------------- */

#define DT_PULSES 128 /* looked at in one call */

/* What a socket has heard, and what it takes to write a segment in its name. */
struct dt_pulse {
	struct dt_subflow_key key; /* asked for, */
	__u32 device;		   /* and if bound to one, its index; the rest is the answer */
	__u32 state;		   /* TCP state, BPF_TCP_*; 0: there is no such socket */
	__u32 srtt_us;
	__u32 rttvar_us; /* mean deviation */
	__u32 segs_in;	 /* of any kind */
	__u32 data_segs_in;
	__u32 data_segs_out; /* with those sent again */
	__u32 packets_out;   /* segments not acknowledged yet */
	__u32 snd_una;
	__u32 rcv_nxt;
	__u32 out_of_order; /* segments that came ahead of a hole */
	__u32 tsval;	    /* timestamps option, if timestamps is set */
	__u32 tsecr;
	__u32 timestamps;
};

/* Cgroups that are told of one connection: the root's, and so on to its own. */
#define DT_ORIGIN_CGROUPS 16

/* Map "origins" (LRU hash by token, written by BPF): who opened a connection. */
struct dt_origin {
	__u32 uid; /* effective */
	__u32 ncgroups;
	char program[16]; /* the command's name, ended by a zero */
	__u64 cgroups[DT_ORIGIN_CGROUPS];
};

/* --- mptcpify.bpf ----------------------------------------------------------------------------- */

#define DT_MPTCPIFY_MAX 1024 /* entries a list */

enum dt_mptcpify_flag {
	DT_MPTCPIFY_CHOSEN = 1 << 0,
	DT_MPTCPIFY_EXCEPT = 1 << 1,
};

struct dt_program {
	char name[16];
};

/* Map "config" (array of one, written by user space, but for the count). */
struct dt_mptcpify_config {
	__u32 enabled;
	__u32 by_user; /* whether such a list was given */
	__u32 by_cgroup;
	__u32 by_program;
	__u64 sockets; /* made MPTCP so far */
};

/* --- inventory.bpf ---------------------------------------------------------------------------- */

enum dt_record_flag {
	DT_RECORD_SERVER_SIDE = 1 << 0,	  /* this host accepted the connection */
	DT_RECORD_USERSPACE_PM = 1 << 1,  /* its path manager is user space, not the kernel */
	DT_RECORD_DENY_JOIN_ID0 = 1 << 2, /* the peer's C flag (RFC 8684, 3.1) */
	DT_RECORD_READY = 1 << 3,	  /* the connection can take more subflows */
	DT_RECORD_JOIN = 1 << 4,	  /* not the initial subflow */
	DT_RECORD_CONFIRMED = 1 << 5,	  /* fully established: the peer did not refuse it */
	DT_RECORD_BACKUP = 1 << 6,	  /* the peer asked for it to be backup */
	DT_RECORD_BACKUP_ASKED = 1 << 7,  /* we did */
};

/* What inventory.bpf writes for each MPTCP subflow of the network namespace, one after another. */
struct dt_subflow_record {
	struct dt_subflow_key key;
	struct dt_subflow_key initial; /* of the connection's initial subflow, be it there or not */
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
	__u32 device;	   /* the connection is bound to the one of this index; 0: to none */
	/* By the peer, as the last one and as the kernel has it: IPv4 in the first word; port 0: the connection's own. */
	struct dt_ip announced;
	__u16 announced_port_be16;
	__u16 announced_family; /* AF_*; 0: none */
	__u8 pad[4];
};

#ifndef DT_NO_LAYOUT_ASSERTS
_Static_assert(sizeof(struct dt_subflow_record) == 144, "layout");
_Static_assert(sizeof(struct dt_pulse) == 96, "layout");
_Static_assert(sizeof(struct dt_ip) == 16, "layout");
_Static_assert(sizeof(struct dt_lease_key) == 40, "layout");
_Static_assert(sizeof(struct dt_lease) == 48, "layout");
_Static_assert(sizeof(struct dt_flow_key) == 40, "layout");
_Static_assert(sizeof(struct dt_flow) == 160, "layout");
_Static_assert(sizeof(struct dt_client_limits) == 32, "layout");
_Static_assert(sizeof(struct dt_client_usage) == 80, "layout");
_Static_assert(sizeof(struct dt_policy_key) == 36, "layout");
_Static_assert(sizeof(struct dt_route_key) == 24, "layout");
_Static_assert(sizeof(struct dt_nat_config) == 88, "layout");
_Static_assert(sizeof(struct dt_subflow_key) == 40, "layout");
_Static_assert(sizeof(struct dt_subflow_stats) == 56, "layout");
#endif

#endif
