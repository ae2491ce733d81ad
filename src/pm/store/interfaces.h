/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's addresses on the interfaces named by `interfaces`: the local addresses of plain subflows. */
#ifndef DETOURD_PM_STORE_INTERFACES_H
#define DETOURD_PM_STORE_INTERFACES_H

#include <net/if.h>

#include "base/addr.h"

struct dt_pm;

/* At most so many interfaces are used for one connection. */
#define DT_PLAIN_SOURCES_MAX 8

struct dt_plain_source {
	struct dt_ip ip;
	uint32_t ifindex;
	char interface[IF_NAMESIZE];
	bool backup;
};

/*
 * One address of this family (4 or 6) for each interface that `interfaces` names and that is running, in the order of
 * `interfaces`. Returns their number.
 */
size_t dt_interfaces_sources(const struct dt_pm *pm, unsigned family, struct dt_plain_source out[DT_PLAIN_SOURCES_MAX]);
/* [interface NAME] has `backup = yes`. */
bool dt_interfaces_backup(const struct dt_pm *pm, const char *name);
/* The interface that has this address; "": none. */
void dt_interfaces_name(const struct dt_pm *pm, const struct dt_ip *ip, char out[IF_NAMESIZE]);

#endif
