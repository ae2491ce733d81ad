/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the kernel's sockets that the client's programs read; CO-RE finds the offsets on the running kernel. */
#ifndef DETOURD_BPF_KERNEL_H
#define DETOURD_BPF_KERNEL_H

#include <linux/types.h>
#include <stdbool.h>

#define AF_INET 2
#define SOL_TCP 6

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
} __attribute__((preserve_access_index));

struct kernfs_node {
	__u64 id;
} __attribute__((preserve_access_index));

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup *ancestors[];
} __attribute__((preserve_access_index));

struct seq_file;
struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct sock_cgroup_data {
	struct cgroup *cgroup;
} __attribute__((preserve_access_index));

struct netns_sysctl_ipv6 {
	__u8 auto_flowlabels;
	__u8 flowlabel_state_ranges;
} __attribute__((preserve_access_index));

struct netns_ipv6 {
	struct netns_sysctl_ipv6 sysctl;
} __attribute__((preserve_access_index));

struct net {
	__u64 net_cookie;
	struct netns_ipv6 ipv6;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	unsigned char skc_ipv6only : 1;
	int skc_bound_dev_if;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
} __attribute__((preserve_access_index));

struct sock {
	struct sock_common __sk_common;
	struct sock_cgroup_data sk_cgrp_data;
	__u32 sk_txhash;
} __attribute__((preserve_access_index));

struct ipv6_pinfo {
	__be32 flow_label;
} __attribute__((preserve_access_index));

struct inet_sock {
	struct sock sk;
	struct ipv6_pinfo *pinet6;
} __attribute__((preserve_access_index));

struct inet_connection_sock {
	struct inet_sock icsk_inet;
	void *icsk_ulp_data;
} __attribute__((preserve_access_index));

struct tcp_options_received {
	__u32 ts_recent;
	__u32 rcv_tsecr;
	__u16 saw_tstamp : 1;
	__u16 tstamp_ok : 1;
} __attribute__((preserve_access_index));

struct rb_root {
	struct rb_node *rb_node;
} __attribute__((preserve_access_index));

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u64 tcp_mstamp;
	__u32 tsoffset;
	__u8 tcp_usec_ts : 1; /* since Linux 6.7 */
	__u32 snd_wnd;
	__u32 srtt_us;
	__u32 mdev_us;
	__u32 rcv_ooopack;
	struct rb_root out_of_order_queue;
	__u32 total_retrans;
	__u32 notsent_lowat;
	struct tcp_options_received rx_opt;
	__u8 bpf_sock_ops_cb_flags;
	bool is_mptcp;
} __attribute__((preserve_access_index));

struct mptcp_addr_info {
	__u8 id;
	unsigned short family;
	__be16 port;
	struct in6_addr addr6; /* IPv4: in the first word */
} __attribute__((preserve_access_index));

struct mptcp_pm_data {
	struct mptcp_addr_info remote;
	bool server_side;
	bool remote_deny_join_id0;
	__u8 pm_type;
} __attribute__((preserve_access_index));

struct mptcp_sock {
	struct inet_connection_sock sk;
	__u32 token;
	__u64 ack_seq;
	struct rb_root out_of_order_queue;
	bool fully_established;
	struct mptcp_pm_data pm;
} __attribute__((preserve_access_index));

struct mptcp_subflow_context {
	__u32 token;
	__u32 request_mptcp : 1;
	__u32 request_join : 1;
	__u32 request_bkup : 1;
	__u32 mp_capable : 1;
	__u32 mp_join : 1;
	__u32 backup : 1;
	__u32 fully_established : 1;
	__s16 local_id;
	__u8 remote_id;
	struct sock *conn;
} __attribute__((preserve_access_index));

/* Before 6.5 local_id was a byte. */
struct mptcp_subflow_context___u8_id {
	__u8 local_id;
} __attribute__((preserve_access_index));

#endif
