/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists the MPTCP connections of this network namespace: one record for each subflow, with what neither netlink nor
 * sock_diag report (which path manager the connection has, and which side opened it). User space runs it by reading the
 * iterator. It also makes older sockets call track.bpf, if the kernel can (since Linux 6.12).
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

#define TCP_BPF_SOCK_OPS_CB_FLAGS 1008

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
} __attribute__((preserve_access_index));

static __always_inline void key_read(struct dt_subflow_key *key, const struct sock_common *sk)
{
	if (BPF_CORE_READ(sk, skc_family) == AF_INET) {
		key->local.w[2] = bpf_htonl(0xffff);
		key->local.w[3] = BPF_CORE_READ(sk, skc_rcv_saddr);
		key->remote.w[2] = bpf_htonl(0xffff);
		key->remote.w[3] = BPF_CORE_READ(sk, skc_daddr);
	} else {
		BPF_CORE_READ_INTO(&key->local.w, sk, skc_v6_rcv_saddr.in6_u.u6_addr32);
		BPF_CORE_READ_INTO(&key->remote.w, sk, skc_v6_daddr.in6_u.u6_addr32);
	}
	key->lport = BPF_CORE_READ(sk, skc_num);
	key->rport = bpf_ntohs(BPF_CORE_READ(sk, skc_dport));
}

static __always_inline __u32 flags_read(struct mptcp_subflow_context *sf, struct mptcp_sock *msk)
{
	__u32 flags = 0;
	int state;

	if (BPF_CORE_READ(msk, pm.server_side))
		flags |= DT_RECORD_SERVER_SIDE;
	if (BPF_CORE_READ(msk, pm.pm_type) == 1)
		flags |= DT_RECORD_USERSPACE_PM;
	if (BPF_CORE_READ(msk, pm.remote_deny_join_id0))
		flags |= DT_RECORD_DENY_JOIN_ID0;
	/* a connection that the application has closed stays for a while, in other states */
	state = BPF_CORE_READ((struct sock_common *)msk, skc_state);
	if (BPF_CORE_READ(msk, fully_established) && (state == BPF_TCP_ESTABLISHED || state == BPF_TCP_CLOSE_WAIT))
		flags |= DT_RECORD_READY;
	/* mp_join is set by the SYN-ACK; before that request_join says it */
	if (BPF_CORE_READ_BITFIELD_PROBED(sf, mp_join) || BPF_CORE_READ_BITFIELD_PROBED(sf, request_join))
		flags |= DT_RECORD_JOIN;
	if (BPF_CORE_READ_BITFIELD_PROBED(sf, fully_established))
		flags |= DT_RECORD_CONFIRMED;
	if (BPF_CORE_READ_BITFIELD_PROBED(sf, backup))
		flags |= DT_RECORD_BACKUP;
	if (BPF_CORE_READ_BITFIELD_PROBED(sf, request_bkup))
		flags |= DT_RECORD_BACKUP_ASKED;
	return flags;
}

/* The last address that the peer announced. */
static __always_inline void announced_read(struct dt_subflow_record *r, struct mptcp_sock *msk)
{
	BPF_CORE_READ_INTO(&r->announced.w, msk, pm.remote.addr6.in6_u.u6_addr32);
	r->announced_family = BPF_CORE_READ(msk, pm.remote.family);
	r->announced_id = BPF_CORE_READ(msk, pm.remote.id);
	r->announced_port_be16 = BPF_CORE_READ(msk, pm.remote.port);
}

static __always_inline __u8 local_id_read(struct mptcp_subflow_context *sf)
{
	__s16 id;

	if (bpf_core_field_size(sf->local_id) == 1)
		return BPF_CORE_READ((struct mptcp_subflow_context___u8_id *)sf, local_id);
	id = BPF_CORE_READ(sf, local_id);
	return id < 0 ? 0 : (__u8)id;
}

/* Makes a socket that is older than track.bpf call it; the kernel allows this since 6.12. */
static __always_inline void follow(struct tcp_sock *tp)
{
	int set = BPF_CORE_READ(tp, bpf_sock_ops_cb_flags), callbacks = set | FOLLOW_CALLBACKS;

	if (callbacks == set)
		return;
	bpf_setsockopt(tp, SOL_TCP, TCP_BPF_SOCK_OPS_CB_FLAGS, &callbacks, sizeof(callbacks));
}

SEC("iter/tcp")
int inventory(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;
	struct dt_subflow_record r = {};
	struct mptcp_subflow_context *sf;
	struct mptcp_sock *msk;
	struct tcp_sock *tp;
	int state;

	if (!sk)
		return 0;
	state = sk->skc_state;
	if (state == BPF_TCP_LISTEN || state == BPF_TCP_TIME_WAIT || state == BPF_TCP_NEW_SYN_RECV)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !BPF_CORE_READ(tp, is_mptcp))
		return 0;
	sf = BPF_CORE_READ(tp, inet_conn.icsk_ulp_data);
	msk = sf ? (struct mptcp_sock *)BPF_CORE_READ(sf, conn) : NULL;
	if (!msk)
		return 0;
	r.token = BPF_CORE_READ(msk, token);
	if (!r.token)
		return 0;
	/* what has no branches comes first: the verifier checks what follows a branch once for each way through it */
	announced_read(&r, msk);
	r.remote_id = BPF_CORE_READ(sf, remote_id);
	r.device = BPF_CORE_READ((struct sock_common *)msk, skc_bound_dev_if);
	r.state = (__u8)state;
	r.srtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
	r.bytes_acked = BPF_CORE_READ(tp, bytes_acked);
	r.bytes_received = BPF_CORE_READ(tp, bytes_received);
	r.retransmits = BPF_CORE_READ(tp, total_retrans);
	key_read(&r.key, sk);
	key_read(&r.initial, (struct sock_common *)msk);
	r.flags = flags_read(sf, msk);
	r.local_id = local_id_read(sf);
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	if (!(r.flags & DT_RECORD_SERVER_SIDE))
		follow(tp);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
