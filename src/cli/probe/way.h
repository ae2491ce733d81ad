/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What segments show that programs do not see, by raw sockets. Needs CAP_NET_RAW. */
#ifndef DETOURD_CLI_PROBE_WAY_H
#define DETOURD_CLI_PROBE_WAY_H

#include "cli/probe/result.h"

/* Opened before the connection is made, so that it hears the answer. Fills raw. -1: none. The caller closes it. */
int dt_probe_listen(struct dt_probe *p);
/*
 * What was heard of the connection from local: fills c_flag, and joins it by a SYN from another port. Leaves the join half
 * open for a moment: the kernel here knows nothing of it, and resets it.
 */
void dt_probe_join(struct dt_probe *p, int fd, const struct dt_endpoint *local);
/* Asks each router on the way what it got of a SYN with MP_CAPABLE: fills hops, stripped_hop and stripped_at. */
void dt_probe_trace(struct dt_probe *p, int fd);

#endif
