/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How much each subflow of an upload may hold that it has not sent yet. When a path dies, what it held is sent anew by the
 * others, behind all that these were given before: megabytes, if the send buffer is large. A limit of the kernel's own
 * (TCP_NOTSENT_LOWAT), set anew at each round trip, keeps that short.
 *
 * It must not be too small where round-trip times differ: MPTCP gives data to the subflow that would have sent all of its
 * own first, sent and unsent alike, and to none while that one is full (mptcp_subflow_get_send in net/mptcp/protocol.c).
 * So each may hold, beyond its window, what it sends in the time that the slowest's round trip is longer than its own.
 */
#ifndef DETOURD_BPF_UNSENT_H
#define DETOURD_BPF_UNSENT_H

#include "kernel.h"

#define SOL_TCP 6
#define TCP_NOTSENT_LOWAT 25
/* The share of a window and the time beyond what is said above: an acknowledgement's worth and what is late. */
#define UNSENT_WINDOW_SHARE 4
#define UNSENT_MARGIN_US 2000
#define UNSENT_MIN 16384
#define UNSENT_MAX (1U << 30)
/* A round-trip time that was not heard of again for so long is another subflow's no more. */
#define UNSENT_MEMORY_NS 2000000000ULL

/* The connection's slowest subflow. */
struct slowest {
	__u32 srtt_us;
	__u16 lport; /* whose */
	__u16 pad;
	__u64 heard_ns;
	__u64 others_heard_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32); /* token */
	__type(value, struct slowest);
} slowest SEC(".maps");

/* Notes a subflow's round trip, and returns the slowest's of its connection; 0: it is the only one. */
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
 * At a subflow's new round-trip time. Nobody else sets the limit of a subflow: a program's own is the connection's, and
 * holds beside ours (mptcp_setsockopt in net/mptcp/sockopt.c, 6.9; there was none before).
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
	} else if (!before || !~before) { /* none */
		return;
	}
	bpf_setsockopt(ops, SOL_TCP, TCP_NOTSENT_LOWAT, &limit, sizeof(limit));
}

#endif
