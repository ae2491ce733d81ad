/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configured relays: their names are resolved, their links opened, and events of these become marks. */
#ifndef DETOURD_PM_LINK_RELAYS_H
#define DETOURD_PM_LINK_RELAYS_H

#include <stddef.h>
#include <stdint.h>

struct dt_ip;
struct dt_pm;
struct dt_pm_relay;
struct dt_relay_conf;
struct dt_relay_link;

/* conf is borrowed; a reload replaces relay->conf. -ENOMEM; -EKEYREJECTED: a weak public key, which a configuration never has. */
int dt_pm_relay_open(struct dt_pm *pm, const struct dt_relay_conf *conf, size_t index);
/* Releases its leases and closes its links. Freed in a later turn of the loop. No subflow may use it any more. */
void dt_pm_relay_close(struct dt_pm_relay *relay);
/*
 * The link for connections from this local address, opened if there is none. NULL: not possible now;
 * dt_relay_link_find() says why.
 */
struct dt_relay_link *dt_pm_relay_link(struct dt_pm_relay *relay, const struct dt_ip *local, uint64_t now_ns);
/* Renews leases and tunnels, closes links that nobody uses. Called every second. */
void dt_pm_relays_tick(struct dt_pm *pm, uint64_t now_ns);
/* The host's network changed: links whose address is gone are closed or take a new socket; the rest probe. */
void dt_relay_links_network_changed(struct dt_pm *pm, uint64_t now_ns);

#endif
