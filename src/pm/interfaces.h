/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's own addresses: where plain subflows start, and how they leave. */
#ifndef DETOURD_PM_INTERFACES_H
#define DETOURD_PM_INTERFACES_H

#include "pm/pm.h"

/* Interfaces from which one connection has plain subflows; more are not used. */
#define DT_PLAIN_SOURCES_MAX 8

struct dt_plain_source {
	struct dt_ip ip;
	uint32_t ifindex;
	char interface[IF_NAMESIZE];
	bool backup;
};

/*
 * One address of this family (4 or 6) for each interface that `interfaces` names and that is up, in its order; returns
 * how many.
 */
size_t dt_interfaces_sources(const struct dt_pm *pm, unsigned family, struct dt_plain_source out[DT_PLAIN_SOURCES_MAX]);
/* `backup = yes` in [interface NAME]? */
bool dt_interfaces_backup(const struct dt_pm *pm, const char *name);
/*
 * Sees to it that packets from this address to that one leave by its interface: by a rule and a table of our own where
 * the host's routes do not say so already. False: the interface has no way there.
 */
bool dt_interfaces_route(struct dt_pm *pm, const struct dt_plain_source *source, const struct dt_ip *to);
/* The same for a connection's own address, if it is of an interface that `interfaces` names. */
void dt_interfaces_hold(struct dt_pm *pm, const struct dt_ip *from, const struct dt_ip *to);
/* What `interfaces` names changed, or the network: rules of addresses that are gone go, tables get their new gateway. */
void dt_interfaces_routes_update(struct dt_pm *pm);
/* Removes the rules and tables. */
void dt_interfaces_fini(struct dt_pm *pm);
/* The address from which the host would reach this endpoint now; false: it would not. */
bool dt_interfaces_source_for(const struct dt_endpoint *remote, struct dt_ip *out);
/* Which interface has this address; "" if none has. */
void dt_interfaces_name(const struct dt_pm *pm, const struct dt_ip *ip, char out[IF_NAMESIZE]);

/* What the host's network looks like is followed from here on; what a killed run left is removed. Logs why not. */
int dt_interfaces_watch(struct dt_pm *pm);

#endif
