/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keys, codec, encryption and replay window. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "proto/keys.h"
#include "proto/message.h"
#include "proto/replay.h"

static void init(void)
{
	cr_assert(sodium_init() >= 0);
}
TestSuite(proto, .init = init);

static struct dt_pair_keys at_client, at_relay;

static void keys_make(void)
{
	struct dt_keypair client, relay;

	dt_keypair_generate(&client);
	dt_keypair_generate(&relay);
	cr_assert_eq(dt_pair_keys_client(&at_client, &client, relay.public), 0);
	cr_assert_eq(dt_pair_keys_relay(&at_relay, &relay, client.public), 0);
}

Test(proto, key_text)
{
	struct dt_keypair keys;
	uint8_t back[DT_KEY_LEN];
	char text[DT_KEY_BASE64_LEN];

	dt_keypair_generate(&keys);
	cr_assert_eq(strlen(dt_key_format(keys.public, text)), 44);
	cr_assert_eq(dt_key_parse(back, text), 0);
	cr_assert_arr_eq(back, keys.public, DT_KEY_LEN);
	cr_assert_eq(dt_key_parse(back, ""), -EINVAL);
	cr_assert_eq(dt_key_parse(back, "AAAA"), -EINVAL);
	text[43] = 'A';
	cr_assert_eq(dt_key_parse(back, text), -EINVAL, "no padding");
	dt_key_format(keys.public, text);
	text[10] = '!';
	cr_assert_eq(dt_key_parse(back, text), -EINVAL, "not a base64 character");
	/* the last character before the padding carries two bits that must be zero */
	memset(text, 'A', 43);
	text[42] = 'B';
	text[43] = '=';
	cr_assert_eq(dt_key_parse(back, text), -EINVAL, "not canonical");
}

Test(proto, the_public_key_is_the_curves)
{
	/* RFC 7748, 6.1: Alice */
	static const char secret[] = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
	static const char public[] = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
	uint8_t bytes[DT_KEY_LEN];
	char text[DT_KEY_BASE64_LEN];
	struct dt_keypair keys;

	cr_assert_eq(dt_key_parse(bytes, secret), 0);
	cr_assert_eq(dt_keypair_from_secret(&keys, bytes), 0);
	cr_assert_str_eq(dt_key_format(keys.public, text), public);
}

Test(proto, both_sides_derive_the_same)
{
	keys_make();
	cr_assert_arr_eq(at_client.tx, at_relay.rx, DT_KEY_LEN);
	cr_assert_arr_eq(at_client.rx, at_relay.tx, DT_KEY_LEN);
	cr_assert_arr_eq(at_client.key_id, at_relay.key_id, DT_KEY_ID_LEN);
	cr_assert_neq(memcmp(at_client.tx, at_client.rx, DT_KEY_LEN), 0, "one key for both directions");
}

Test(proto, weak_keys_are_refused)
{
	struct dt_keypair keys;
	struct dt_pair_keys pair;
	uint8_t weak[DT_KEY_LEN] = {0};

	dt_keypair_generate(&keys);
	cr_assert_eq(dt_pair_keys_client(&pair, &keys, weak), -EKEYREJECTED, "order 1");
	weak[0] = 1;
	cr_assert_eq(dt_pair_keys_relay(&pair, &keys, weak), -EKEYREJECTED, "order 4");
}

/* Is key judged as what a multiplication makes of it says? */
static void weakness_check(const uint8_t key[DT_KEY_LEN], bool expected)
{
	static const uint8_t any_secret[crypto_scalarmult_SCALARBYTES] = {8};
	uint8_t shared[crypto_scalarmult_BYTES];
	char text[DT_KEY_BASE64_LEN];

	cr_assert_eq(crypto_scalarmult(shared, any_secret, key) != 0, expected, "%s", dt_key_format(key, text));
	cr_assert_eq(dt_public_key_is_weak(key), expected, "%s", dt_key_format(key, text));
}

Test(proto, weak_are_the_points_of_small_order)
{
	static const char *const order_8[] = {"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
					      "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"};
	uint8_t key[DT_KEY_LEN];

	for (int top = 0; top <= 0x80; top += 0x80) {
		for (int i = 0; i < 2; i++) {
			sodium_hex2bin(key, sizeof(key), order_8[i], 64, NULL, NULL, NULL);
			key[DT_KEY_LEN - 1] |= (uint8_t)top;
			weakness_check(key, true);
			key[7] ^= 1;
			weakness_check(key, false);
		}
		/* small numbers, and those around the prime 2^255 - 19 */
		for (int low = 0; low < 256; low++) {
			memset(key, 0, sizeof(key));
			key[0] = (uint8_t)low;
			key[DT_KEY_LEN - 1] |= (uint8_t)top;
			weakness_check(key, low <= 1);
			memset(key, 0xff, sizeof(key));
			key[0] = (uint8_t)low;
			key[DT_KEY_LEN - 1] = (uint8_t)(0x7f | top);
			weakness_check(key, low >= 0xec && low <= 0xee);
		}
	}
	for (int i = 0; i < 100; i++) {
		randombytes_buf(key, sizeof(key));
		weakness_check(key, false);
	}
}

