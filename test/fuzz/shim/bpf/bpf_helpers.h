/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes the place of libbpf's bpf_helpers.h where a BPF program is compiled for user space, to be fuzzed: the helpers are
 * ordinary functions (fuzz_nat_kernel.h), and nothing is inlined, so that coverage shows each function.
 */
#ifndef FUZZ_BPF_HELPERS_H
#define FUZZ_BPF_HELPERS_H

#include <linux/bpf.h>
#include <linux/types.h>

#undef __always_inline
#define __always_inline __attribute__((unused))
#undef __noinline
#define __noinline __attribute__((noinline, unused))
#define SEC(name)

#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
__u64 bpf_ktime_get_boot_ns(void);
__u64 bpf_ktime_get_ns(void);
__u32 bpf_get_prandom_u32(void);
long bpf_skb_load_bytes(const void *skb, __u32 offset, void *to, __u32 len);
long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from, __u32 len, __u64 flags);
long bpf_l4_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 flags);
__s64 bpf_csum_diff(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __wsum seed);
__s64 bpf_csum_update(struct __sk_buff *skb, __wsum csum);
long bpf_skb_pull_data(struct __sk_buff *skb, __u32 len);
long bpf_skb_change_tail(struct __sk_buff *skb, __u32 len, __u64 flags);
long bpf_skb_change_head(struct __sk_buff *skb, __u32 len, __u64 flags);
long bpf_skb_adjust_room(struct __sk_buff *skb, __s32 len_diff, __u32 mode, __u64 flags);
long bpf_redirect(__u32 ifindex, __u64 flags);
long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *params, int plen, __u64 flags);
struct bpf_sock *bpf_skc_lookup_tcp(void *ctx, struct bpf_sock_tuple *tuple, __u32 len, __u64 netns, __u64 flags);
long bpf_sk_release(void *sock);
long bpf_ringbuf_output(void *map, void *data, __u64 size, __u64 flags);
long bpf_loop(__u32 loops, void *callback, void *context, __u64 flags);

#endif
