/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Private keys, and what is derived from them, are overwritten when they are not needed any more. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/leftover.h"
#include "pm/conf/client_conf.h"
#include "proto/message.h"
#include "proto/relay_session.h"
#include "relay/config.h"

static struct dt_keypair keys;
static char key_path[] = "/tmp/detourd-key-XXXXXX", conf_path[] = "/tmp/detourd-conf-XXXXXX", text[DT_KEY_BASE64_LEN];

static void file_make(char *path, const char *content)
{
	int fd = mkstemp(path);

	cr_assert(fd >= 0 && write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	close(fd);
}

static void init(void)
{
	cr_assert(sodium_init() >= 0);
	dt_keypair_generate(&keys);
	dt_key_format(keys.secret, text);
	file_make(key_path, text);
}

static void fini(void)
{
	unlink(key_path);
	unlink(conf_path);
}
TestSuite(leftover, .init = init, .fini = fini);

static void conf_make(const char *section)
{
	char conf[256];

	snprintf(conf, sizeof(conf), "[%s]\nprivate-key-file = %s\n", section, key_path);
	file_make(conf_path, conf);
}

static void relay_load(void *config)
{
	dt_relay_config_load(config, conf_path);
}

static void client_load(void *config)
{
	dt_client_config_load(config, conf_path);
}

static void text_leave(void *data)
{
	char copy[4096]; /* the thread's end overwrites what is near the top */

	memcpy(copy, data, sizeof(text));
	__asm__ volatile("" : : "r"(copy) : "memory");
}

Test(leftover, is_found)
{
	char *copy = strdup(text);

	leftover_begin(text, strlen(text));
	free(copy);
	cr_assert_eq(leftover_end(), 1);
	cr_assert_geq(leftover_on_stack(text_leave, text, text, strlen(text)), 1);
}

Test(leftover, nothing_of_a_relay_s_key)
{
	struct dt_relay_config *config = NULL;

	conf_make("relay");
	leftover_begin(text, strlen(text));
	cr_assert_eq(leftover_on_stack(relay_load, &config, text, strlen(text)), 0, "its text");
	cr_assert_eq(leftover_end(), 0);
	dt_relay_config_free(config);
	cr_assert_eq(leftover_on_stack(relay_load, &config, keys.secret, DT_KEY_LEN), 0);
	cr_assert_arr_eq(config->keys.secret, keys.secret, DT_KEY_LEN);
	leftover_begin(keys.secret, DT_KEY_LEN);
	dt_relay_config_free(config);
	cr_assert_eq(leftover_end(), 0);
}

Test(leftover, nothing_of_a_client_s_key)
{
	struct dt_client_config *config = NULL;

	conf_make("client");
	leftover_begin(text, strlen(text));
	cr_assert_eq(leftover_on_stack(client_load, &config, text, strlen(text)), 0, "its text");
	cr_assert_eq(leftover_end(), 0);
	dt_client_config_free(config);
	cr_assert_eq(leftover_on_stack(client_load, &config, keys.secret, DT_KEY_LEN), 0);
	cr_assert_arr_eq(config->keys.secret, keys.secret, DT_KEY_LEN);
	leftover_begin(keys.secret, DT_KEY_LEN);
	dt_client_config_free(config);
	cr_assert_eq(leftover_end(), 0);
}

/* A datagram of the client, so that the relay has derived what both share. */
static void client_speak(struct dt_relay_proto *relay, const struct dt_pair_keys *shared)
{
	uint8_t plain[DT_WIRE_REQUEST_PLAIN], in[DT_WIRE_MAX], reply[DT_WIRE_MAX];
	struct dt_message ping = {.op = DT_OP_PING};
	struct dt_endpoint from = {.port = 1};
	struct dt_seal_header header = {0};
	struct dt_relay_request req;
	size_t reply_len = 0;
	int len = dt_message_encode(&ping, plain, sizeof(plain));

	len = dt_seal(shared, &header, plain, (size_t)len, in, sizeof(in));
	cr_assert_gt(len, 0);
	cr_assert_eq(dt_relay_proto_input(relay, DT_SEC, &from, in, (size_t)len, &req, reply, &reply_len),
		     DT_RELAY_ANSWER);
}

Test(leftover, nothing_of_a_client_that_is_gone)
{
	struct dt_pair_keys shared;
	struct dt_keypair client;
	struct dt_relay_proto *relay;
	struct dt_relay_peer *peer;

	dt_keypair_generate(&client);
	cr_assert_eq(dt_pair_keys_client(&shared, &client, keys.public), 0);
	for (int with_relay = 0; with_relay <= 1; with_relay++) {
		cr_assert_eq(dt_relay_proto_new(&relay, &keys, DT_SEC), 0);
		cr_assert_eq(dt_relay_proto_peer_add(relay, client.public, NULL, &peer), 0);
		client_speak(relay, &shared);
		leftover_begin(shared.rx, DT_KEY_LEN);
		if (!with_relay)
			dt_relay_proto_peer_remove(relay, peer);
		else
			dt_relay_proto_free(relay);
		cr_assert_eq(leftover_end(), 0, "shared key, with the relay: %d", with_relay);
		leftover_begin(keys.secret, DT_KEY_LEN);
		if (!with_relay)
			dt_relay_proto_free(relay);
		cr_assert_eq(leftover_end(), 0, "private key");
	}
}
