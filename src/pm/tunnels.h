/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's end of a relay's WireGuard tunnel: a device, a key of this run, addresses the relay gave. Subflows leave
 * by it because of their source address: a rule from each address looks up a table whose default route is the device;
 * the host's own routes stay as they are. Only src/pm includes this.
 */
#ifndef DETOURD_PM_TUNNELS_H
#define DETOURD_PM_TUNNELS_H

#include "base/key.h"
#include "net/wireguard.h"
#include "proto/client_link.h"

struct dt_pm;
struct dt_pm_relay;

enum dt_tunnel_state {
	DT_TUNNEL_DOWN,	 /* not asked for yet, or to be asked for again */
	DT_TUNNEL_READY, /* device, addresses and routes are there; usable unless problem says otherwise */
};

struct dt_pm_tunnel {
	struct dt_pm_relay *relay;
	enum dt_tunnel_state state;
	struct dt_keypair keys;
	struct dt_wg wg;
	bool open;	/* wg */
	uint32_t table; /* of its routes */
	struct dt_tunnel given;
	bool under_way; /* a request */
	uint64_t asked_ns;
	uint64_t due_ns;   /* when to ask again */
	uint64_t ready_ns; /* since when */
	bool handshaked;   /* the relay's WireGuard has answered */
	char problem[256]; /* why it is not ready, "" if it is or nothing is known yet */
};

/* For a relay whose carrier is wireguard or auto. -ENOMEM. */
int dt_pm_tunnel_new(struct dt_pm_tunnel **out, struct dt_pm_relay *relay);
/* Ends it at the relay (with tell), removes device, rules and routes. May be NULL. */
void dt_pm_tunnel_free(struct dt_pm_tunnel *t, bool tell);
/* The relay is up, or was restarted: ask at once. */
void dt_pm_tunnel_refresh(struct dt_pm_tunnel *t, uint64_t now_ns);
void dt_pm_tunnel_answered(struct dt_pm_tunnel *t, const struct dt_link_event *event, uint64_t now_ns);
/* Renewals and retries; every second. */
void dt_pm_tunnel_tick(struct dt_pm_tunnel *t, uint64_t now_ns);
/* The tunnel's own address of that family (4 or 6); false: not ready, or none. */
bool dt_pm_tunnel_address(const struct dt_pm_tunnel *t, unsigned family, struct dt_ip *out);
/* True if ip is an address of one of our tunnels. */
bool dt_pm_tunnels_have(const struct dt_pm *pm, const struct dt_ip *ip);

#endif
