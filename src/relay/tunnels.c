/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/tunnels.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/bpf.h"
#include "base/log.h"
#include "detourd/maps.h"
#include "net/rtnetlink.h"
#include "net/tunnel.h"

#define GIVE_TRIES 64

struct peer {
	uint8_t key[DT_KEY_LEN];
	uint64_t client_id;
	struct dt_ip ip4, ip6;
	uint64_t expires_ns;
	uint8_t session[DT_SESSION_LEN]; /* that asked last; zero: not since this daemon started */
	struct peer *prev, *next;
};

struct dt_tunnels {
	struct dt_wg wg;
	struct dt_keypair keys;
	uint16_t port;
	uint32_t mtu;
	bool closed; /* the device is down, see dt_tunnels_guard() */
	int leases_fd;
	struct dt_ip source4, source6; /* what servers see; unset: the family is not carried */
	bool idle;		       /* neither is carried, and that was said */
	struct peer *peers;
	uint64_t now_ns; /* used by stock_take() */
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

static void lease_delete(const struct dt_tunnels *t, const struct dt_ip *ip)
{
	struct dt_lease_key key = lease_key(ip);
	int err = dt_ip_is_unset(ip) ? 0 : dt_bpf_map_delete(t->leases_fd, &key);

	if (err)
		dt_log_warn("cannot delete a tunnel's lease, it ends by its time: %s", strerror(-err));
}

static void lease_put(const struct dt_tunnels *t, const struct peer *p, const struct dt_ip *ip,
		      const struct dt_ip *source, uint64_t now_ns)
{
	struct dt_lease_key key = lease_key(ip);
	struct dt_lease lease;
	int err;

	if (dt_ip_is_unset(source)) {
		lease_delete(t, ip);
		return;
	}
	if (dt_ip_is_unset(ip))
		return;
	memset(&lease, 0, sizeof(lease));
	lease.client_id = p->client_id;
	lease.expires_ns = p->expires_ns;
	lease.created_ns = now_ns;
	lease.server = *source;
	err = bpf_map_update_elem(t->leases_fd, &key, &lease, BPF_ANY);
	if (err)
		dt_log_err("cannot store a tunnel's lease: %s", strerror(-err));
}

static bool lease_get(const struct dt_tunnels *t, const struct dt_ip *ip, struct dt_lease *out)
{
	struct dt_lease_key key = lease_key(ip);

	return !dt_ip_is_unset(ip) && bpf_map_lookup_elem(t->leases_fd, &key, out) == 0;
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

/*
 * The proposed address if it is free, else another. No route of this host is needed for it, so it cannot collide
 * here.
 */
static bool address_give(const struct dt_tunnels *t, const struct dt_ip *proposed, bool v4, struct dt_ip *out)
{
	if (dt_ip_is_v4(proposed) == v4 && dt_tunnel_address_valid(proposed) && is_free(t, proposed)) {
		*out = *proposed;
		return true;
	}
	for (int i = 0; i < GIVE_TRIES; i++) {
		struct dt_ip ip = dt_tunnel_address_random(v4, 0);

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

static bool is_idle(const struct dt_tunnels *t)
{
	return dt_ip_is_unset(&t->source4) && dt_ip_is_unset(&t->source6);
}

static void leases_put(struct dt_tunnels *t, const struct peer *p, uint64_t now_ns)
{
	lease_put(t, p, &p->ip4, &t->source4, now_ns);
	lease_put(t, p, &p->ip6, &t->source6, now_ns);
}

static int peer_new(struct dt_tunnels *t, uint64_t client_id, const struct dt_tunnel *asked, struct peer **out)
{
	struct peer *p = calloc(1, sizeof(*p));
	int err;

	if (!p)
		return -ENOMEM;
	memcpy(p->key, asked->key, DT_KEY_LEN);
	p->client_id = client_id;
	err = address_give(t, &asked->ip4, true, &p->ip4) && address_give(t, &asked->ip6, false, &p->ip6)
		      ? device_put(t, p)
		      : -EADDRNOTAVAIL;
	if (err) {
		free(p);
		return err;
	}
	DL_APPEND(t->peers, p);
	*out = p;
	return 0;
}

int dt_tunnels_ask(struct dt_tunnels *t, uint64_t client_id, const uint8_t session[DT_SESSION_LEN],
		   const struct dt_tunnel *asked, unsigned max, uint64_t now_ns, uint64_t expires_ns,
		   struct dt_tunnel *given)
{
	struct peer *p = peer_find(t, asked->key);
	int err = 0;

	if (p && p->client_id != client_id)
		return -EEXIST;
	if (!p && is_idle(t))
		return -ENETUNREACH;
	if (!p)
		err = dt_tunnels_count(t, client_id) < max ? peer_new(t, client_id, asked, &p) : -EDQUOT;
	if (err)
		return err;
	p->expires_ns = expires_ns;
	memcpy(p->session, session, sizeof(p->session));
	leases_put(t, p, now_ns);
	memset(given, 0, sizeof(*given));
	memcpy(given->key, t->keys.public, DT_KEY_LEN);
	given->port = t->port;
	if (!dt_ip_is_unset(&t->source4))
		given->ip4 = p->ip4;
	if (!dt_ip_is_unset(&t->source6))
		given->ip6 = p->ip6;
	return 0;
}

bool dt_tunnels_end_over(struct dt_tunnels *t, uint64_t client_id,
			 bool (*over)(const uint8_t session[DT_SESSION_LEN], void *data), void *data)
{
	struct peer *p;

	DL_FOREACH(t->peers, p) {
		if (p->client_id != client_id || sodium_is_zero(p->session, sizeof(p->session)) ||
		    !over(p->session, data))
			continue;
		peer_end(t, p);
		return true;
	}
	return false;
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

/* Says it when tunnels begin or cease to carry nothing at all. */
static void idle_tell(struct dt_tunnels *t)
{
	bool was_idle = t->idle;

	t->idle = is_idle(t);
	if (t->idle && !was_idle)
		dt_log_warn("no address for what comes out of tunnels, so none is given to clients: this host has no "
			    "default route with a global address; add one, or set address = ADDRESS");
	else if (was_idle && !t->idle)
		dt_log_info("there is an address for what comes out of tunnels, clients get them again");
}

void dt_tunnels_sources(struct dt_tunnels *t, const struct dt_ip *source4, const struct dt_ip *source6)
{
	bool same = dt_ip_equal(&t->source4, source4) && dt_ip_equal(&t->source6, source6);
	struct peer *p;

	t->source4 = *source4;
	t->source6 = *source6;
	idle_tell(t);
	if (same)
		return;
	DL_FOREACH(t->peers, p)
		leases_put(t, p, 0);
}

void dt_tunnels_route_mtu(struct dt_tunnels *t, uint32_t route_mtu)
{
	uint32_t mtu = dt_tunnel_mtu(route_mtu);
	int err;

	/* the clients' ends may have less than this host's */
	if (mtu > DT_TUNNEL_MTU_USUAL)
		mtu = DT_TUNNEL_MTU_USUAL;
	if (mtu == t->mtu || t->closed)
		return;
	err = dt_rt_link_up(&t->wg.route, t->wg.ifindex, mtu);
	if (err)
		dt_log_warn("cannot set the MTU of %s to %u: %s", t->wg.name, mtu, strerror(-err));
	else
		t->mtu = mtu;
}

void dt_tunnels_guard(struct dt_tunnels *t, bool guarded)
{
	bool was_closed = t->closed;
	int err = 0;

	t->closed = !guarded;
	/* also if it is closed already: nobody else must open it */
	if (!guarded)
		err = dt_rt_link_down(&t->wg.route, t->wg.ifindex);
	else if (was_closed)
		err = dt_rt_link_up(&t->wg.route, t->wg.ifindex, t->mtu);
	if (err && guarded)
		t->closed = true; /* tried again */
	if (err)
		dt_log_err("cannot set %s %s: %s", t->wg.name, guarded ? "up" : "down", strerror(-err));
	else if (!guarded && !was_closed)
		dt_log_err(
			"no filter is on %s, so it is set down: without one, clients reached this host through it. It "
			"comes up again with its filter",
			t->wg.name);
	else if (guarded && was_closed)
		dt_log_info("%s has its filter again, and is up", t->wg.name);
}

/* --- start and stop ---------------------------------------------------------------------------- */

/* A peer that the last run left. Its leases say whose it is, and until when. */
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
	t->mtu = DT_TUNNEL_MTU_USUAL;
	err = dt_keypair_from_secret(&t->keys, secret);
	if (err == 0)
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

int dt_tunnels_flush(const char *device, uint16_t port, const uint8_t relay_secret[DT_KEY_LEN])
{
	uint8_t secret[DT_KEY_LEN];
	struct dt_wg wg;
	int err;

	if (if_nametoindex(device) == 0)
		return 0;
	dt_tunnels_secret(secret, relay_secret);
	err = dt_wg_open(&wg, device, secret, port, DT_TUNNEL_MTU_USUAL, true);
	sodium_memzero(secret, sizeof(secret));
	if (err == 0) {
		err = dt_wg_remove(&wg);
		dt_wg_close(&wg);
	}
	if (err)
		dt_log_err("cannot remove the WireGuard device %s: %s", device, *wg.error ? wg.error : strerror(-err));
	return err;
}
