/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sockops program beside detourd's, for tests: of connections to port 5566 it asks the kernel for each segment that
 * arrives, counts those of 1,000 bytes or more, and notes which callbacks the socket had then.
 */
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define PORT 5566
#define LONG 1000

enum { HEARD, CALLBACKS, NUMBERS };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NUMBERS);
	__type(key, __u32);
	__type(value, __u64);
} neighbour_map SEC(".maps");

static __always_inline void hear(struct bpf_sock_ops *ops)
{
	__u32 heard = HEARD, callbacks = CALLBACKS;
	__u64 *n = bpf_map_lookup_elem(&neighbour_map, &heard),
	      *flags = bpf_map_lookup_elem(&neighbour_map, &callbacks);

	if (!n || !flags || ops->skb_len < LONG)
		return;
	__sync_fetch_and_add(n, 1);
	*flags = ops->bpf_sock_ops_cb_flags;
}

SEC("sockops")
int neighbour(struct bpf_sock_ops *ops)
{
	if (ops->remote_port != bpf_htonl(PORT))
		return 1;
	switch (ops->op) {
	case BPF_SOCK_OPS_TCP_CONNECT_CB:
	case BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB:
		bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG);
		break;
	case BPF_SOCK_OPS_PARSE_HDR_OPT_CB:
		hear(ops);
		break;
	default:
		break;
	}
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
