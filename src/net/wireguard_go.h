/* SPDX-License-Identifier: GPL-2.0-or-later */
/* WireGuard where the kernel has none: the program wireguard-go and its configuration socket. For net/wireguard.c. */
#ifndef DETOURD_NET_WIREGUARD_GO_H
#define DETOURD_NET_WIREGUARD_GO_H

#include "net/wireguard_device.h"

/* Where the sockets are: one for each device name, for all network namespaces together. */
#define DT_WG_GO_DIR "/var/run/wireguard"

/* Does wireguard-go run for a device of this name, in any network namespace? */
bool dt_wg_go_runs(const struct dt_wg *wg);
/*
 * Starts it; it makes the device. wg->error says why not. -EOPNOTSUPP: it is not installed; -EIO: it did not start;
 * -ETIMEDOUT: it started and does not answer, and its device is there.
 */
int dt_wg_go_start(struct dt_wg *wg);
/* Waits until it has ended after its device was removed, but only for some seconds. */
void dt_wg_go_await_end(const struct dt_wg *wg);

/* The errors of all: what the program answered, those of its socket, or -EIO for an invalid answer. */
int dt_wg_go_configure(const struct dt_wg *wg, const uint8_t secret[DT_KEY_LEN], uint16_t port, bool keep_peers);
int dt_wg_go_peer_set(const struct dt_wg *wg, const struct dt_wg_peer *peer);
int dt_wg_go_peer_remove(const struct dt_wg *wg, const uint8_t public_key[DT_KEY_LEN]);
int dt_wg_go_peers(const struct dt_wg *wg, dt_wg_peer_fn fn, void *data);

/* Pure: one peer after another out of wireguard-go's answer to "get"; -EBADMSG, or what fn returned. */
int dt_wg_uapi_parse(char *text, dt_wg_peer_fn fn, void *data);
#endif
