/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The line of an invitation. The first byte chooses: text as it is; or a line that is made of the input, of which nothing
 * but the whole is taken: what is changed in it (the next two bytes say where and how) is refused.
 */
#include <sodium.h>

#include "fuzz.h"
#include "proto/invitation.h"

static void text_take(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size), again[DT_INVITATION_STRLEN];
	struct dt_invitation_line line, back;
	struct dt_keypair keys;

	if (!text)
		abort();
	if (dt_invitation_parse(&line, text) == 0) {
		dt_invitation_format(&line, again);
		fuzz_check(dt_invitation_parse(&back, again) == 0);
		fuzz_check(memcmp(back.secret, line.secret, sizeof(line.secret)) == 0);
		dt_invitation_keys(&keys, &line);
	}
	free(text);
}

static void line_change(struct fuzz_input *in)
{
	uint8_t where = fuzz_byte(in), what = fuzz_byte(in);
	char text[DT_INVITATION_STRLEN], host[DT_HOST_STRLEN];
	struct dt_invitation_line line, back;
	const uint8_t *data;
	size_t len;

	memset(&line, 0, sizeof(line));
	data = fuzz_bytes(in, DT_KEY_LEN, &len);
	memcpy(line.relay_public, data, len);
	data = fuzz_bytes(in, DT_INVITATION_SECRET_LEN, &len);
	memcpy(line.secret, data, len);
	data = fuzz_bytes(in, sizeof(host) - 1, &len);
	memcpy(host, data, len);
	host[len] = '\0';
	if (dt_host_parse(&line.relay, host) < 0 || dt_public_key_is_weak(line.relay_public))
		return;
	dt_invitation_format(&line, text);
	fuzz_check(dt_invitation_parse(&back, text) == 0);
	fuzz_check(memcmp(back.relay_public, line.relay_public, DT_KEY_LEN) == 0);
	fuzz_check(strcmp(back.relay.name, line.relay.name) == 0 && back.relay.port == line.relay.port);
	where %= strlen(text);
	if (what == 0 || text[where] == (char)what)
		return;
	text[where] = (char)what;
	fuzz_check(dt_invitation_parse(&back, text) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data + 1, size - 1};

	if (sodium_init() < 0)
		abort();
	if (size < 1)
		return 0;
	if (data[0] & 1)
		text_take(in.data, in.left);
	else
		line_change(&in);
	return 0;
}
