/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses that are not those of hosts on the Internet: IANA's special-purpose registries, multicast, and every known
 * way to write IPv4 inside IPv6.
 */
#ifndef DETOURD_BASE_SPECIAL_H
#define DETOURD_BASE_SPECIAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"

/* All of them. */
const struct dt_prefix *dt_special_prefixes(size_t *count);

/* The one that the address is in, and what it is for; NULL: none. */
const struct dt_prefix *dt_special_find(const struct dt_ip *ip, const char **name);
/* The address is in one of them. */
bool dt_special_has(const struct dt_ip *ip);
/* All of this prefix is in one of them. */
bool dt_special_covers(const struct dt_prefix *prefix);

#endif
