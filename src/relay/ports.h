/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets of the host itself in the relay's port ranges. The NAT would take the packets of a service that listens there.
 * A connection of the host is safe: nat.bpf gives no flow its source port. But the range was not free.
 */
#ifndef DETOURD_RELAY_PORTS_H
#define DETOURD_RELAY_PORTS_H

#include "relay/config.h"

/*
 * Logs each service that listens in a range, and that connections are in one. With old (may be NULL) a service in a range
 * that old has too is only a warning, so that it cannot keep a reload from revoking a client. -EADDRINUSE: there is such a
 * service. If the sockets cannot be read, that is a warning, and 0.
 */
int dt_ports_check(const struct dt_relay_config *config, const struct dt_relay_config *old);

#endif
