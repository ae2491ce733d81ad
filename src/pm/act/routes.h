/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules and routing tables that send packets out by the interface that their source address belongs to. */
#ifndef DETOURD_PM_ACT_ROUTES_H
#define DETOURD_PM_ACT_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

struct dt_ip;
struct dt_plain_source;
struct dt_pm;

/* -ENOMEM. */
int dt_routes_new(struct dt_pm *pm);
/* Removes the rules and tables. */
void dt_routes_free(struct dt_pm *pm);
/* Removes what an earlier run left when it was killed. */
void dt_routes_purge(struct dt_pm *pm);
/*
 * Makes packets from this source to `to` leave by the source's interface. Adds a rule and a table if the host's routes
 * do not do that already. False: the interface has no route there.
 */
bool dt_route_by_source(struct dt_pm *pm, const struct dt_plain_source *source, const struct dt_ip *to);
/* The same for a connection's own address, if its interface is named in `interfaces`. */
void dt_route_hold(struct dt_pm *pm, const struct dt_ip *from, const struct dt_ip *to);
/* The interface by which packets from one address to another leave now; 0: by none. */
uint32_t dt_route_interface(struct dt_pm *pm, const struct dt_ip *from, const struct dt_ip *to);
/* ... and whether that is one which has the first address. */
bool dt_route_is_own(const struct dt_pm *pm, const struct dt_ip *from, uint32_t ifindex);
/* After a change of `interfaces` or the network: removes rules of addresses that are gone, renews gateways. */
void dt_routes_update(struct dt_pm *pm);

#endif
