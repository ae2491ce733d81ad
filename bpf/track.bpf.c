/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Follows every MPTCP subflow that this network namespace opens: a sockops program on the root cgroup. For each four-tuple
 * it keeps the token of the connection, round-trip time, time-outs, retransmissions and bytes. It tells user space of
 * subflows that close, wake up or time out, and of connections that fell back to TCP.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "detourd/maps.h"
#include "follow.h"
#include "kernel.h"
#include "task.h"
#include "unsent.h"

/* After so long without a callback DT_SUBFLOW_AWOKE is sent. User space watches a connection for longer than that. */
#define AWOKE_NS 900000000ULL
/* After so long without a callback a retransmission is reported (DT_SUBFLOW_TIMED_OUT). */
#define UNHEARD_NS 50000000ULL

const volatile __u64 netns_cookie; /* our namespace's; the program also sees sockets of others */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct dt_subflow_key);
	__type(value, struct dt_subflow_stats);
} subflows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct dt_origin);
} origins SEC(".maps");

/*
 * At the end of both branches: clang must not merge their loads into one by a computed context pointer, which the verifier
 * refuses.
 */
#define branch_end() asm volatile("" ::: "memory")

static __always_inline void key_fill(struct dt_subflow_key *key, struct bpf_sock_ops *ops)
{
	__builtin_memset(key, 0, sizeof(*key));
	if (ops->family == AF_INET) {
		key->local.w[2] = bpf_htonl(0xffff);
		key->local.w[3] = ops->local_ip4;
		key->remote.w[2] = bpf_htonl(0xffff);
		key->remote.w[3] = ops->remote_ip4;
		branch_end();
	} else {
		key->local.w[0] = ops->local_ip6[0];
		key->local.w[1] = ops->local_ip6[1];
		key->local.w[2] = ops->local_ip6[2];
		key->local.w[3] = ops->local_ip6[3];
		key->remote.w[0] = ops->remote_ip6[0];
		key->remote.w[1] = ops->remote_ip6[1];
		key->remote.w[2] = ops->remote_ip6[2];
		key->remote.w[3] = ops->remote_ip6[3];
		branch_end();
	}
	key->lport = ops->local_port;
	key->rport = bpf_ntohl(ops->remote_port);
}

/* The subflow's connection; NULL: not an MPTCP subflow. */
static __always_inline struct mptcp_sock *msk_of(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;

	return sk ? bpf_skc_to_mptcp_sock(sk) : NULL;
}

/* Copies the socket's numbers as they are now. */
static __always_inline void sample(struct dt_subflow_stats *s, struct bpf_sock_ops *ops)
{
	s->srtt_us = ops->srtt_us >> 3;
	s->retransmits = ops->total_retrans;
	s->bytes_acked = ops->bytes_acked;
	s->bytes_received = ops->bytes_received;
	s->updated_ns = bpf_ktime_get_boot_ns();
}

/*
 * Notes who opened the connection. The first subflow is opened by the connection's own program. Later ones are opened by
 * us and change nothing.
 */
static __always_inline void origin_note(struct mptcp_sock *msk, __u32 token)
{
	struct cgroup *cgroup = BPF_CORE_READ(msk, sk.icsk_inet.sk.sk_cgrp_data.cgroup), *ancestor;
	struct dt_origin origin = {};
	int level = BPF_CORE_READ(cgroup, level);

	if (bpf_map_lookup_elem(&origins, &token))
		return;
	origin.uid = task_user();
	task_program(origin.program);
	for (int i = 0; i < DT_ORIGIN_CGROUPS && i <= level; i++) {
		if (bpf_probe_read_kernel(&ancestor, sizeof(ancestor), &cgroup->ancestors[i]) < 0)
			break;
		origin.cgroups[i] = BPF_CORE_READ(ancestor, kn, id);
		origin.ncgroups = i + 1;
	}
	bpf_map_update_elem(&origins, &token, &origin, BPF_NOEXIST);
}

/* Sends an event. If the ring is full the event is lost; user space then finds the entry in its sweep. */
static __always_inline void tell(const struct dt_subflow_key *key, __u32 token, __u32 what)
{
	struct dt_subflow_event event = {.key = *key, .token = token, .what = what};

	bpf_ringbuf_output(&events, &event, sizeof(event), 0);
}

/*
 * At the end of a handshake: is it a first subflow whose server did not agree to MPTCP? Then the socket stays TCP: this is
 * reported, and the socket has no entry any more. Its callbacks go on, see follow.h.
 */
