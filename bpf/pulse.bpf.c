/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Looks at many sockets in one system call: user space writes their four-tuples into "pulses", runs this by
 * BPF_PROG_RUN, and finds beside each what its socket has seen. Attached to nothing.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "detourd/maps.h"
#include "kernel.h"

struct dt_pulse pulses[DT_PULSES];
__u32 pulses_used;
/* Only those of this device: a bound socket is found only as if by a packet that came in there. */
__u32 pulses_device;

/* Round-trip times; what the socket would write into a segment's timestamps option now (RFC 7323). */
static __always_inline void more_read(struct dt_pulse *p, struct bpf_sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct tcp_options_received *options;

	if (!tp)
		return;
	p->rttvar_us = BPF_CORE_READ(tp, mdev_us) >> 2;
	p->out_of_order = BPF_CORE_READ(tp, rcv_ooopack);
	options = __builtin_preserve_access_index(&tp->rx_opt);
	p->timestamps = BPF_CORE_READ_BITFIELD_PROBED(options, tstamp_ok);
	p->tsval = (__u32)(bpf_ktime_get_ns() / 1000000) + BPF_CORE_READ(tp, tsoffset);
	p->tsecr = BPF_CORE_READ(options, ts_recent);
}

static __always_inline void pulse_read(struct dt_pulse *p, struct bpf_sock *sk)
{
	struct bpf_tcp_sock *tp = bpf_tcp_sock(sk);

	if (!tp)
		return;
	p->srtt_us = tp->srtt_us >> 3;
	p->segs_in = tp->segs_in;
	p->data_segs_in = tp->data_segs_in;
	p->data_segs_out = tp->data_segs_out;
	p->packets_out = tp->packets_out;
	p->snd_una = tp->snd_una;
	p->rcv_nxt = tp->rcv_nxt;
	more_read(p, sk);
	p->state = sk->state;
}

/* A global function, which the verifier walks through once, not once for each round of the loop. */
__noinline int pulse_take(struct __sk_buff *skb, __u32 at)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	struct dt_pulse *p;

	if (at >= DT_PULSES)
		return 0;
	p = &pulses[at];
	if (p->device != pulses_device)
		return 0;
	p->state = 0;
	if (p->key.local.w[0] == 0 && p->key.local.w[1] == 0 && p->key.local.w[2] == bpf_htonl(0xffff)) {
		tuple.ipv4.saddr = p->key.remote.w[3];
		tuple.ipv4.daddr = p->key.local.w[3];
		tuple.ipv4.sport = bpf_htons(p->key.rport);
		tuple.ipv4.dport = bpf_htons(p->key.lport);
		sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	} else {
		__builtin_memcpy(tuple.ipv6.saddr, p->key.remote.w, sizeof(tuple.ipv6.saddr));
		__builtin_memcpy(tuple.ipv6.daddr, p->key.local.w, sizeof(tuple.ipv6.daddr));
		tuple.ipv6.sport = bpf_htons(p->key.rport);
		tuple.ipv6.dport = bpf_htons(p->key.lport);
		sk = bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	}
	if (!sk)
		return 0;
	pulse_read(p, sk);
	bpf_sk_release(sk);
	return 0;
}

SEC("tc")
int pulse(struct __sk_buff *skb)
{
	for (__u32 i = 0; i < DT_PULSES && i < pulses_used; i++)
		pulse_take(skb, i);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
