/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both ends of a WireGuard tunnel must agree on: its addresses and its MTU. Pure, but for random numbers. */
#ifndef DETOURD_NET_TUNNEL_H
#define DETOURD_NET_TUNNEL_H

#include "base/addr.h"

/*
 * IPv4 ranges that tunnel addresses come from, best first: shared space (RFC 6598), benchmarking (RFC 2544), private
 * (RFC 1918). IPv6 addresses are unique local ones (RFC 4193).
 */
#define DT_TUNNEL_RANGES 3

/* A random address of that IPv4 range, or, with v4 false, of IPv6. */
struct dt_ip dt_tunnel_address_random(bool v4, size_t range);
/* May it be a tunnel's address? */
bool dt_tunnel_address_valid(const struct dt_ip *ip);

#define DT_TUNNEL_MTU_MIN 1280	 /* IPv6's least */
#define DT_TUNNEL_MTU_USUAL 1420 /* on a path of 1500 bytes */

/*
 * The MTU of a tunnel over a path that carries packets of path_mtu bytes (0: not known), so that nothing is
 * fragmented.
 */
uint32_t dt_tunnel_mtu(uint32_t path_mtu);

#endif
