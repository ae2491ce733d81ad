/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/tunnels.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"
#include "detourd/maps.h"
#include "net/rtnetlink.h"

/* WireGuard's overhead over IPv6, the larger one: 40 + 8 + 32 */
#define OVERHEAD 80
#define MTU_MIN 1280
#define MTU_MAX 1420
#define GIVE_TRIES 64

struct peer {
	uint8_t key[DT_KEY_LEN];
	uint64_t client_id;
	struct dt_ip ip4, ip6;
	uint64_t expires_ns;
	struct peer *prev, *next;
};

struct dt_tunnels {
	struct dt_wg wg;
	struct dt_keypair keys;
	uint16_t port;
	uint32_t mtu;
	int leases_fd;
	struct dt_ip source4, source6;
	struct peer *peers;
	uint64_t now_ns; /* while taking stock */
};

void dt_tunnels_secret(uint8_t out[DT_KEY_LEN], const uint8_t relay_secret[DT_KEY_LEN])
{
	static const uint8_t domain[] = "detourd v2 wireguard";

	crypto_generichash(out, DT_KEY_LEN, domain, sizeof(domain) - 1, relay_secret, DT_KEY_LEN);
	out[0] &= 248;
	out[31] = (out[31] & 127) | 64;
}

/* --- leases: what BPF knows -------------------------------------------------------------------- */

static struct dt_lease_key lease_key(const struct dt_ip *ip)
{
	struct dt_lease_key key;

	memset(&key, 0, sizeof(key));
	key.client = *ip;
	return key;
}

static void lease_put(const struct dt_tunnels *t, const struct peer *p, const struct dt_ip *ip,
		      const struct dt_ip *source, uint64_t now_ns)
{
	struct dt_lease_key key = lease_key(ip);
	struct dt_lease lease;

	if (dt_ip_is_unset(ip))
		return;
	if (dt_ip_is_unset(source)) {
		bpf_map_delete_elem(t->leases_fd, &key);
		return;
	}
	memset(&lease, 0, sizeof(lease));
	lease.client_id = p->client_id;
	lease.expires_ns = p->expires_ns;
	lease.created_ns = now_ns;
	lease.server = *source;
	if (bpf_map_update_elem(t->leases_fd, &key, &lease, BPF_ANY) < 0)
		dt_log_err("cannot store a tunnel's lease: %s", strerror(errno));
}

static bool lease_get(const struct dt_tunnels *t, const struct dt_ip *ip, struct dt_lease *out)
{
	struct dt_lease_key key = lease_key(ip);

	return !dt_ip_is_unset(ip) && bpf_map_lookup_elem(t->leases_fd, &key, out) == 0;
}

static void lease_delete(const struct dt_tunnels *t, const struct dt_ip *ip)
{
	struct dt_lease_key key = lease_key(ip);

	if (!dt_ip_is_unset(ip))
		bpf_map_delete_elem(t->leases_fd, &key);
}

/* --- peers ------------------------------------------------------------------------------------- */

static struct peer *peer_find(const struct dt_tunnels *t, const uint8_t *key)
{
	struct peer *p;

	DL_FOREACH(t->peers, p)
		if (memcmp(p->key, key, DT_KEY_LEN) == 0)
			return p;
	return NULL;
}

static bool is_free(const struct dt_tunnels *t, const struct dt_ip *ip)
{
	const struct peer *p;

	DL_FOREACH(t->peers, p)
		if (dt_ip_equal(&p->ip4, ip) || dt_ip_equal(&p->ip6, ip))
			return false;
	return true;
}

/* What a client may propose. No route of this host's is needed or touched for it, so it collides with nothing here. */
static bool is_tunnel_address(const struct dt_ip *ip)
{
	static const char *const ranges[] = {"100.64.0.0/10", "198.18.0.0/15", "10.0.0.0/8", "fd00::/8"};
	struct dt_prefix range;

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (dt_prefix_parse(&range, ranges[i]) == 0 && dt_prefix_contains(&range, ip))
			return true;
	return false;
}

