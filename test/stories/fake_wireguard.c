/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WireGuard devices that are only names in the host's list of links. For net/wireguard. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define TUNNELS_MAX 16

struct tunnel {
	uint32_t ifindex; /* 0: free */
	struct relay *relay;
};
static struct tunnel tunnels[TUNNELS_MAX];

static struct tunnel *tunnel_find(uint32_t ifindex)
{
	for (size_t i = 0; i < TUNNELS_MAX; i++)
		if (tunnels[i].ifindex == ifindex)
			return &tunnels[i];
	return NULL;
}

struct relay *tunnel_relay(const struct dt_ip *ip)
{
	const struct host_link *l = host_link_of(ip);
	const struct tunnel *t = l ? tunnel_find(l->rt.index) : NULL;

	return t && t->ifindex ? t->relay : NULL;
}

void tunnels_forget(void)
{
	memset(tunnels, 0, sizeof(tunnels));
}

void dt_wg_device_name(char out[IF_NAMESIZE], const char *relay)
{
	char name[64];

	snprintf(name, sizeof(name), "dt-%s", relay);
	snprintf(out, IF_NAMESIZE, "%.15s", name);
}

int dt_wg_open(struct dt_wg *wg, const char *name, const uint8_t secret[DT_KEY_LEN], uint16_t port, uint32_t mtu,
	       bool adopt)
{
	struct host_link *l = host_link_find(name);
	struct tunnel *t;

	memset(wg, 0, sizeof(*wg));
	if (world.wireguard_error)
		return world.wireguard_error;
	wg->userspace = world.wireguard_is_program;
	if (l)
		host_link_remove(l);
	l = host_link_add(name, NULL, 1000);
	t = tunnel_find(0);
	if (!l || !t)
		return -ENOSPC;
	t->ifindex = l->rt.index;
	t->relay = NULL;
	l->rt.mtu = mtu;
	snprintf(wg->name, sizeof(wg->name), "%s", name);
	wg->ifindex = l->rt.index;
	tell("> device %s mtu=%u", name, mtu);
	return 0;
}

int dt_wg_remove(struct dt_wg *wg)
{
	struct host_link *l = host_link_at(wg->ifindex);
	struct tunnel *t = tunnel_find(wg->ifindex);

	if (world.frozen)
		return 0;
	tell("> device %s removed", wg->name);
	if (l)
		host_link_remove(l);
	if (t)
		memset(t, 0, sizeof(*t));
	return 0;
}

void dt_wg_close(struct dt_wg *wg)
{
}

int dt_wg_peer_set(struct dt_wg *wg, const struct dt_wg_peer *peer)
{
	struct tunnel *t = tunnel_find(wg->ifindex);

	if (!t)
		return -ENODEV;
	for (struct relay *r = world.relays; r; r = r->next)
		if (memcmp(r->keys.public, peer->public_key, DT_KEY_LEN) == 0)
			t->relay = r;
	return 0;
}

int dt_wg_peers(struct dt_wg *wg, dt_wg_peer_fn fn, void *data)
{
	struct tunnel *t = tunnel_find(wg->ifindex);
	struct dt_wg_peer peer = {.keepalive_s = 25};

	if (!t || !host_link_at(wg->ifindex))
		return -ENODEV;
	if (!t->relay)
		return 0;
	peer.handshake_s = t->relay->tunnel_blocked || t->relay->dark ? 0 : 1800000000;
	return fn(&peer, data);
}

/* --- what may come out of them (pm/kernel/guard) ------------------------------------------------ */

struct dt_guard {
	uint32_t ifindex;
};

int dt_guard_open(struct dt_guard **out, uint32_t ifindex, const struct dt_ip *ip4, const struct dt_ip *ip6)
{
	struct dt_guard *g;

	if (world.guard_error)
		return world.guard_error;
	if (!host_link_at(ifindex))
		return -ENODEV;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->ifindex = ifindex;
	host_link_at(ifindex)->guarded = true;
	*out = g;
	return 0;
}

void dt_guard_close(struct dt_guard *g)
{
	free(g);
}

int dt_guard_check(struct dt_guard *g)
{
	struct host_link *l = host_link_at(g->ifindex);

	if (!l)
		return -ENODEV;
	if (l->guarded)
		return 0;
	if (world.guard_error)
		return world.guard_error;
	tell("> filter back on %s", l->rt.name);
	l->guarded = true;
	return 1;
}

const char *dt_guard_problem(int err)
{
	return strerror(-err);
}

uint64_t dt_guard_dropped(struct dt_guard *g)
{
	return 0;
}
