/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of the kernel nat.bpf needs, in user space: maps of a few entries, one packet, a clock. The packet ends where no
 * memory follows, so that reading past it crashes. Included once, after nat.bpf.c.
 */
#ifndef FUZZ_NAT_KERNEL_H
#define FUZZ_NAT_KERNEL_H

#include <errno.h>
#include <sys/mman.h>

#include "fuzz.h"

/* --- maps -------------------------------------------------------------------------------------- */

#define MAP_ENTRIES 64

struct map {
	const void *id;
	size_t key_size, value_size;
	unsigned type, count;
	struct {
		bool is_used;
		uint8_t key[64];
		uint8_t value[1024] __attribute__((aligned(8)));
	} entries[MAP_ENTRIES];
};

static struct map maps[16];
static size_t nmaps;

#define MAP_ADD(map) map_add(&(map), sizeof(*(map).key), sizeof(*(map).value), sizeof(*(map).type) / sizeof(int))
static void map_add(const void *id, size_t key_size, size_t value_size, unsigned type)
{
	struct map *m = &maps[nmaps++];

	fuzz_check(nmaps <= sizeof(maps) / sizeof(maps[0]));
	fuzz_check(key_size <= sizeof(m->entries[0].key) && value_size <= sizeof(m->entries[0].value));
	m->id = id;
	m->key_size = key_size;
	m->value_size = value_size;
	m->type = type;
}

static void maps_clear(void)
{
	for (size_t i = 0; i < nmaps; i++)
		memset(maps[i].entries, 0, sizeof(maps[i].entries));
}

static struct map *map_of(const void *id)
{
	for (size_t i = 0; i < nmaps; i++)
		if (maps[i].id == id)
			return &maps[i];
	fprintf(stderr, "a map that fuzz_nat does not know\n");
	abort();
}

static bool is_array(const struct map *m)
{
	return m->type == BPF_MAP_TYPE_ARRAY || m->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* The first 32 bits of the keys of such maps are the prefix's length. */
static int prefix_match(const struct map *m, const uint8_t *prefix, const uint8_t *key)
{
	uint32_t bits, all;

	memcpy(&bits, prefix, sizeof(bits));
	memcpy(&all, key, sizeof(all));
	if (bits > all || bits > (m->key_size - 4) * 8)
		return -1;
	for (uint32_t i = 0; i < bits; i++)
		if ((prefix[4 + i / 8] ^ key[4 + i / 8]) & 0x80 >> i % 8)
			return -1;
	return (int)bits;
}

void *bpf_map_lookup_elem(void *map, const void *key)
{
	struct map *m = map_of(map);
	int best = -1, bits;
	void *found = NULL;
	uint32_t index;

	if (is_array(m)) {
		memcpy(&index, key, sizeof(index));
		return index < MAP_ENTRIES ? m->entries[index].value : NULL;
	}
	for (size_t i = 0; i < MAP_ENTRIES; i++) {
		if (!m->entries[i].is_used)
			continue;
		if (m->type != BPF_MAP_TYPE_LPM_TRIE) {
			if (memcmp(m->entries[i].key, key, m->key_size) == 0)
				return m->entries[i].value;
			continue;
		}
		bits = prefix_match(m, m->entries[i].key, key);
		if (bits > best) {
			best = bits;
			found = m->entries[i].value;
		}
	}
	return found;
}

long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags)
{
	struct map *m = map_of(map);
	void *old = m->type == BPF_MAP_TYPE_LPM_TRIE ? NULL : bpf_map_lookup_elem(map, key);

	if (old && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!old && flags == BPF_EXIST)
		return -ENOENT;
	for (size_t i = 0; !old && i < MAP_ENTRIES; i++) {
		if (m->entries[i].is_used)
			continue;
		m->entries[i].is_used = true;
		memcpy(m->entries[i].key, key, m->key_size);
		old = m->entries[i].value;
	}
	if (!old)
		return -E2BIG;
	memcpy(old, value, m->value_size);
	return 0;
}

long bpf_map_delete_elem(void *map, const void *key)
{
	struct map *m = map_of(map);

	for (size_t i = 0; i < MAP_ENTRIES; i++) {
		if (!m->entries[i].is_used || memcmp(m->entries[i].key, key, m->key_size) != 0)
			continue;
		m->entries[i].is_used = false;
		return 0;
	}
	return -ENOENT;
}

/* --- the packet -------------------------------------------------------------------------------- */

#define ROOM 8192

static uint8_t *packet_memory; /* ROOM bytes below 4 GB, since skb->data has 32 bits; behind it nothing */
static struct __sk_buff skb_now;
static long redirected_to;