static bool address_give(const struct dt_tunnels *t, const struct dt_ip *proposed, bool v4, struct dt_ip *out)
{
	if (!dt_ip_is_unset(proposed) && dt_ip_is_v4(proposed) == v4 && is_tunnel_address(proposed) &&
	    is_free(t, proposed)) {
		*out = *proposed;
		return true;
	}
	for (int i = 0; i < GIVE_TRIES; i++) {
		struct dt_ip ip = dt_ip_from_v4(htonl(0x64400000 | randombytes_uniform(1 << 22)));

		if (!v4) {
			randombytes_buf(ip.b, sizeof(ip.b));
			ip.b[0] = 0xfd;
		}
		if (is_free(t, &ip)) {
			*out = ip;
			return true;
		}
	}
	return false;
}

static struct dt_prefix host_prefix(const struct dt_ip *ip)
{
	return (struct dt_prefix){*ip, 128};
}

static int device_put(struct dt_tunnels *t, const struct peer *p)
{
	struct dt_wg_peer wp = {.nallowed = 2, .allowed = {host_prefix(&p->ip4), host_prefix(&p->ip6)}};

	memcpy(wp.public_key, p->key, DT_KEY_LEN);
	return dt_wg_peer_set(&t->wg, &wp);
}

static void peer_end(struct dt_tunnels *t, struct peer *p)
{
	int err = dt_wg_peer_remove(&t->wg, p->key);

	if (err)
		dt_log_warn("cannot remove a WireGuard peer: %s", strerror(-err));
	lease_delete(t, &p->ip4);
	lease_delete(t, &p->ip6);
	DL_DELETE(t->peers, p);
	free(p);
}

size_t dt_tunnels_count(const struct dt_tunnels *t, uint64_t client_id)
{
	const struct peer *p;
	size_t count = 0;

	DL_FOREACH(t->peers, p)
		count += p->client_id == client_id;
	return count;
}

static void leases_put(struct dt_tunnels *t, const struct peer *p, uint64_t now_ns)
{
	lease_put(t, p, &p->ip4, &t->source4, now_ns);
	lease_put(t, p, &p->ip6, &t->source6, now_ns);
}

int dt_tunnels_ask(struct dt_tunnels *t, uint64_t client_id, const struct dt_tunnel *asked, unsigned max,
		   uint64_t now_ns, uint64_t expires_ns, struct dt_tunnel *given)
{
	struct peer *p = peer_find(t, asked->key);
	int err = 0;

	if (p && p->client_id != client_id)
		return -EEXIST;
	if (!p) {
		if (dt_tunnels_count(t, client_id) >= max)
			return -EDQUOT;
		p = calloc(1, sizeof(*p));
		if (!p)
			return -ENOMEM;
		memcpy(p->key, asked->key, DT_KEY_LEN);
		p->client_id = client_id;
		if (!address_give(t, &asked->ip4, true, &p->ip4) || !address_give(t, &asked->ip6, false, &p->ip6)) {
			free(p);
			return -EADDRNOTAVAIL;
		}
		err = device_put(t, p);
		if (err) {
			free(p);
			return err;
		}
		DL_APPEND(t->peers, p);
	}
	p->expires_ns = expires_ns;
	leases_put(t, p, now_ns);
	memset(given, 0, sizeof(*given));
	memcpy(given->key, t->keys.public, DT_KEY_LEN);
	given->port = t->port;
	given->ip4 = p->ip4;
	given->ip6 = p->ip6;
	return 0;
}

bool dt_tunnels_has(const struct dt_tunnels *t, uint64_t client_id, const uint8_t key[DT_KEY_LEN])
{
	const struct peer *p = peer_find(t, key);

	return p && p->client_id == client_id;
}

int dt_tunnels_end(struct dt_tunnels *t, uint64_t client_id, const uint8_t key[DT_KEY_LEN])
{
	struct peer *p = peer_find(t, key);

	if (!p || p->client_id != client_id)
		return -ENOENT;
	peer_end(t, p);
	return 0;
}

void dt_tunnels_expire(struct dt_tunnels *t, uint64_t now_ns)
{
	struct peer *p, *tmp;

	DL_FOREACH_SAFE(t->peers, p, tmp)
		if (now_ns > p->expires_ns)
			peer_end(t, p);
}

void dt_tunnels_keep_if(struct dt_tunnels *t, bool (*keep)(uint64_t client_id, void *data), void *data)
{
	struct peer *p, *tmp;

	DL_FOREACH_SAFE(t->peers, p, tmp)
		if (!keep(p->client_id, data))
			peer_end(t, p);
}

