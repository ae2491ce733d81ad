/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of test_nat*.c: every row is a short story told for both families, packets in order, what becomes of each,
 * and by which counter. What is forwarded is checked in full: addresses, ports, hops, MSS, payload, both checksums.
 *
 * Both ends number their bytes as TCP does, across the wrap, unless a step says otherwise.
 */
#ifndef TEST_BPF_STORY_H
#define TEST_BPF_STORY_H

#include "bpf/scene.h"

/* ERROR_UP: an ICMP error from behind the relay about a packet UP; ERROR_DOWN: from before it about one DOWN */
enum what { END, UP, TUNNEL_UP, DOWN, CALL, ERROR_UP, ERROR_DOWN };
/* ANSWER: an ICMP error comes out instead, to the sender */
enum fate { FORWARD, PASS, DROP, ANSWER };

/* One step: a packet, or a change of the scene. */
struct step {
	enum what what;
	uint8_t flags;
	enum option_kind options;
	enum fate fate;
	unsigned counter; /* of PASS and DROP */
	void (*change)(struct scene *s, unsigned family);
	void (*damage)(uint8_t *frame, size_t *len, unsigned family);
	uint16_t payload;
	uint16_t mss;	  /* 0: 1460 or 1440 */
	uint16_t mss_out; /* 0: the same */
	uint8_t hops;	  /* 0: 64 */
	uint16_t sport;	  /* UP: of the client, 0: the usual */
	uint16_t dport;	  /* UP: 0: the lease's */
	uint32_t gso_size, gso_segs;
	int32_t seq_add, ack_add; /* to what TCP would send */
	uint16_t window;	  /* 0: 0xff00 */
	struct {
		uint8_t type, code;
		uint32_t rest;	/* MTU */
		uint16_t bytes; /* of the quoted packet's TCP segment; 0: all */
		bool elsewhere; /* to another address than the quoted packet's source */
	} icmp;			/* of errors; what an ANSWER is */
};
#define STEPS 14
struct row {
	const char *name;
	struct step steps[STEPS];
	unsigned flows; /* entries left at the end, 2 a flow */
	unsigned only;	/* family; 0: both */
};

#define up(f, o, ...)                 \
	{                             \
		UP, f, o, __VA_ARGS__ \
	}
#define down(f, o, ...)                 \
	{                               \
		DOWN, f, o, __VA_ARGS__ \
	}
#define tup(f, o, ...)                       \
	{                                    \
		TUNNEL_UP, f, o, __VA_ARGS__ \
	}
#define error_up(...)                                \
	{                                            \
		ERROR_UP, ACK, OPT_NONE, __VA_ARGS__ \
	}
#define error_down(...)                                \
	{                                              \
		ERROR_DOWN, ACK, OPT_NONE, __VA_ARGS__ \
	}
#define forward FORWARD, 0
#define answer(c) ANSWER, DT_NAT_DROP_##c
#define TIME_EXCEEDED .icmp = {11}
#define TOO_BIG(mtu) .icmp = {3, 4, mtu}
#define pass(c) PASS, DT_NAT_PASS_##c
#define drop(c) DROP, DT_NAT_DROP_##c
#define call(f)                   \
	{                         \
		CALL, .change = f \
	}
/* the start of most stories: a flow that is established */
#define JOINED up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_JOIN_SYNACK, forward), up(ACK, OPT_JOIN_ACK, forward)

#define TUNNELLED                                                                                              \
	call(from_tunnel), tup(SYN, OPT_JOIN_SYN, forward), call(from_uplink),                                 \
		down(SYN | ACK, OPT_JOIN_SYNACK, forward), call(from_tunnel), tup(ACK, OPT_JOIN_ACK, forward), \
		call(from_uplink)

/* Tells a row in the scene of fixture.h, from its start; fails the test where it goes otherwise. */
void row_run(const struct row *row, unsigned family);

/* A join from this port of the client, with so many hops left, at the lease: the verdict, and what comes out. */
int story_join(unsigned family, uint16_t sport, uint8_t hops, struct packet_seen *out);

/* Of each test_nat_NAME.c; a row without a name ends them. */
extern const struct row gate_rows[], policy_rows[], quota_rows[], state_rows[], window_rows[], rewrite_rows[],
	icmp_rows[], tunnel_rows[], parse_rows[];

/* Changes of the scene that more than one of them has. */
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
void from_tunnel(struct scene *s, unsigned family);
void from_uplink(struct scene *s, unsigned family);
void flow_is_established(struct scene *s, unsigned family);
void flow_is_closing(struct scene *s, unsigned family);
void flow_is_half_open(struct scene *s, unsigned family);

/* Damage to packets. */
void fragment(uint8_t *frame, size_t *len, unsigned family);
void udp(uint8_t *frame, size_t *len, unsigned family);

#endif
