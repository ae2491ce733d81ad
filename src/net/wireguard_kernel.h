/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's WireGuard by rtnetlink and generic netlink (include/uapi/linux/wireguard.h). For net/wireguard.c. */
#ifndef DETOURD_NET_WIREGUARD_KERNEL_H
#define DETOURD_NET_WIREGUARD_KERNEL_H

#include "net/wireguard_device.h"

/* Is the device at wg->ifindex one of WireGuard's? */
bool dt_wg_kernel_has(struct dt_wg *wg);
/* The errors of all are the kernel's. -EOPNOTSUPP: it has no WireGuard. */
int dt_wg_kernel_create(struct dt_wg *wg);
int dt_wg_kernel_configure(struct dt_wg *wg, const uint8_t secret[DT_KEY_LEN], uint16_t port, bool keep_peers);
int dt_wg_kernel_peer_set(struct dt_wg *wg, const struct dt_wg_peer *peer);
int dt_wg_kernel_peer_remove(struct dt_wg *wg, const uint8_t public_key[DT_KEY_LEN]);
int dt_wg_kernel_peers(struct dt_wg *wg, dt_wg_peer_fn fn, void *data);

/* Pure: the peers of one WG_CMD_GET_DEVICE message. A peer may go on in the next message. */
int dt_wg_message_parse(const struct nlmsghdr *nlh, dt_wg_peer_fn fn, void *data);

#endif