static struct dt_message sample(void)
{
	struct dt_message m;

	memset(&m, 0, sizeof(m));
	m.op = DT_OP_LEASE | DT_OP_REPLY;
	m.dpt = 50001;
	m.lifetime_s = 300;
	dt_endpoint_parse(&m.server, "203.0.113.2:443");
	memset(m.token, 0x5a, sizeof(m.token));
	memset(m.echo_session, 0x77, sizeof(m.echo_session));
	m.echo_counter = 0x0102030405060708ULL;
	dt_endpoint_parse(&m.seen, "192.0.2.2:1234");
	dt_endpoint_parse(&m.control4, "198.51.100.18:45672");
	dt_endpoint_parse(&m.control6, "[2001:db8:a1::2]:45672");
	dt_ip_parse(&m.nat4, "198.51.100.18");
	dt_ip_parse(&m.nat6, "2001:db8:a1::2");
	m.rtt_us = 0x00abcdef;
	m.resets = 0x12345678;
	m.converts = true;
	m.outcome = DT_CONVERT_REFUSED;
	return m;
}

Test(proto, a_message_comes_back)
{
	struct dt_message m = sample(), back;
	uint8_t bytes[DT_WIRE_REQUEST_PLAIN];
	int len = dt_message_encode(&m, bytes, sizeof(bytes));

	cr_assert_gt(len, 0);
	memset(&back, 0xee, sizeof(back));
	cr_assert_eq(dt_message_decode(&back, bytes, (size_t)len), 0);
	cr_assert_eq(back.op, m.op);
	cr_assert_eq(back.dpt, m.dpt);
	cr_assert_eq(back.lifetime_s, m.lifetime_s);
	cr_assert(dt_endpoint_equal(&back.server, &m.server));
	cr_assert(dt_endpoint_equal(&back.seen, &m.seen));
	cr_assert(dt_endpoint_equal(&back.control4, &m.control4));
	cr_assert(dt_endpoint_equal(&back.control6, &m.control6));
	cr_assert(dt_ip_equal(&back.nat4, &m.nat4));
	cr_assert(dt_ip_equal(&back.nat6, &m.nat6));
	cr_assert_eq(back.rtt_us, m.rtt_us);
	cr_assert_eq(back.resets, m.resets);
	cr_assert(back.converts);
	cr_assert_eq(back.outcome, DT_CONVERT_REFUSED);
	cr_assert_eq(back.echo_counter, m.echo_counter);
	cr_assert_arr_eq(back.token, m.token, DT_TOKEN_LEN);
}

Test(proto, who_joins_names_a_key)
{
	struct dt_message m = {.op = DT_OP_JOIN}, back;
	uint8_t bytes[DT_WIRE_REQUEST_PLAIN];
	int len;

	memset(m.key, 0x42, sizeof(m.key));
	len = dt_message_encode(&m, bytes, sizeof(bytes));
	cr_assert_eq(len, DT_WIRE_REQUEST_PLAIN);
	cr_assert_eq(bytes[60], DT_OPTION_KEY);
	cr_assert_eq(bytes[61], DT_KEY_LEN);
	cr_assert_eq(dt_message_decode(&back, bytes, (size_t)len), 0);
	cr_assert_arr_eq(back.key, m.key, DT_KEY_LEN);
	bytes[61] = DT_KEY_LEN - 1;
	cr_assert_eq(dt_message_decode(&back, bytes, 62 + DT_KEY_LEN - 1), -EBADMSG, "a shorter key");
}

Test(proto, the_bytes_are_as_documented)
{
	struct dt_message m;
	uint8_t bytes[DT_WIRE_REQUEST_PLAIN];

	memset(&m, 0, sizeof(m));
	m.op = DT_OP_LEASE;
	m.lifetime_s = 0x01020304;
	dt_endpoint_parse(&m.server, "203.0.113.2:443");
	cr_assert_eq(dt_message_encode(&m, bytes, sizeof(bytes)), DT_WIRE_REQUEST_PLAIN, "requests are padded");
	cr_assert_eq(bytes[0], 1);
	cr_assert_arr_eq(bytes + 4, ((uint8_t[]){0x01, 0xbb}), 2, "rpt at 4, big endian");
	cr_assert_arr_eq(bytes + 8, ((uint8_t[]){0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 203, 0, 113, 2}), 16,
			 "rip at 8, v4-mapped");
	cr_assert_arr_eq(bytes + 24, ((uint8_t[]){1, 2, 3, 4}), 4, "lifetime at 24");
}

Test(proto, unknown_options_are_skipped)
{
	struct dt_message m = sample(), back;
	uint8_t bytes[256];
	int len = dt_message_encode(&m, bytes, DT_WIRE_REQUEST_PLAIN);

	bytes[len++] = 200;
	bytes[len++] = 3;
	memcpy(bytes + len, "xyz", 3);
	len += 3;
	cr_assert_eq(dt_message_decode(&back, bytes, (size_t)len), 0);
	cr_assert(dt_ip_equal(&back.nat6, &m.nat6));
}

