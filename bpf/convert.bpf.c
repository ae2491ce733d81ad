/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sends MPTCP connections to a converter: a program of the cgroup root at connect(), which writes the converter's address
 * over the server's. It concerns the first subflow of an MPTCP socket of our network namespace, and no other socket. To the
 * application the peer stays the server: getpeername() is answered by what was kept with the MPTCP socket.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "detourd/maps.h"
#include "kernel.h"

#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262

const volatile __u64 netns_cookie;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DT_CONVERT_MAX);
	__type(key, struct dt_convert_key);
	__type(value, struct dt_convert_to);
} servers SEC(".maps");

/* With each MPTCP socket whose connection was sent to a converter: the server. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct dt_convert_key);
} meant SEC(".maps");

/* By a converter's address: the server, of connections that began before this program was loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, DT_CONVERT_EARLIER_MAX);
	__type(key, struct dt_convert_key);
	__type(value, struct dt_convert_key);
} earlier SEC(".maps");

/* At the end of both branches, see track.bpf.c. */
#define branch_end() asm volatile("" ::: "memory")

/* The address in ctx: whom the application wants to reach, or who is its peer. */
static __always_inline void key_fill(struct dt_convert_key *key, struct bpf_sock_addr *ctx, bool v6)
{
	__builtin_memset(key, 0, sizeof(*key));
	if (v6) {
		key->ip.w[0] = ctx->user_ip6[0];
		key->ip.w[1] = ctx->user_ip6[1];
		key->ip.w[2] = ctx->user_ip6[2];
		key->ip.w[3] = ctx->user_ip6[3];
		branch_end();
	} else {
		key->ip.w[2] = bpf_htonl(0xffff);
		key->ip.w[3] = ctx->user_ip4;
		branch_end();
	}
	key->port_be16 = (__u16)ctx->user_port;
}

static __always_inline void address_set(struct bpf_sock_addr *ctx, const struct dt_ip *ip, __u16 port_be16, bool v6)
{
	if (v6) {
		ctx->user_ip6[0] = ip->w[0];
		ctx->user_ip6[1] = ip->w[1];
		ctx->user_ip6[2] = ip->w[2];
		ctx->user_ip6[3] = ip->w[3];
		branch_end();
	} else {
		ctx->user_ip4 = ip->w[3];
		branch_end();
	}
	ctx->user_port = port_be16;
}

static __always_inline struct mptcp_subflow_context *subflow_of(const struct tcp_sock *tp)
{
	return tp ? BPF_CORE_READ(tp, inet_conn.icsk_ulp_data) : NULL;
}

#define COMMON(tp, member) BPF_CORE_READ(tp, inet_conn.icsk_inet.sk.__sk_common.member)

/* The socket chooses its way itself: whether that leads to the converter from the address it knows is not certain. */
static __always_inline bool is_bound(const struct tcp_sock *tp)
{
	struct in6_addr v6;

	if (COMMON(tp, skc_bound_dev_if))
		return true;
	if (COMMON(tp, skc_family) == AF_INET)
		return COMMON(tp, skc_rcv_saddr) != 0;
	v6 = COMMON(tp, skc_v6_rcv_saddr);
	return v6.in6_u.u6_addr32[0] || v6.in6_u.u6_addr32[1] || v6.in6_u.u6_addr32[2] || v6.in6_u.u6_addr32[3];
}

/* The converter's address may be of the other family than the server's. */
static __always_inline bool can_reach(struct tcp_sock *tp, const struct dt_ip *ip, bool v6)
{
	bool to_v6 = ip->w[0] || ip->w[1] || ip->w[2] != bpf_htonl(0xffff);

	if (to_v6)
		return v6;
	return !v6 || !BPF_CORE_READ_BITFIELD_PROBED((struct sock_common *)tp, skc_ipv6only);
}

static __always_inline void convert(struct bpf_sock_addr *ctx, bool v6)
{
	struct dt_convert_key key, *kept;
	struct dt_convert_to *to;
	struct mptcp_subflow_context *subflow;
	struct mptcp_sock *msk;
	struct bpf_sock *sk;
	struct tcp_sock *tp;

	if (ctx->protocol != IPPROTO_TCP || bpf_get_netns_cookie(ctx) != netns_cookie)
		return;
	sk = ctx->sk;
	msk = sk ? bpf_skc_to_mptcp_sock(sk) : NULL;
	tp = msk ? bpf_skc_to_tcp_sock(sk) : NULL;
	subflow = subflow_of(tp);
	/* joins pass here too, made by the kernel, and must go where they are sent */
	if (!subflow || BPF_CORE_READ_BITFIELD_PROBED(subflow, request_join))
		return;
	/* of an earlier connect() of this socket, which failed */
	bpf_sk_storage_delete(&meant, msk);
	/* it will be plain TCP, whatever the server speaks */
	if (!BPF_CORE_READ_BITFIELD_PROBED(subflow, request_mptcp))
		return;
	key_fill(&key, ctx, v6);
	to = bpf_map_lookup_elem(&servers, &key);
	if (!to || bpf_ktime_get_boot_ns() > to->expires_ns || is_bound(tp) || !can_reach(tp, &to->ip, v6))
		return;
	kept = bpf_sk_storage_get(&meant, msk, &key, BPF_SK_STORAGE_GET_F_CREATE);
	if (kept)
		address_set(ctx, &to->ip, to->port_be16, v6);
}

static __always_inline void peer(struct bpf_sock_addr *ctx, bool v6)
{
	struct bpf_sock *sk = ctx->sk;
	struct dt_convert_key *kept, key;

	kept = sk ? bpf_sk_storage_get(&meant, sk, NULL, 0) : NULL;
	if (!kept && ctx->protocol == IPPROTO_MPTCP && bpf_get_netns_cookie(ctx) == netns_cookie) {
		key_fill(&key, ctx, v6);
		kept = bpf_map_lookup_elem(&earlier, &key);
	}
	if (kept)
		address_set(ctx, &kept->ip, kept->port_be16, v6);
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	convert(ctx, false);
	return 1;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	convert(ctx, true);
	return 1;
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	peer(ctx, false);
	return 1;
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	peer(ctx, true);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
