/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Raw sockets to one host. See raw(7). */
#ifndef DETOURD_NET_RAW_H
#define DETOURD_NET_RAW_H

#include "base/addr.h"

/*
 * A raw socket for this protocol (IPPROTO_TCP and others), connected to the host, so that it hears of no other. Or a negative
 * errno. Needs CAP_NET_RAW. The caller closes it.
 */
int dt_raw_open(const struct dt_ip *to, int protocol);
#endif