Test(proto, malformed_messages_are_refused)
{
	struct dt_message m = sample(), back, untouched;
	uint8_t bytes[256], copy[256];
	int len = dt_message_encode(&m, bytes, DT_WIRE_REQUEST_PLAIN);

	memset(&untouched, 0x33, sizeof(untouched));
	memcpy(&back, &untouched, sizeof(back));
	for (int cut = 0; cut < 60; cut++)
		cr_assert_eq(dt_message_decode(&back, bytes, (size_t)cut), -EBADMSG, "%d bytes", cut);
	/* an option that goes beyond the end */
	memcpy(copy, bytes, (size_t)len);
	copy[len] = DT_OPTION_PAD;
	copy[len + 1] = 9;
	cr_assert_eq(dt_message_decode(&back, copy, (size_t)len + 2), -EBADMSG);
	cr_assert_eq(dt_message_decode(&back, copy, (size_t)len + 1), -EBADMSG, "half an option");
	cr_assert_eq(memcmp(&back, &untouched, sizeof(back)), 0, "touched on failure");
}

Test(proto, a_datagram_decrypts_only_at_the_other_end)
{
	uint8_t plain[sizeof(struct dt_wire_body)] = "hello", box[DT_WIRE_MAX], out[DT_WIRE_MAX], id[DT_KEY_ID_LEN];
	struct dt_seal_header header = {.session = "abcdefgh", .counter = 42}, seen;
	int len;

	keys_make();
	len = dt_seal(&at_client, &header, plain, sizeof(plain), box, sizeof(box));
	cr_assert_gt(len, 0);
	cr_assert_eq(dt_peek_key_id(box, (size_t)len, id), 0);
	cr_assert_arr_eq(id, at_relay.key_id, DT_KEY_ID_LEN);
	cr_assert_eq(dt_open(&at_relay, box, (size_t)len, &seen, out, sizeof(out)), (int)sizeof(plain));
	cr_assert_arr_eq(out, plain, sizeof(plain));
	cr_assert_eq(seen.counter, 42);
	cr_assert_arr_eq(seen.session, header.session, DT_SESSION_LEN);
	cr_assert_eq(dt_open(&at_client, box, (size_t)len, &seen, out, sizeof(out)), -EACCES,
		     "a reflection was decrypted");
	/* every byte is authenticated, those of the header too */
	for (int i = 0; i < len; i++) {
		int err;

		box[i] ^= 0x40;
		err = dt_open(&at_relay, box, (size_t)len, &seen, out, sizeof(out));
		cr_assert(err == -EACCES || err == -EBADMSG, "byte %d is not authenticated", i);
		box[i] ^= 0x40;
	}
	for (int cut = 0; cut < len; cut++)
		cr_assert_lt(dt_open(&at_relay, box, (size_t)cut, &seen, out, sizeof(out)), 0,
			     "%d bytes were decrypted", cut);
}

Test(proto, nonces_do_not_repeat)
{
	uint8_t plain[1] = {0}, a[128], b[128];
	struct dt_seal_header header = {.counter = 1};

	keys_make();
	dt_seal(&at_client, &header, plain, 1, a, sizeof(a));
	dt_seal(&at_client, &header, plain, 1, b, sizeof(b));
	cr_assert_neq(memcmp(a + 28, b + 28, DT_NONCE_LEN), 0);
}

/* Against the simplest model: a set of the counters seen. */
Test(proto, replay_window)
{
	static bool seen[200000];
	struct dt_replay r = {0};
	uint64_t newest = 0;

	cr_assert(!dt_replay_accept(&r, 0));
	for (int i = 0; i < 100000; i++) {
		uint64_t back = randombytes_uniform(2500), counter;
		bool accepted;

		counter = randombytes_uniform(4) == 0 ? newest + 1 + randombytes_uniform(3)
			  : newest > back	      ? newest - back
						      : 1;
		if (counter >= 200000)
			break;
		accepted = dt_replay_accept(&r, counter);
		cr_assert(!(accepted && seen[counter]), "%llu twice", (unsigned long long)counter);
		if (!seen[counter] && counter + 1900 > newest)
			cr_assert(accepted, "%llu refused, newest %llu", (unsigned long long)counter,
				  (unsigned long long)newest);
		if (newest >= 2048 && counter + 2048 < newest)
			cr_assert(!accepted, "%llu is too old", (unsigned long long)counter);
		seen[counter] = seen[counter] || accepted;
		if (counter > newest)
			newest = counter;
	}
	cr_assert(dt_replay_accept(&r, newest + 1000000), "a large step");
	cr_assert(!dt_replay_accept(&r, newest), "before a large step");
	cr_assert(dt_replay_accept(&r, UINT64_MAX));
	cr_assert(!dt_replay_accept(&r, UINT64_MAX));
}
