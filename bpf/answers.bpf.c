/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Keeps answers to probes away from TCP, and counts them: a cgroup_skb program on the root cgroup. A probe carries one
 * byte that the peer already has. The peer acknowledges what it has, and says by a D-SACK (RFC 2883) that it got exactly
 * this byte twice. If TCP saw that, it would take the subflow's window for news, raise dsack_dups, and believe that the
 * path it calls stale works again.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "answers.h"
#include "detourd/maps.h"

#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define IPPROTO_TCP 6
#define IP4_LEN 20
#define IP6_LEN 40
#define TCP_LEN 20
#define TCP_OPTIONS_MAX 40
#define TCP_FLAGS_MASK 0x3f /* without ECN's */
#define TCP_FLAG_ACK 0x10

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_SACK 5
#define OPTION_SACK_ONE_LEN 10 /* with one block */
#define OPTION_MPTCP 30
#define MPTCP_DSS 2
#define MPTCP_DSS_FIN 0x10

/* By user space: a probe was sent lately. While it is 0, packets cost nothing. */
__u32 asking;

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DT_ANSWERS_MAX);
	__type(key, struct dt_subflow_key);
	__type(value, __u32); /* sequence number of the probe's byte */
} asked SEC(".maps");

struct tcp_head {
	__be16 source, dest;
	__be32 seq, ack;
	__u8 doff, flags;
	__be16 window;
	__u32 rest;
};

/* Who sent it to whom, and the length of the IP header; 0: it cannot be an answer. */
static __always_inline __u32 addresses_read(struct __sk_buff *skb, struct dt_subflow_key *key)
{
	__u8 byte = 0;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		key->local.w[2] = key->remote.w[2] = bpf_htonl(0xffff);
		if (skb->len > IP4_LEN + TCP_LEN + TCP_OPTIONS_MAX || bpf_skb_load_bytes(skb, 0, &byte, 1) ||
		    byte != 0x45 || bpf_skb_load_bytes(skb, 9, &byte, 1) || byte != IPPROTO_TCP ||
		    bpf_skb_load_bytes(skb, 12, &key->remote.w[3], 4) ||
		    bpf_skb_load_bytes(skb, 16, &key->local.w[3], 4))
			return 0;
		return IP4_LEN;
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (skb->len > IP6_LEN + TCP_LEN + TCP_OPTIONS_MAX || bpf_skb_load_bytes(skb, 6, &byte, 1) ||
		    byte != IPPROTO_TCP || bpf_skb_load_bytes(skb, 8, &key->remote, sizeof(key->remote)) ||
		    bpf_skb_load_bytes(skb, 24, &key->local, sizeof(key->local)))
			return 0;
		return IP6_LEN;
	}
	return 0;
}

/* Its options hold this D-SACK and no news: neither another block nor a message of MPTCP. */
static __always_inline bool options_answer(struct __sk_buff *skb, __u32 at, __u32 seq)
{
	bool answers = false;

	for (int i = 0; i < TCP_OPTIONS_MAX && at < skb->len; i++) {
		__u8 option[4] = {};
		__be32 block[2];

		if (bpf_skb_load_bytes(skb, at, option, 1) || option[0] == OPTION_END)
			break;
		if (option[0] == OPTION_NOP) {
			at++;
			continue;
		}
		if (bpf_skb_load_bytes(skb, at, option, 2) || option[1] < 2)
			return false;
		if (option[0] == OPTION_MPTCP && (bpf_skb_load_bytes(skb, at, option, 4) ||
						  option[2] >> 4 != MPTCP_DSS || option[3] & MPTCP_DSS_FIN))
			return false;
		if (option[0] == OPTION_SACK) {
			if (option[1] != OPTION_SACK_ONE_LEN || bpf_skb_load_bytes(skb, at + 2, block, sizeof(block)) ||
			    bpf_ntohl(block[0]) != seq || bpf_ntohl(block[1]) != seq + 1)
				return false;
			answers = true;
		}
		at += option[1];
	}
	return answers;
}

/* It acknowledges no more than TCP knows. */
static __always_inline bool is_old(struct __sk_buff *skb, const struct tcp_head *head)
{
	struct bpf_sock *sk = skb->sk;
	struct bpf_tcp_sock *tp;

	if (!sk)
		return false;
	sk = bpf_sk_fullsock(sk);
	if (!sk)
		return false;
	tp = bpf_tcp_sock(sk);
	return tp && tp->snd_una == bpf_ntohl(head->ack);
}

static __always_inline bool is_answer(struct __sk_buff *skb)
{
	struct dt_subflow_key key = {};
	struct tcp_head head;
	__u32 ip_len = addresses_read(skb, &key), *seq, *count, one = 1;

	if (!ip_len || bpf_skb_load_bytes(skb, ip_len, &head, sizeof(head)) ||
	    (head.flags & TCP_FLAGS_MASK) != TCP_FLAG_ACK || ip_len + (head.doff >> 4) * 4 != skb->len)
		return false;
	key.lport = bpf_ntohs(head.dest);
	key.rport = bpf_ntohs(head.source);
	seq = bpf_map_lookup_elem(&asked, &key);
	if (!seq || !is_old(skb, &head) || !options_answer(skb, ip_len + TCP_LEN, *seq))
		return false;
	count = bpf_map_lookup_elem(&answers, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&answers, &key, &one, BPF_ANY);
	return true;
}

SEC("cgroup_skb/ingress")
int answer(struct __sk_buff *skb)
{
	return asking && is_answer(skb) ? 0 : 1;
}

char LICENSE[] SEC("license") = "GPL";
