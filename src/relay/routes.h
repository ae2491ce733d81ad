/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host's routes as flows follow them: nat.bpf's map "routes". */
#ifndef DETOURD_RELAY_ROUTES_H
#define DETOURD_RELAY_ROUTES_H

#include "net/network.h"

/*
 * Makes exactly the host's unicast routes over interfaces that are up the content of the map. *changed: flows must
 * look up anew where they leave. -ENOMEM, or the map's error, after which the map may hold some of the old ones.
 */
int dt_routes_store(int routes_fd, const struct dt_network *n, bool *changed);

#endif
