/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard devices: the kernel's (net/wireguard_kernel.c) or, where the kernel has none, wireguard-go's
 * (net/wireguard_go.c). Callers need not know which.
 */
#ifndef DETOURD_NET_WIREGUARD_H
#define DETOURD_NET_WIREGUARD_H

#include "net/wireguard_device.h"

/* "dt-" and the relay's name; cut, with a hash at its end, where that is longer than a device's name may be. */
void dt_wg_device_name(char out[IF_NAMESIZE], const char *relay);

/*
 * Finds the device of that name or makes it, gives it the key and, if not 0, the port, and brings it up with this MTU
 * (bytes). With adopt an existing device is taken over with its peers; without, it is replaced. -EEXIST: the name
 * belongs to a device that is not WireGuard's, or to a wireguard-go of another network namespace; -EOPNOTSUPP: the
 * kernel has no WireGuard, and wireguard-go is not installed; -EADDRINUSE: the port is taken. A device that was made
 * here is removed on failure. wg->error stays readable after a failure.
 */
int dt_wg_open(struct dt_wg *wg, const char *name, const uint8_t secret[DT_KEY_LEN], uint16_t port, uint32_t mtu,
	       bool adopt);
/* Removes the device. The kernel's error: it is still there. */
int dt_wg_remove(struct dt_wg *wg);
/* Leaves the device as it is. May be called on a zeroed one. */
void dt_wg_close(struct dt_wg *wg);

/* Adds the peer, or replaces its endpoint and allowed prefixes. */
int dt_wg_peer_set(struct dt_wg *wg, const struct dt_wg_peer *peer);
int dt_wg_peer_remove(struct dt_wg *wg, const uint8_t public_key[DT_KEY_LEN]);
/* Calls fn for every peer of the device. */
int dt_wg_peers(struct dt_wg *wg, dt_wg_peer_fn fn, void *data);

#endif
