/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "net/wireguard.h"
#include "net/wireguard_go.h"
#include "net/wireguard_kernel.h"

static void init(void)
{
	cr_assert(sodium_init() >= 0);
}
TestSuite(wireguard, .init = init);

Test(wireguard, device_names)
{
	char a[IF_NAMESIZE], b[IF_NAMESIZE];

	dt_wg_device_name(a, "fra");
	cr_assert_str_eq(a, "dt-fra");
	dt_wg_device_name(a, "twelve-chars");
	cr_assert_str_eq(a, "dt-twelve-chars", "15 characters fit");
	dt_wg_device_name(a, "thirteen-chars");
	dt_wg_device_name(b, "thirteen-charz");
	cr_assert_leq(strlen(a), 15);
	cr_assert_str_neq(a, b, "names that differ late get different devices");
	cr_assert_eq(strncmp(a, "dt-thirtee", 10), 0);
}

struct seen {
	struct dt_wg_peer peers[4];
	size_t count;
};

static int take(const struct dt_wg_peer *peer, void *data)
{
	struct seen *s = data;

	cr_assert_lt(s->count, 4);
	s->peers[s->count++] = *peer;
	return 0;
}

Test(wireguard, an_answer_of_the_program)
{
	char text[] = "private_key=00\nlisten_port=51820\n"
		      "public_key=0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\n"
		      "endpoint=[2001:db8::1]:1234\nallowed_ip=100.64.0.1/32\nallowed_ip=fd00::1/128\n"
		      "last_handshake_time_sec=1700000000\nrx_bytes=17\ntx_bytes=18\n"
		      "public_key=ff02030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\n"
		      "allowed_ip=0.0.0.0/0\nerrno=0\n\n";
	struct seen s = {.count = 0};
	char ip[DT_PREFIX_STRLEN];

	cr_assert_eq(dt_wg_uapi_parse(text, take, &s), 0);
	cr_assert_eq(s.count, 2);
	cr_assert_eq(s.peers[0].public_key[31], 0x20);
	cr_assert_eq(s.peers[0].endpoint.port, 1234);
	cr_assert_eq(s.peers[0].nallowed, 2);
	cr_assert_str_eq(dt_prefix_format(&s.peers[0].allowed[0], ip), "100.64.0.1/32");
	cr_assert_eq(s.peers[0].handshake_s, 1700000000);
	cr_assert_eq(s.peers[0].rx_bytes, 17);
	cr_assert_eq(s.peers[1].nallowed, 1);
	cr_assert_eq(s.peers[1].handshake_s, 0);
}

Test(wireguard, invalid_answers_of_the_program)
{
	char bad_key
		[] = "public_key=0102\n\n",
	 no_value[] = "public_key\n\n",
	 bad_endpoint[] =
		 "public_key=0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20\nendpoint=nowhere\n\n";
	struct seen s = {.count = 0};

	cr_assert_eq(dt_wg_uapi_parse(bad_key, take, &s), -EBADMSG);
	cr_assert_eq(dt_wg_uapi_parse(no_value, take, &s), -EBADMSG);
	cr_assert_eq(dt_wg_uapi_parse(bad_endpoint, take, &s), -EBADMSG);
}
