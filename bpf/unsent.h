/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Limits how much data each subflow of an upload may hold that it has not sent yet. When a path dies, the other subflows
 * send again what it held, after all the data that they already hold: with a large send buffer, after megabytes. The
 * kernel's TCP_NOTSENT_LOWAT, set at each round trip, keeps this short.
 *
 * Where round-trip times differ the limit must not be too low. MPTCP gives data to the subflow that will be the first to
 * have sent all that it holds, and to no subflow while that one is full (mptcp_subflow_get_send() in
 * net/mptcp/protocol.c). So a subflow may hold, beyond its window, what it sends during the difference between the slowest
 * subflow's round-trip time and its own.
 */
#ifndef DETOURD_BPF_UNSENT_H
#define DETOURD_BPF_UNSENT_H

#include "kernel.h"

#define TCP_NOTSENT_LOWAT 25
/* Added to that: a share of the window (1/4) for what one acknowledgement lets out, and time for late ones. */
#define UNSENT_WINDOW_SHARE 4
#define UNSENT_MARGIN_US 2000
#define UNSENT_MIN 16384
#define UNSENT_MAX (1U << 30)
/* A subflow that was not heard for so long no longer counts for the others. */
#define UNSENT_MEMORY_NS 2000000000ULL

/* The slowest subflow of a connection. */
struct slowest {
	__u32 srtt_us;
	__u16 lport; /* its local port */
	__u16 pad;
	__u64 heard_ns;	       /* its last round trip */
	__u64 others_heard_ns; /* the last round trip of any other subflow */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* token */
	__type(value, struct slowest);
} slowest SEC(".maps");

/* Notes a subflow's round trip and returns that of the connection's slowest subflow; 0: there is no other subflow. */
static __always_inline __u32 slowest_us(__u32 token, __u16 lport, __u32 srtt_us, __u64 now_ns)
{
	struct slowest *s = bpf_map_lookup_elem(&slowest, &token);
	struct slowest fresh = {.srtt_us = srtt_us, .lport = lport, .heard_ns = now_ns};

	if (!s) {
		bpf_map_update_elem(&slowest, &token, &fresh, BPF_ANY);
		return 0;
	}
	if (s->lport == lport) {
		s->srtt_us = srtt_us;
		s->heard_ns = now_ns;
		return now_ns - s->others_heard_ns < UNSENT_MEMORY_NS ? srtt_us : 0;
	}
	s->others_heard_ns = now_ns;
	if (srtt_us > s->srtt_us || now_ns - s->heard_ns > UNSENT_MEMORY_NS) {
		s->lport = lport;
		s->srtt_us = srtt_us;
		s->heard_ns = now_ns;
	}
	return s->srtt_us;
}

/*
 * Sets the limit at a new round-trip time of the subflow. No program's limit is lost by this: a program sets the limit of
 * the connection, which stays in force beside ours (mptcp_setsockopt() in net/mptcp/sockopt.c; since 6.9, before that a
 * program could set none).
 */
static __always_inline void unsent_limit(struct bpf_sock_ops *ops, __u32 token, __u64 now_ns)
{
	__u32 srtt_us = ops->srtt_us >> 3, longest_us, before, limit = 0;
	__u64 window = (__u64)ops->snd_cwnd * ops->mss_cache;
	struct tcp_sock *tp = ops->sk ? bpf_skc_to_tcp_sock(ops->sk) : NULL;

	if (!srtt_us || !tp)
		return;
	before = BPF_CORE_READ(tp, notsent_lowat);
	longest_us = slowest_us(token, ops->local_port, srtt_us, now_ns);
	if (longest_us >= srtt_us) {
		__u64 more_us = longest_us - srtt_us + UNSENT_MARGIN_US;
		__u64 bytes = window / UNSENT_WINDOW_SHARE + window * more_us / srtt_us;

		limit = bytes < UNSENT_MIN ? UNSENT_MIN : bytes > UNSENT_MAX ? UNSENT_MAX : bytes;
	} else if (!before || !~before) { /* no limit is set, and none is needed */
		return;
	}
	bpf_setsockopt(ops, SOL_TCP, TCP_NOTSENT_LOWAT, &limit, sizeof(limit));
}

#endif
