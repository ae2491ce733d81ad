/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard devices: the kernel's by rtnetlink and generic netlink "wireguard" (include/uapi/linux/wireguard.h), or,
 * where the kernel has none, wireguard-go by its configuration socket (the cross-platform userspace protocol). What is
 * above does not know which.
 */
#ifndef DETOURD_NET_WIREGUARD_H
#define DETOURD_NET_WIREGUARD_H

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

/* "dt-" and the relay's name; where that is longer than a device's name may be, cut, with a hash at its end. */
void dt_wg_device_name(char out[IF_NAMESIZE], const char *relay);

/*
 * Finds the device of that name or makes it; it is configured with the key and, if not 0, the port, and brought up.
 * With adopt a device that is there is taken over (its peers stay if its key is the same); without, it is replaced.
 * -EEXIST: the name belongs to something that is no WireGuard device, or to a wireguard-go of another network
 * namespace; -EOPNOTSUPP: neither the kernel has WireGuard nor is wireguard-go installed; -EADDRINUSE: the port is taken.
 * Nothing is left on failure. mtu in bytes.
 */
int dt_wg_open(struct dt_wg *wg, const char *name, const uint8_t secret[DT_KEY_LEN], uint16_t port, uint32_t mtu,
	       bool adopt);
/* Removes the device. */
void dt_wg_remove(struct dt_wg *wg);
/* Leaves the device as it is. May be called on a zeroed one. */
void dt_wg_close(struct dt_wg *wg);

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

/* Adds the peer, or replaces its endpoint and allowed prefixes. */
int dt_wg_peer_set(struct dt_wg *wg, const struct dt_wg_peer *peer);
int dt_wg_peer_remove(struct dt_wg *wg, const uint8_t public_key[DT_KEY_LEN]);
typedef int (*dt_wg_peer_fn)(const struct dt_wg_peer *peer, void *data);
/* Calls fn for every peer of the device. */
int dt_wg_peers(struct dt_wg *wg, dt_wg_peer_fn fn, void *data);

/* Pure: one peer after another out of a userspace "get" answer; -EBADMSG, or what fn returned. */
int dt_wg_uapi_parse(char *text, dt_wg_peer_fn fn, void *data);
/* Pure: the peers of one WG_CMD_GET_DEVICE message. A peer may go on in the next message. */
int dt_wg_message_parse(const struct nlmsghdr *nlh, dt_wg_peer_fn fn, void *data);

#endif