static void packet_memory_make(void)
{
	packet_memory = mmap(NULL, ROOM + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	fuzz_check(packet_memory != MAP_FAILED && mprotect(packet_memory + ROOM, 4096, PROT_NONE) == 0);
}

static uint8_t *packet_at(uint32_t offset)
{
	return (uint8_t *)(uintptr_t)skb_now.data + offset;
}

/* Changes the packet's length at its end, and keeps what is there at the end of the memory. */
static bool packet_resize(uint32_t at, uint32_t old, uint32_t new)
{
	uint32_t len = skb_now.len - old + new;
	static uint8_t copy[ROOM];

	if (at > skb_now.len || old > skb_now.len - at || len > ROOM || new > ROOM)
		return false;
	memcpy(copy, packet_at(0), at);
	memset(copy + at, 0, new);
	memcpy(copy + at + new, packet_at(at + old), skb_now.len - at - old);
	skb_now.len = len;
	skb_now.data = (uint32_t)(uintptr_t)(packet_memory + ROOM - len);
	skb_now.data_end = (uint32_t)(uintptr_t)(packet_memory + ROOM);
	memcpy(packet_at(0), copy, len);
	return true;
}

/* linear: as much as can be read without bpf_skb_pull_data(). */
static void packet_put(const uint8_t *frame, size_t len, size_t linear)
{
	memset(&skb_now, 0, sizeof(skb_now));
	skb_now.data = skb_now.data_end = (uint32_t)(uintptr_t)(packet_memory + ROOM);
	fuzz_check(packet_resize(0, 0, (uint32_t)len));
	memcpy(packet_at(0), frame, len);
	if (linear < len)
		skb_now.data_end = skb_now.data + (uint32_t)linear;
}

long bpf_skb_load_bytes(const void *skb, __u32 offset, void *to, __u32 len)
{
	if (offset > skb_now.len || len > skb_now.len - offset)
		return -EFAULT;
	memcpy(to, packet_at(offset), len);
	return 0;
}

long bpf_skb_store_bytes(struct __sk_buff *skb, __u32 offset, const void *from, __u32 len, __u64 flags)
{
	if (offset > skb_now.len || len > skb_now.len - offset)
		return -EFAULT;
	memcpy(packet_at(offset), from, len);
	return 0;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

long bpf_l4_csum_replace(struct __sk_buff *skb, __u32 offset, __u64 from, __u64 to, __u64 flags)
{
	uint64_t sum;
	uint16_t csum;

	if (bpf_skb_load_bytes(skb, offset, &csum, sizeof(csum)) < 0)
		return -EFAULT;
	if (flags & BPF_F_MARK_MANGLED_0 && !csum)
		return 0;
	sum = (uint16_t)~csum;
	if (flags & BPF_F_HDR_FIELD_MASK)
		sum += (uint16_t)~sum_fold((uint32_t)from);
	sum += sum_fold((uint32_t)to);
	csum = (uint16_t)~sum_fold(sum);
	return bpf_skb_store_bytes(skb, offset, &csum, sizeof(csum), 0);
}

__s64 bpf_csum_diff(__be32 *from, __u32 from_size, __be32 *to, __u32 to_size, __wsum seed)
{
	uint64_t sum = seed;

	if (from_size % 4 || to_size % 4)
		return -EINVAL;
	for (uint32_t i = 0; i < from_size / 4; i++)
		sum += (uint32_t)~from[i];
	for (uint32_t i = 0; i < to_size / 4; i++)
		sum += to[i];
	while (sum >> 32)
		sum = (sum & 0xffffffff) + (sum >> 32);
	return (int64_t)sum;
}

__s64 bpf_csum_update(struct __sk_buff *skb, __wsum csum)
{
	return 0;
}

long bpf_skb_pull_data(struct __sk_buff *skb, __u32 len)
{
	if (len > skb->len)
		return -ENOMEM;
	if (skb->data_end < skb->data + len)
		skb->data_end = skb->data + len;
	return 0;
}

long bpf_skb_change_tail(struct __sk_buff *skb, __u32 len, __u64 flags)
{
	bool is_right =
		len < skb->len ? packet_resize(len, skb->len - len, 0) : packet_resize(skb->len, 0, len - skb->len);

	return is_right ? 0 : -ENOMEM;
}

long bpf_skb_change_head(struct __sk_buff *skb, __u32 len, __u64 flags)
{
	return packet_resize(0, 0, len) ? 0 : -ENOMEM;
}

long bpf_skb_adjust_room(struct __sk_buff *skb, __s32 len_diff, __u32 mode, __u64 flags)
{
	uint32_t at = ETH_HLEN;

	if (mode == BPF_ADJ_ROOM_NET)
		at += skb->protocol == bpf_htons(ETH_P_IP) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	return (len_diff < 0 ? packet_resize(at, (uint32_t)-len_diff, 0) : packet_resize(at, 0, (uint32_t)len_diff))
		       ? 0
		       : -ENOMEM;
}

long bpf_redirect(__u32 ifindex, __u64 flags)
{
	redirected_to = ifindex;
	return TC_ACT_REDIRECT;
}

long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh *params, int plen, __u64 flags)
{
	return bpf_redirect(ifindex, flags);
}

/* --- the rest ---------------------------------------------------------------------------------- */

static uint64_t clock_ns;
static uint32_t random_state;

__u64 bpf_ktime_get_boot_ns(void)
{
	return clock_ns;
}

__u64 bpf_ktime_get_ns(void)
{
	return clock_ns;
}

__u32 bpf_get_prandom_u32(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return random_state;
}

/* This host has no sockets. */
struct bpf_sock *bpf_skc_lookup_tcp(void *ctx, struct bpf_sock_tuple *tuple, __u32 len, __u64 netns, __u64 flags)
{
	return NULL;
}

long bpf_sk_release(void *sock)
{
	return 0;
}

/* Nobody reads. */
long bpf_ringbuf_output(void *map, void *data, __u64 size, __u64 flags)
{
	return 0;
}

long bpf_loop(__u32 loops, void *callback, void *context, __u64 flags)
{
	long (*call)(__u32 index, void *context) = (long (*)(__u32, void *))callback;
	__u32 i;

	for (i = 0; i < loops; i++)
		if (call(i, context))
			return i + 1;
	return i;
}

#endif
