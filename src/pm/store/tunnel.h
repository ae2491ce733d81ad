/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of the client's end of a relay's WireGuard tunnel. Updated by link/tunnels.c. */
#ifndef DETOURD_PM_STORE_TUNNEL_H
#define DETOURD_PM_STORE_TUNNEL_H

#include "base/key.h"
#include "net/wireguard.h"
#include "proto/message.h"

struct dt_guard;
struct dt_pm;
struct dt_pm_relay;

/*
 * Rules of addresses that the tunnel had stay until the relay is closed: subflows from them may end later than the
 * device, and are not to leave by another way. The oldest rule goes first.
 */
#define DT_TUNNEL_HELD_MAX 8

enum dt_tunnel_state {
	DT_TUNNEL_DOWN,	 /* not requested yet, or to be requested again */
	DT_TUNNEL_READY, /* device, addresses and routes are set up; usable if problem is "" */
};

struct dt_pm_tunnel {
	struct dt_pm_relay *relay;
	enum dt_tunnel_state state;
	struct dt_keypair keys;
	struct dt_wg wg;
	bool open;		/* wg is open */
	struct dt_guard *guard; /* what may come out of it; NULL: not open */
	uint32_t table;		/* routing table with its routes, as long as the relay is open; 0: none yet */
	struct dt_ip held[DT_TUNNEL_HELD_MAX]; /* addresses with a rule that leads to the table */
	size_t nheld;
	struct dt_tunnel given;		   /* the relay's last reply */
	struct dt_ip proposed4, proposed6; /* by this host, until the relay gives others; unset: none yet */
	bool under_way;			   /* a request waits for its reply */
	uint64_t asked_ns;
	uint64_t due_ns;   /* time of the next request */
	uint64_t ready_ns; /* since when it is READY */
	bool handshaked;   /* the relay's WireGuard has completed a handshake */
	char problem[256]; /* why it is not usable; "": it is, or nothing is known yet */
};

/* This host's address of this family (4 or 6) in the tunnel. False: not usable, or it has none. */
bool dt_pm_tunnel_address(const struct dt_pm_tunnel *t, unsigned family, struct dt_ip *out);
/* ip is this host's address in one of the tunnels. */
bool dt_pm_tunnels_have(const struct dt_pm *pm, const struct dt_ip *ip);

#endif
