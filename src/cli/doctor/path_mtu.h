/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do large packets get to a host, or are they lost on the way without a word (a path MTU black hole)? */
#ifndef DETOURD_CLI_DOCTOR_PATH_MTU_H
#define DETOURD_CLI_DOCTOR_PATH_MTU_H

#include "base/addr.h"

struct dt_path_mtu {
	size_t sent;   /* bytes of the largest IP packet that this host could send, at most 1,500 */
	size_t passes; /* bytes of the largest that came back */
	bool told;     /* a router said by ICMP that it was too large, as it should */
	bool lost;     /* the largest is lost without a word, each time, while small ones come back */
};

/*
 * Pings the host with small and large packets that may not be fragmented, and sends large ones to a UDP port, to which
 * its answer is that nobody listens there: a firewall may let only small pings through, so these count as well. Changes
 * nothing there. Takes some round trips; 2.5 s where large packets are lost, or the host does not answer.
 */
void dt_path_mtu_try(struct dt_path_mtu *out, const struct dt_ip *host);

#endif
