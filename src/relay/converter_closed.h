/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports of converter leases that ended a short while ago. Each is kept bound, and nothing listens there: the host answers
 * SYNs by RST, so that a connection which still goes there fails at once. nat.bpf lets only those of the lease's client in.
 */
#ifndef DETOURD_RELAY_CONVERTER_CLOSED_H
#define DETOURD_RELAY_CONVERTER_CLOSED_H

#include "relay/converter_leases.h"

/* Keeps the port of this lease, which has no socket here any more. False: another program or process has it. */
bool dt_converter_closed_add(struct dt_converter_leases *l, const struct dt_converter_lease *lease);
/* Gives back those whose time is over. */
void dt_converter_closed_tick(struct dt_converter_leases *l, uint64_t now_ns);
/* Gives back the oldest one, to make room. False: there is none. */
bool dt_converter_closed_drop(struct dt_converter_leases *l);
/* Frees the memory and closes the sockets; the map stays. */
void dt_converter_closed_fini(struct dt_converter_leases *l);

#endif
