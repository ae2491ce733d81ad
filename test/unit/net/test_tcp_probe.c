/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bytes of a probe. How real peers answer it is tested by test/netns/t_dead_direct.sh. */
#include <criterion/criterion.h>
#include <string.h>

#include "net/tcp_probe.h"

#define IP4_LEN 20
#define IP6_LEN 40

static uint32_t u32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The internet checksum (RFC 1071); 0 over data that contains its own checksum. */
static uint16_t sum(const uint8_t *data, size_t len, uint32_t start)
{
	for (size_t i = 0; i < len; i++)
		start += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return (uint16_t)~start;
}

static struct dt_tcp_probe probe_of(const char *local, const char *remote)
{
	struct dt_tcp_probe probe = {.snd_una = 1, .rcv_nxt = 0xdeadbeef, .tsval = 7, .tsecr = 9};

	cr_assert_eq(dt_endpoint_parse(&probe.local, local), 0);
	cr_assert_eq(dt_endpoint_parse(&probe.remote, remote), 0);
	return probe;
}

static void check(struct dt_tcp_probe probe, size_t ip_len, bool timestamps, bool with_byte)
{
	uint8_t packet[DT_TCP_PROBE_LEN_MAX];
	size_t tcp_len = 20 + (timestamps ? 12 : 0) + (with_byte ? 1 : 0), len;
	const uint8_t *tcp = packet + ip_len;
	size_t addresses = ip_len == IP4_LEN ? 12 : 8, addresses_len = ip_len == IP4_LEN ? 8 : 32;

	probe.timestamps = timestamps;
	probe.with_byte = with_byte;
	len = dt_tcp_probe_write(packet, &probe);
	cr_assert_eq(len, ip_len + tcp_len);
	if (ip_len == IP4_LEN) {
		cr_assert_eq(sum(packet, IP4_LEN, 0), 0, "IP checksum");
		cr_assert_eq((size_t)(packet[2] << 8 | packet[3]), len);
	} else {
		cr_assert_eq((size_t)(packet[4] << 8 | packet[5]), tcp_len);
	}
	cr_assert_eq(
		sum(tcp, tcp_len, (uint32_t)(uint16_t)~sum(packet + addresses, addresses_len, 6 + (uint32_t)tcp_len)),
		0, "TCP checksum");
	cr_assert_eq(tcp[0] << 8 | tcp[1], 1000);
	cr_assert_eq(tcp[2] << 8 | tcp[3], 2000);
	/* it ends below what was acknowledged, also where sequence numbers wrap around */
	cr_assert_eq(u32_at(tcp + 4), with_byte ? 0xffffffff : 0);
	cr_assert_eq(u32_at(tcp + 8), 0xdeadbeef);
	cr_assert_eq(tcp[12] >> 4, timestamps ? 8 : 5);
	cr_assert_eq(tcp[13], 0x10, "ACK alone");
	if (timestamps) {
		cr_assert_eq(u32_at(tcp + 20), 0x0101080a);
		cr_assert_eq(u32_at(tcp + 24), 7);
		cr_assert_eq(u32_at(tcp + 28), 9);
	}
}

Test(tcp_probe, bytes)
{
	struct dt_tcp_probe v4 = probe_of("192.0.2.2:1000", "203.0.113.2:2000");
	struct dt_tcp_probe v6 = probe_of("[2001:db8::2]:1000", "[2001:db8:5::2]:2000");

	for (int timestamps = 0; timestamps < 2; timestamps++)
		for (int with_byte = 0; with_byte < 2; with_byte++) {
			check(v4, IP4_LEN, timestamps, with_byte);
			check(v6, IP6_LEN, timestamps, with_byte);
		}
}
