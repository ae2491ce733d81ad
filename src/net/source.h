/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source address selection, as the kernel does it. */
#ifndef DETOURD_NET_SOURCE_H
#define DETOURD_NET_SOURCE_H

#include <stdbool.h>

#include "base/addr.h"

/* The address from which the host would reach this endpoint now; false: it would not. */
bool dt_source_for(const struct dt_endpoint *remote, struct dt_ip *out);
/* Finds a free TCP port at this address: the kernel chooses one for a socket that is closed at once. */
int dt_source_port(struct dt_endpoint *local);

#endif
