/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/checksum.h"

#include <arpa/inet.h>

static uint32_t sum_add(uint32_t sum, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

static uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

uint16_t dt_checksum(const void *data, size_t len)
{
	return sum_fold(sum_add(0, data, len));
}

/* The prefix of v4-mapped addresses adds 0xffff, which changes no checksum. */
uint16_t dt_checksum_tcp(const struct dt_ip *from, const struct dt_ip *to, const void *tcp, size_t len)
{
	uint32_t sum = IPPROTO_TCP + (uint32_t)len;

	sum = sum_add(sum, from->b, sizeof(from->b));
	sum = sum_add(sum, to->b, sizeof(to->b));
	return sum_fold(sum_add(sum, tcp, len));
}
