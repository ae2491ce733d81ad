/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The line that hands an invitation over: what is written is read again, and nothing else. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "proto/invitation.h"
#include "proto/keys.h"

static struct dt_invitation_line line;
static char text[DT_INVITATION_STRLEN];

static void init(void)
{
	struct dt_keypair relay;

	cr_assert(sodium_init() >= 0);
	dt_keypair_generate(&relay);
	memset(&line, 0, sizeof(line));
	cr_assert_eq(dt_host_parse(&line.relay, "relay.example.org:45672"), 0);
	memcpy(line.relay_public, relay.public, DT_KEY_LEN);
	randombytes_buf(line.secret, sizeof(line.secret));
	dt_invitation_format(&line, text);
}
TestSuite(invitation, .init = init);

static void comes_back(void)
{
	struct dt_invitation_line back;

	cr_assert_eq(dt_invitation_parse(&back, text), 0, "%s", text);
	cr_assert_str_eq(back.relay.name, line.relay.name);
	cr_assert_eq(back.relay.port, line.relay.port);
	cr_assert_arr_eq(back.relay_public, line.relay_public, DT_KEY_LEN);
	cr_assert_arr_eq(back.secret, line.secret, DT_INVITATION_SECRET_LEN);
}

Test(invitation, a_line_comes_back)
{
	char name[DT_HOST_NAME_MAX + 8];

	comes_back();
	cr_assert_eq(strncmp(text, "detourd:relay.example.org:45672/", 32), 0);
	cr_assert_eq(dt_host_parse(&line.relay, "[2001:db8::7]:1"), 0);
	dt_invitation_format(&line, text);
	cr_assert_eq(strncmp(text, "detourd:[2001:db8::7]:1/", 24), 0);
	comes_back();
	/* the longest name there can be */
	memset(name, 'a', DT_HOST_NAME_MAX);
	strcpy(name + DT_HOST_NAME_MAX, ":65535");
	cr_assert_eq(dt_host_parse(&line.relay, name), 0);
	dt_invitation_format(&line, text);
	comes_back();
}

Test(invitation, space_does_not_count)
{
	char spaced[2 * DT_INVITATION_STRLEN] = " \n";
	struct dt_invitation_line back;
	size_t len = 2;

	for (const char *at = text; *at; at++) {
		spaced[len++] = *at;
		if ((at - text) % 20 == 19)
			spaced[len++] = "\n\t \r"[(at - text) / 20 % 4];
	}
	cr_assert_eq(dt_invitation_parse(&back, spaced), 0);
	cr_assert_arr_eq(back.secret, line.secret, DT_INVITATION_SECRET_LEN);
}

Test(invitation, a_mistyped_line_is_told_apart)
{
	struct dt_invitation_line back;
	char wrong[DT_INVITATION_STRLEN];
	size_t len = strlen(text);

	cr_assert_eq(dt_invitation_parse(&back, ""), -EINVAL);
	cr_assert_eq(dt_invitation_parse(&back, "fra"), -EINVAL);
	cr_assert_eq(dt_invitation_parse(&back, text + 1), -EINVAL);
	/* each character changed, in each way that could be a slip of a finger */
	for (size_t i = strlen("detourd:"); i < len; i++)
		for (const char *other = "aZ0-_/:.\xc1 "; *other; other++) {
			strcpy(wrong, text);
			wrong[i] = *other;
			if (strcmp(wrong, text) != 0)
				cr_assert_eq(dt_invitation_parse(&back, wrong), -EBADMSG, "%s", wrong);
		}
	/* cut anywhere, and two characters exchanged */
	for (size_t i = strlen("detourd:"); i < len; i++) {
		strcpy(wrong, text);
		wrong[i] = '\0';
		cr_assert_eq(dt_invitation_parse(&back, wrong), -EBADMSG, "%s", wrong);
	}
	for (size_t i = strlen("detourd:"); i + 1 < len; i++) {
		strcpy(wrong, text);
		wrong[i] = text[i + 1];
		wrong[i + 1] = text[i];
		if (strcmp(wrong, text) != 0)
			cr_assert_eq(dt_invitation_parse(&back, wrong), -EBADMSG, "%s", wrong);
	}
	memset(wrong, 'a', sizeof(wrong));
	wrong[sizeof(wrong) - 1] = '\0';
	cr_assert_eq(dt_invitation_parse(&back, wrong), -EINVAL);
}

Test(invitation, a_weak_key_is_refused)
{
	struct dt_invitation_line back;

	memset(line.relay_public, 0, DT_KEY_LEN);
	dt_invitation_format(&line, text);
	cr_assert_eq(dt_invitation_parse(&back, text), -EBADMSG);
}

Test(invitation, the_keys_are_of_this_secret_at_this_relay)
{
	struct dt_keypair keys, other, relay;
	struct dt_pair_keys at_holder, at_relay;

	dt_keypair_generate(&relay);
	memcpy(line.relay_public, relay.public, DT_KEY_LEN);
	dt_invitation_keys(&keys, &line);
	cr_assert_eq(dt_pair_keys_client(&at_holder, &keys, relay.public), 0);
	cr_assert_eq(dt_pair_keys_relay(&at_relay, &relay, keys.public), 0);
	cr_assert_arr_eq(at_holder.tx, at_relay.rx, DT_KEY_LEN);
	line.secret[0] ^= 1;
	dt_invitation_keys(&other, &line);
	cr_assert_neq(memcmp(keys.public, other.public, DT_KEY_LEN), 0, "another secret");
	line.secret[0] ^= 1;
	line.relay_public[0] ^= 1;
	dt_invitation_keys(&other, &line);
	cr_assert_neq(memcmp(keys.public, other.public, DT_KEY_LEN), 0, "another relay");
}

Test(invitation, hosts)
{
	static const struct {
		const char *text;
		int err;
	} rows[] = {
		{"relay.example.org:1", 0},
		{"198.51.100.7:45672", 0},
		{"[2001:db8::7]:45672", 0},
		{"a:65535", 0},
		{"a:0", -ERANGE},
		{"a:65536", -ERANGE},
		{"a:", -ERANGE},
		{"a:x", -ERANGE},
		{"a:1-2", -EINVAL},
		{"a", -EINVAL},
		{":1", -EINVAL},
		{"-a:1", -EINVAL},
		{".a:1", -EINVAL},
		{"300.1.2.3:1", -EINVAL},
		{"2001:db8::7:45672", -EINVAL},
		{"a b:1", -EINVAL},
		{"a/b:1", -EINVAL},
		{"", -EINVAL},
		{"a:99999999999999999", -ERANGE},
		{"[::1]:0", -EINVAL},
	};
	char again[DT_HOST_STRLEN];
	struct dt_host host;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(dt_host_parse(&host, rows[i].text), rows[i].err, "%s", rows[i].text);
		if (rows[i].err == 0)
			cr_assert_str_eq(dt_host_format(&host, again), rows[i].text);
	}
}
