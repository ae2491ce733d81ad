/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SYNs with MPTCP options, and what is read from segments and from ICMP errors. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "net/segment.h"
#include "net/syn.h"

#define ICMP_LEN 8
#define IP4_LEN 20
#define IP6_LEN 40

static struct dt_endpoint endpoint(const char *text)
{
	struct dt_endpoint e;

	cr_assert_eq(dt_endpoint_parse(&e, text), 0);
	return e;
}

/* An IPv4 header, of which only what is looked at is filled in. */
static size_t ip4(uint8_t *out, uint8_t protocol)
{
	memset(out, 0, IP4_LEN);
	out[0] = 0x45;
	out[9] = protocol;
	return IP4_LEN;
}

static size_t ip6(uint8_t *out, uint8_t protocol)
{
	memset(out, 0, IP6_LEN);
	out[0] = 0x60;
	out[6] = protocol;
	return IP6_LEN;
}

static struct dt_syn join_of(const char *from, const char *to)
{
	struct dt_endpoint a = endpoint(from), b = endpoint(to);
	struct dt_syn syn;

	dt_syn_join(&syn, &a, &b, 0x01020304);
	return syn;
}

Test(segment, a_syn_is_read_again)
{
	struct dt_syn syn = join_of("192.0.2.1:1000", "203.0.113.1:80");
	uint8_t packet[IP4_LEN + DT_SYN_LEN_MAX];
	size_t at = ip4(packet, IPPROTO_TCP), len = at + dt_syn_write(packet + at, &syn), option_len;
	struct dt_segment s;
	const uint8_t *option;

	cr_assert_eq(dt_segment_parse(&s, packet, len, true), 0);
	cr_expect(s.from == 1000 && s.to == 80 && s.syn && !s.ack && !s.rst);
	option = dt_segment_mptcp(&s, DT_MPTCP_JOIN, &option_len);
	cr_assert(option);
	cr_expect_eq(option_len, 10);
	cr_expect_arr_eq(option + 2, ((uint8_t[]){1, 2, 3, 4}), 4);
	cr_expect_null(dt_segment_mptcp(&s, DT_MPTCP_CAPABLE, &option_len));
	cr_expect_eq(dt_segment_parse(&s, packet, len - 1, true), -EBADMSG, "cut off");
	packet[6] = 0, packet[7] = 1;
	cr_expect_eq(dt_segment_parse(&s, packet, len, true), -EBADMSG, "a later fragment");
}

/* Over the pseudo-header and the segment, checksum included. */
static uint16_t sum_of(const struct dt_syn *syn, const uint8_t *tcp, size_t len)
{
	uint32_t sum = IPPROTO_TCP + (uint32_t)len;

	for (size_t i = 0; i < 16; i++)
		sum += (uint32_t)(syn->from.ip.b[i] + syn->to.ip.b[i]) << (i % 2 ? 0 : 8);
	for (size_t i = 0; i < len; i++)
		sum += (uint32_t)tcp[i] << (i % 2 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

Test(segment, checksums)
{
	struct dt_syn syns[] = {join_of("192.0.2.1:1000", "203.0.113.1:80"),
				join_of("[2001:db8::1]:1", "[2001:db8::2]:2")};
	struct dt_syn capable;
	uint8_t tcp[DT_SYN_LEN_MAX];
	size_t len;

	for (size_t i = 0; i < 2; i++) {
		len = dt_syn_write(tcp, &syns[i]);
		cr_expect_eq(len, 32);
		cr_expect_eq(sum_of(&syns[i], tcp, len), 0xffff);
		dt_syn_capable(&capable, &syns[i].from, &syns[i].to);
		len = dt_syn_write(tcp, &capable);
		cr_expect_eq(len, 24);
		cr_expect_eq(sum_of(&capable, tcp, len), 0xffff);
	}
}

Test(segment, quoted_by_icmp)
{
	struct dt_syn syn = join_of("192.0.2.1:1000", "203.0.113.1:80");
	uint8_t four[2 * IP4_LEN + ICMP_LEN + DT_SYN_LEN_MAX] = {0}, six[IP6_LEN + ICMP_LEN + DT_SYN_LEN_MAX] = {0};
	size_t at = ip4(four, IPPROTO_ICMP), len, option_len;
	struct dt_segment s;

	four[at] = 11;
	at += ICMP_LEN;
	at += ip4(four + at, IPPROTO_TCP);
	len = at + dt_syn_write(four + at, &syn);
	cr_assert_eq(dt_segment_quoted(&s, four, len, true), 0);
	cr_expect_eq(s.from, 1000);
	cr_expect(dt_segment_mptcp(&s, DT_MPTCP_JOIN, &option_len));
	cr_expect_eq(dt_segment_quoted(&s, four, at + 8, true), -EBADMSG, "eight bytes of it");
	four[IP4_LEN] = 3;
	cr_expect_eq(dt_segment_quoted(&s, four, len, true), -EBADMSG, "unreachable");

	six[0] = 3;
	at = ICMP_LEN;
	at += ip6(six + at, IPPROTO_TCP);
	len = at + dt_syn_write(six + at, &syn);
	cr_assert_eq(dt_segment_quoted(&s, six, len, false), 0);
	cr_expect_eq(s.to, 80);
	cr_expect_eq(dt_segment_quoted(&s, six, at + 19, false), -EBADMSG, "cut off");
	six[ICMP_LEN + 6] = 44;
	cr_expect_eq(dt_segment_quoted(&s, six, len, false), -EBADMSG, "a fragment");
}

Test(segment, odd_options)
{
	static const struct {
		const char *what;
		uint8_t bytes[12];
		size_t len;
		bool found; /* MP_CAPABLE */
	} rows[] = {
		{"none", {0}, 0, false},
		{"behind NOPs", {1, 1, 30, 4, 0x01, 1}, 6, true},
		{"behind another", {3, 3, 7, 30, 4, 0x01, 1}, 7, true},
		{"of another subtype", {30, 4, 0x11, 1}, 4, false},
		{"the second one", {30, 4, 0x11, 1, 30, 4, 0x01, 1}, 8, true},
		{"behind the end", {0, 30, 4, 0x01, 1}, 5, false},
		{"longer than what is left", {30, 5, 0x01, 1}, 4, false},
		{"without subtype", {30, 2}, 2, false},
		{"length 0", {3, 0, 30, 4, 0x01, 1}, 6, false},
		{"a kind at the end", {1, 30}, 2, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_segment s = {.options = rows[i].bytes, .options_len = rows[i].len};
		size_t len = 0;

		cr_expect_eq(dt_segment_mptcp(&s, DT_MPTCP_CAPABLE, &len) != NULL, rows[i].found, "%s", rows[i].what);
		cr_expect(!rows[i].found || len == 2, "%s", rows[i].what);
	}
}
