/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The client's end of a relay's WireGuard tunnel: a device, a key for this run, and addresses that the relay gave.
 * Subflows use it because of their source address: a rule for each address looks up a table whose default route is the
 * device. The host's own routes stay as they are.
 */
#ifndef DETOURD_PM_LINK_TUNNELS_H
#define DETOURD_PM_LINK_TUNNELS_H

#include <stdbool.h>
#include <stdint.h>

struct dt_client_link_event;
struct dt_pm_relay;
struct dt_pm_tunnel;

/* For a relay whose carrier is wireguard or auto. -ENOMEM. */
int dt_pm_tunnel_new(struct dt_pm_tunnel **out, struct dt_pm_relay *relay);
/* Removes device, rules and routes; with tell, ends it at the relay too. May be NULL. */
void dt_pm_tunnel_free(struct dt_pm_tunnel *t, bool tell);
/* The relay is up or was restarted: asks at once. */
void dt_pm_tunnel_refresh(struct dt_pm_tunnel *t, uint64_t now_ns);
void dt_pm_tunnel_answered(struct dt_pm_tunnel *t, const struct dt_client_link_event *event, uint64_t now_ns);
/* Renews and retries. Called every second. */
void dt_pm_tunnel_tick(struct dt_pm_tunnel *t, uint64_t now_ns);

#endif