static __always_inline bool fell_back(struct bpf_sock_ops *ops, __u32 token)
{
	struct tcp_sock *tp = ops->sk ? bpf_skc_to_tcp_sock(ops->sk) : NULL;
	struct mptcp_subflow_context *subflow;
	struct dt_subflow_key key;
	bool asked;

	subflow = tp ? BPF_CORE_READ(tp, inet_conn.icsk_ulp_data) : NULL;
	if (!subflow || BPF_CORE_READ_BITFIELD_PROBED(subflow, request_join) ||
	    BPF_CORE_READ_BITFIELD_PROBED(subflow, mp_capable))
		return false;
	asked = BPF_CORE_READ_BITFIELD_PROBED(subflow, request_mptcp);
	key_fill(&key, ops);
	tell(&key, 0,
	     asked   ? DT_SUBFLOW_FELL_BACK
	     : token ? DT_SUBFLOW_FELL_BACK_SYN_LOST
		     : DT_SUBFLOW_FELL_BACK_DISABLED);
	bpf_map_delete_elem(&subflows, &key);
	bpf_map_delete_elem(&origins, &token);
	return true;
}

/* A socket connects, or its handshake is over: follows it if it is an MPTCP subflow of our namespace. */
static __always_inline void follow(struct bpf_sock_ops *ops)
{
	struct dt_subflow_stats *known, fresh = {};
	struct dt_subflow_key key;
	struct mptcp_sock *msk;
	__u32 token;

	if (bpf_get_netns_cookie(ops) != netns_cookie)
		return;
	msk = msk_of(ops);
	token = msk ? BPF_CORE_READ(msk, token) : 0;
	if (msk && ops->op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB && fell_back(ops, token))
		return;
	if (!token)
		return;
	if (ops->op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		origin_note(msk, token);
	fresh.device = BPF_CORE_READ((struct sock_common *)msk, skc_bound_dev_if);
	fresh.deny_join_id0 = BPF_CORE_READ(msk, pm.remote_deny_join_id0);
	key_fill(&key, ops);
	known = bpf_map_lookup_elem(&subflows, &key);
	if (known && known->token == token) {
		known->state = ops->state;
		known->deny_join_id0 = fresh.deny_join_id0;
		known->device = fresh.device;
		sample(known, ops);
	} else {
		fresh.token = token;
		fresh.state = ops->state;
		sample(&fresh, ops);
		if (bpf_map_update_elem(&subflows, &key, &fresh, BPF_ANY) < 0)
			return;
	}
	bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | FOLLOW_CALLBACKS);
}

/* A callback of a followed socket, or of any other whose callbacks another program has asked for. */
static __always_inline void hear(struct bpf_sock_ops *ops)
{
	struct dt_subflow_stats *s;
	struct dt_subflow_key key;
	__u64 quiet_ns;

	if (bpf_get_netns_cookie(ops) != netns_cookie)
		return;
	key_fill(&key, ops);
	s = bpf_map_lookup_elem(&subflows, &key);
	if (!s)
		return;
	quiet_ns = bpf_ktime_get_boot_ns() - s->updated_ns;
	if (ops->op == BPF_SOCK_OPS_RTT_CB && quiet_ns > AWOKE_NS)
		tell(&key, s->token, DT_SUBFLOW_AWOKE);
	if ((ops->op == BPF_SOCK_OPS_RTO_CB || ops->op == BPF_SOCK_OPS_RETRANS_CB) && quiet_ns > UNHEARD_NS)
		tell(&key, s->token, DT_SUBFLOW_TIMED_OUT);
	if (ops->op == BPF_SOCK_OPS_RTO_CB)
		s->rtos++;
	if (ops->op == BPF_SOCK_OPS_STATE_CB)
		s->state = ops->args[1];
	sample(s, ops);
	if (ops->op == BPF_SOCK_OPS_RTT_CB)
		unsent_limit(ops, s->token, s->updated_ns);
	if (ops->op == BPF_SOCK_OPS_STATE_CB && ops->args[1] == BPF_TCP_CLOSE)
		tell(&key, s->token, DT_SUBFLOW_CLOSED);
}

SEC("sockops")
int track(struct bpf_sock_ops *ops)
{
	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		follow(ops);
		break;
	case BPF_SOCK_OPS_RTO_CB:
	case BPF_SOCK_OPS_RETRANS_CB:
	case BPF_SOCK_OPS_RTT_CB:
	case BPF_SOCK_OPS_STATE_CB:
		hear(ops);
		break;
	default:
		break;
	}
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
