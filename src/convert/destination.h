/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The copying process's own look at a server, right before it connects. The daemon has judged it before, by its lists. */
#ifndef DETOURD_CONVERT_DESTINATION_H
#define DETOURD_CONVERT_DESTINATION_H

#include "base/addr.h"

/* A socket for the look-ups. Negative errno. */
int dt_destination_open(void);
/*
 * 0: it is another host's unicast address by this host's routes, and not special-purpose unless special says so. -EPERM: it
 * is not; -ENETUNREACH and others: the routes do not say.
 */
int dt_destination_check(int route_fd, const struct dt_ip *ip, bool special);

#endif
