/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/tunnel.h"

#include <arpa/inet.h>
#include <sodium.h>

/* WireGuard's overhead over IPv6, the larger one: 40 + 8 + 32 */
#define OVERHEAD 80

static const struct {
	uint32_t net; /* host order */
	unsigned host_bits;
} ranges4[DT_TUNNEL_RANGES] = {{0x64400000, 22}, {0xc6120000, 17}, {0x0a000000, 24}};

struct dt_ip dt_tunnel_address_random(bool v4, size_t range)
{
	struct dt_ip ip;

	if (v4)
		return dt_ip_from_v4(htonl(ranges4[range].net | randombytes_uniform(1U << ranges4[range].host_bits)));
	randombytes_buf(ip.b, sizeof(ip.b));
	ip.b[0] = 0xfd;
	return ip;
}

bool dt_tunnel_address_valid(const struct dt_ip *ip)
{
	uint32_t v4;

	if (!dt_ip_is_v4(ip))
		return ip->b[0] == 0xfd;
	v4 = ntohl(dt_ip_v4(ip));
	for (size_t i = 0; i < DT_TUNNEL_RANGES; i++)
		if (v4 >> ranges4[i].host_bits == ranges4[i].net >> ranges4[i].host_bits)
			return true;
	return false;
}

uint32_t dt_tunnel_mtu(uint32_t path_mtu)
{
	if (path_mtu <= OVERHEAD)
		return DT_TUNNEL_MTU_USUAL;
	return path_mtu - OVERHEAD < DT_TUNNEL_MTU_MIN ? DT_TUNNEL_MTU_MIN : path_mtu - OVERHEAD;
}
