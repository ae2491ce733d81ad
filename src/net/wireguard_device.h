/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A WireGuard device and its peers, whoever provides it: see net/wireguard.h. */
#ifndef DETOURD_NET_WIREGUARD_DEVICE_H
#define DETOURD_NET_WIREGUARD_DEVICE_H

#include <net/if.h>

#include "base/addr.h"
#include "base/key.h"
#include "net/netlink.h"

struct dt_wg {
	char name[IF_NAMESIZE];
	uint32_t ifindex;
	bool userspace; /* wireguard-go */
	struct dt_netlink route;
	struct dt_netlink genl;
	struct dt_genl_family family;
	char error[192]; /* words on the last failure, "" if errno says all */
};

struct dt_wg_peer {
	uint8_t public_key[DT_KEY_LEN];
	struct dt_endpoint endpoint; /* port 0: not known, or not to be set */
	struct dt_prefix allowed[4]; /* what may come from it and goes to it */
	size_t nallowed;
	uint16_t keepalive_s; /* 0: none */
	/* of a peer that is read */
	uint64_t handshake_s; /* when, seconds of CLOCK_REALTIME; 0: never */
	uint64_t rx_bytes, tx_bytes;
};

/* One peer of a device that is read; what it returns other than 0 ends the reading. */
typedef int (*dt_wg_peer_fn)(const struct dt_wg_peer *peer, void *data);

/* Records why something failed, for wg->error; returns err. */
int dt_wg_fail(struct dt_wg *wg, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
