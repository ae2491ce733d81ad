/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads many sockets in one system call. User space writes their four-tuples into "pulses", runs the program by
 * BPF_PROG_RUN, and finds what each socket has seen beside its four-tuple. The program is not attached to anything.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "answers.h"
#include "detourd/maps.h"
#include "kernel.h"

#define FLOW_LABEL_MASK 0xfffff
#define FLOW_LABEL_STATELESS 0x80000

struct dt_pulse pulses[DT_PULSES];
__u32 pulses_used;
/* Only entries with this device are read: the kernel finds a socket bound to a device only for packets of that device. */
__u32 pulses_device;

/*
 * The flow label of what the socket would send now (ip6_make_flowlabel() in include/net/ipv6.h). Routers that have
 * several paths choose by it. A program's own wish (IPV6_AUTOFLOWLABEL) is not looked at.
 */
static __always_inline __u32 flow_label_of(struct tcp_sock *tp)
{
	struct sock *sk = (struct sock *)tp;
	struct ipv6_pinfo *own = BPF_CORE_READ((struct inet_sock *)tp, pinet6);
	__u32 label, hash;
	struct net *net;
	__u8 automatic;

	if (!own)
		return 0;
	label = bpf_ntohl(BPF_CORE_READ(own, flow_label)) & FLOW_LABEL_MASK;
	hash = BPF_CORE_READ(sk, sk_txhash);
	if (label || !hash)
		return label;
	net = BPF_CORE_READ(sk, __sk_common.skc_net.net);
	automatic = BPF_CORE_READ(net, ipv6.sysctl.auto_flowlabels);
	if (automatic == 0 || automatic == 2) /* off, and off unless a program wishes it */
		return 0;
	label = bpf_ntohl(hash << 16 | hash >> 16) & FLOW_LABEL_MASK;
	return BPF_CORE_READ(net, ipv6.sysctl.flowlabel_state_ranges) ? label | FLOW_LABEL_STATELESS : label;
}

#define ECHO_MAX_MS 60000

/*
 * The age of the timestamp in the segment that came last: a round trip, with all that waits in queues, while data flows.
 * It is known to the receiver of data, too, whose srtt_us is that of its few own segments (tcp_rcv_rtt_measure_ts() in
 * net/ipv4/tcp_input.c).
 */
static __always_inline __u32 echo_ms(struct tcp_sock *tp, struct tcp_options_received *options)
{
	__u32 echo = BPF_CORE_READ(options, rcv_tsecr), age_ms;

	if (!BPF_CORE_READ_BITFIELD_PROBED(options, saw_tstamp) || !echo)
		return 0;
	if (bpf_core_field_exists(tp->tcp_usec_ts) && BPF_CORE_READ_BITFIELD_PROBED(tp, tcp_usec_ts))
		return 0; /* timestamps in microseconds, which a route can ask for */
	age_ms = (__u32)(BPF_CORE_READ(tp, tcp_mstamp) / 1000) - echo;
	return age_ms <= ECHO_MAX_MS ? age_ms : 0;
}

/* What bpf_tcp_sock() does not have; and the timestamps option that the socket would send now (RFC 7323). */
static __always_inline void more_read(struct dt_pulse *p, struct bpf_sock *sk)
{
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	struct tcp_options_received *options;

	if (!tp)
		return;
	p->rttvar_us = BPF_CORE_READ(tp, mdev_us) >> 2;
	p->out_of_order = BPF_CORE_READ(tp, rcv_ooopack);
	p->own_hole = BPF_CORE_READ(tp, out_of_order_queue.rb_node) != NULL;
	p->no_window = BPF_CORE_READ(tp, snd_wnd) == 0;
	options = __builtin_preserve_access_index(&tp->rx_opt);
	p->timestamps = BPF_CORE_READ_BITFIELD_PROBED(options, tstamp_ok);
	p->tsval = (__u32)(bpf_ktime_get_ns() / 1000000) + BPF_CORE_READ(tp, tsoffset);
	p->tsecr = BPF_CORE_READ(options, ts_recent);
	p->echo_ms = echo_ms(tp, options);
	p->flow_label = flow_label_of(tp);
}

/* What the connection has received, over all its subflows. */
static __always_inline void connection_read(struct dt_pulse *p, struct bpf_sock *sk)
{
	struct mptcp_sock *msk = bpf_skc_to_mptcp_sock(sk);

	if (!msk || !bpf_core_field_exists(msk->out_of_order_queue))
		return;
	p->data_seq = (__u32)BPF_CORE_READ(msk, ack_seq);
	p->data_hole = BPF_CORE_READ(msk, out_of_order_queue.rb_node) != NULL;
}

static __always_inline void pulse_read(struct dt_pulse *p, struct bpf_sock *sk)
{
	struct bpf_tcp_sock *tp = bpf_tcp_sock(sk);
	const __u32 *answered = bpf_map_lookup_elem(&answers, &p->key);

	if (!tp)
		return;
	p->srtt_us = tp->srtt_us >> 3;
	p->segs_in = tp->segs_in + (answered ? *answered : 0);
	p->data_segs_in = tp->data_segs_in;
	p->data_segs_out = tp->data_segs_out;
	p->delivered = tp->delivered;
	p->packets_out = tp->packets_out;
	p->retransmitted = tp->total_retrans - tp->dsack_dups;
	p->snd_una = tp->snd_una;
	p->rcv_nxt = tp->rcv_nxt;
	p->bytes_received = tp->bytes_received;
	p->bytes_acked = tp->bytes_acked;
	more_read(p, sk);
	connection_read(p, sk);
	p->state = sk->state;
}

/* The socket of this four-tuple, held; NULL: there is none. */
static __always_inline struct bpf_sock *socket_lookup(struct __sk_buff *skb, const struct dt_subflow_key *key)
{
	struct bpf_sock_tuple tuple = {};

	if (key->local.w[0] == 0 && key->local.w[1] == 0 && key->local.w[2] == bpf_htonl(0xffff)) {
		tuple.ipv4.saddr = key->remote.w[3];
		tuple.ipv4.daddr = key->local.w[3];
		tuple.ipv4.sport = bpf_htons(key->rport);
		tuple.ipv4.dport = bpf_htons(key->lport);
		return bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	}
	__builtin_memcpy(tuple.ipv6.saddr, key->remote.w, sizeof(tuple.ipv6.saddr));
	__builtin_memcpy(tuple.ipv6.daddr, key->local.w, sizeof(tuple.ipv6.daddr));
	tuple.ipv6.sport = bpf_htons(key->rport);
	tuple.ipv6.dport = bpf_htons(key->lport);
	return bpf_sk_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
}

/* A global function, so that the verifier checks it once, not once for each round of the loop. */
__noinline int pulse_take(struct __sk_buff *skb, __u32 at)
{
	struct bpf_sock *sk;
	struct dt_pulse *p;

	if (at >= DT_PULSES)
		return 0;
	p = &pulses[at];
	if (p->device != pulses_device)
		return 0;
	p->state = 0;
	sk = socket_lookup(skb, &p->key);
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
