/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of test_nat_*.c. Each row is a short story: packets in order, what becomes of each of them, and which counter
 * rises. Every row runs for both families. What is forwarded is checked in full: addresses, ports, hops, MSS, payload, both
 * checksums.
 *
 * Both ends number their bytes as TCP does, across the wrap, unless a step says something else.
 */
#ifndef TEST_BPF_STORY_H
#define TEST_BPF_STORY_H

#include <linux/icmp.h>
#include <linux/icmpv6.h>

#include "bpf/scene.h"

enum step_kind {
	NO_STEP, /* ends a row's steps */
	FROM_CLIENT,
	FROM_TUNNEL, /* from the client, by the tunnel: to the server's own address */
	FROM_SERVER,
	ERROR_TO_CLIENT, /* an ICMP error from behind the relay, about a packet of the client */
	ERROR_TO_SERVER, /* an ICMP error from the client's side, about a packet of the server */
	CALL,		 /* a function that changes or checks the scene */
};

enum fate {
	FORWARD,
	PASS,
	DROP,
	ANSWER, /* an ICMP error comes out instead, to the packet's sender */
};

struct step {
	enum step_kind kind;
	void (*function)(struct scene *s, unsigned family);
	/* the packet: */
	uint8_t flags;
	enum option_kind options;
	uint16_t payload;
	uint16_t mss;	      /* 0: 1460 or 1440 */
	uint8_t hops;	      /* 0: 64 */
	uint16_t client_port; /* 0: SCENE_SPORT */
	uint16_t lease_port;  /* 0: SCENE_DPT */
	uint32_t gso_size, gso_segs;
	int32_t seq_add, ack_add; /* added to what TCP would send */
	uint16_t window;	  /* 0: 0xff00 */
	void (*damage)(uint8_t *frame, size_t *len, unsigned family);
	/* the ICMP error that goes in, or that comes out as an ANSWER; type and code are IPv4's, and translated for IPv6: */
	struct {
		uint8_t type, code;
		uint32_t mtu;
		uint16_t quoted_tcp; /* how many bytes of the quoted packet's TCP segment; 0: all */
		bool elsewhere;	     /* to another address than the source of the quoted packet */
	} icmp;
	/* what becomes of it: */
	enum fate fate;
	unsigned counter;  /* unless FORWARD */
	uint16_t mss_fits; /* the MSS that comes out is the largest for this MTU; 0: it stays */
};

#define STEPS 14
struct row {
	const char *name; /* NULL: no more rows */
	struct step steps[STEPS];
	unsigned flows_left;   /* in the map at the end, with two entries each */
	unsigned refused_left; /* likewise, with one entry each */
	unsigned family;       /* the only one that the row runs for; 0: both */
};

/* MTUs of the scene, and of some of the changes below. */
#define USUAL_MTU 1500
#define SMALL_MTU 1400
#define SMALL_TUNNEL_MTU 1420

/* Steps: from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE), .hops = 1) */
#define packet_step(from, tcp_flags, tcp_options, ...)                                \
	{                                                                             \
		.kind = from, .flags = tcp_flags, .options = tcp_options, __VA_ARGS__ \
	}
#define from_client(tcp_flags, tcp_options, ...) packet_step(FROM_CLIENT, tcp_flags, tcp_options, __VA_ARGS__)
#define from_tunnel(tcp_flags, tcp_options, ...) packet_step(FROM_TUNNEL, tcp_flags, tcp_options, __VA_ARGS__)
#define from_server(tcp_flags, tcp_options, ...) packet_step(FROM_SERVER, tcp_flags, tcp_options, __VA_ARGS__)
#define error_to_client(...) packet_step(ERROR_TO_CLIENT, ACK, OPT_NONE, __VA_ARGS__)
#define error_to_server(...) packet_step(ERROR_TO_SERVER, ACK, OPT_NONE, __VA_ARGS__)
#define call(f)                             \
	{                                   \
		.kind = CALL, .function = f \
	}

/* What becomes of a packet; name: of a counter, without DT_NAT_PASS_ or DT_NAT_DROP_. */
#define forwarded .fate = FORWARD
#define passed(name) .fate = PASS, .counter = DT_NAT_PASS_##name
#define dropped(name) .fate = DROP, .counter = DT_NAT_DROP_##name
#define answered(name) .fate = ANSWER, .counter = DT_NAT_DROP_##name

/* ICMP errors, as UNREACHABLE(.quoted_tcp = 8) */
#define TIME_EXCEEDED(...) .icmp = {.type = ICMP_TIME_EXCEEDED, ##__VA_ARGS__}
#define UNREACHABLE(...) .icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_HOST_UNREACH, ##__VA_ARGS__}
#define TOO_BIG(path_mtu, ...) \
	.icmp = {.type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED, .mtu = path_mtu, ##__VA_ARGS__}

/* How most stories begin: with an established flow. */
#define JOINED                                                                                         \
	from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded), \
		from_client(ACK, OPT_JOIN_ACK, forwarded)

/* The same with the client behind a tunnel; ends with the uplink as the scene's interface. */
#define JOINED_BY_TUNNEL                                                                                 \
	call(interface_is_tunnel), from_tunnel(SYN, OPT_JOIN_SYN, forwarded), call(interface_is_uplink), \
		from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded), call(interface_is_tunnel),           \
		from_tunnel(ACK, OPT_JOIN_ACK, forwarded), call(interface_is_uplink)

/* Runs a row in the scene of fixture.h, after scene_reset(); fails the test where something else happens. */
void row_run(const struct row *row, unsigned family);

/* Sends a join from this port of the client, with so many hops left, under the lease: the verdict, and what comes out. */
int story_join(unsigned family, uint16_t sport, uint8_t hops, struct packet_seen *out);

/* The rows of each test_nat_NAME.c; a row without a name ends them. */
extern const struct row gate_rows[], policy_rows[], quota_rows[], state_rows[], window_rows[], rewrite_rows[],
	icmp_rows[], tunnel_rows[], parse_rows[];

/* Changes and checks of the scene that more than one file uses. */
void lease_gone(struct scene *s, unsigned family);
void plain_tcp(struct scene *s, unsigned family);
void revoked(struct scene *s, unsigned family);
void daemon_away(struct scene *s, unsigned family);
void daemon_dead(struct scene *s, unsigned family);
void age_239(struct scene *s, unsigned family);
void age_241(struct scene *s, unsigned family);
void denied(struct scene *s, unsigned family);
void max_flows_1(struct scene *s, unsigned family);
void small_mtu(struct scene *s, unsigned family);
void no_credit(struct scene *s);
void credit_old(struct scene *s, unsigned family);
void rate_of_nothing(struct scene *s, unsigned family);
void interface_is_tunnel(struct scene *s, unsigned family);
void interface_is_uplink(struct scene *s, unsigned family);
void flow_is_established(struct scene *s, unsigned family);
void flow_is_closing(struct scene *s, unsigned family);
void flow_is_half_open(struct scene *s, unsigned family);

/* Damage to packets. */
void fragment(uint8_t *frame, size_t *len, unsigned family);
void udp(uint8_t *frame, size_t *len, unsigned family);

#endif