void dt_tunnels_sources(struct dt_tunnels *t, const struct dt_ip *source4, const struct dt_ip *source6)
{
	struct peer *p;

	if (dt_ip_equal(&t->source4, source4) && dt_ip_equal(&t->source6, source6))
		return;
	t->source4 = *source4;
	t->source6 = *source6;
	DL_FOREACH(t->peers, p)
		leases_put(t, p, 0);
}

void dt_tunnels_route_mtu(struct dt_tunnels *t, uint32_t mtu)
{
	int err;

	if (mtu == 0 || mtu > MTU_MAX + OVERHEAD)
		mtu = MTU_MAX + OVERHEAD;
	mtu = mtu < MTU_MIN + OVERHEAD ? MTU_MIN : mtu - OVERHEAD;
	if (mtu == t->mtu)
		return;
	err = dt_rt_link_up(&t->wg.route, t->wg.ifindex, mtu);
	if (err)
		dt_log_warn("cannot set the MTU of %s to %u: %s", t->wg.name, mtu, strerror(-err));
	else
		t->mtu = mtu;
}

/* --- start and stop ---------------------------------------------------------------------------- */

/* A peer that the last run left: whose it is, and until when, its leases say. */
static int stock_take(const struct dt_wg_peer *found, void *data)
{
	struct dt_tunnels *t = data;
	struct peer *p = calloc(1, sizeof(*p));
	struct dt_lease lease;
	bool known = false;

	if (!p)
		return -ENOMEM;
	memcpy(p->key, found->public_key, DT_KEY_LEN);
	for (size_t i = 0; i < found->nallowed; i++) {
		const struct dt_ip *ip = &found->allowed[i].ip;

		*(dt_ip_is_v4(ip) ? &p->ip4 : &p->ip6) = *ip;
		if (!lease_get(t, ip, &lease) || lease.expires_ns <= t->now_ns)
			continue;
		known = true;
		p->client_id = lease.client_id;
		p->expires_ns = lease.expires_ns;
		*(dt_ip_is_v4(ip) ? &t->source4 : &t->source6) = lease.server;
	}
	if (!known)
		p->expires_ns = 0; /* ended by the first dt_tunnels_expire() */
	DL_APPEND(t->peers, p);
	return 0;
}

int dt_tunnels_open(struct dt_tunnels **out, const char *device, uint16_t port, const uint8_t relay_secret[DT_KEY_LEN],
		    int leases_fd, uint64_t now_ns)
{
	struct dt_tunnels *t = calloc(1, sizeof(*t));
	uint8_t secret[DT_KEY_LEN];
	int err;

	if (!t)
		return -ENOMEM;
	t->port = port;
	t->leases_fd = leases_fd;
	t->now_ns = now_ns;
	dt_tunnels_secret(secret, relay_secret);
	dt_keypair_from_secret(&t->keys, secret);
	t->mtu = MTU_MAX;
	err = dt_wg_open(&t->wg, device, secret, port, t->mtu, true);
	sodium_memzero(secret, sizeof(secret));
	if (err == 0)
		err = dt_wg_peers(&t->wg, stock_take, t);
	if (err) {
		dt_log_err("cannot open the WireGuard device %s: %s", device,
			   *t->wg.error ? t->wg.error : strerror(-err));
		dt_tunnels_close(t);
		return err;
	}
	dt_tunnels_expire(t, now_ns);
	dt_log_info("tunnels are open device=%s port=%u%s", device, port, t->wg.userspace ? " by wireguard-go" : "");
	*out = t;
	return 0;
}

void dt_tunnels_close(struct dt_tunnels *t)
{
	struct peer *p, *tmp;

	if (!t)
		return;
	DL_FOREACH_SAFE(t->peers, p, tmp) {
		DL_DELETE(t->peers, p);
		free(p);
	}
	dt_wg_close(&t->wg);
	sodium_memzero(&t->keys, sizeof(t->keys));
	free(t);
}

uint32_t dt_tunnels_ifindex(const struct dt_tunnels *t)
{
	return t->wg.ifindex;
}

void dt_tunnels_flush(const char *device, uint16_t port, const uint8_t relay_secret[DT_KEY_LEN])
{
	uint8_t secret[DT_KEY_LEN];
	struct dt_wg wg;

	if (if_nametoindex(device) == 0)
		return;
	dt_tunnels_secret(secret, relay_secret);
	if (dt_wg_open(&wg, device, secret, port, MTU_MAX, true) == 0) {
		dt_wg_remove(&wg);
		dt_wg_close(&wg);
	}
	sodium_memzero(secret, sizeof(secret));
}
