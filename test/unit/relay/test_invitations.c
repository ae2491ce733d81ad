/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Invitations and who joined by them, and that the file has each change. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#include "base/file.h"
#include "relay/invitations.h"

#define NOW_S 1790000000ULL

static char dir[] = "/tmp/detourd-test-XXXXXX", path[64];
static struct dt_invitations all;

static void init(void)
{
	cr_assert(sodium_init() >= 0);
	cr_assert(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/below/relay.state", dir);
	cr_assert_eq(dt_invitations_load(&all, path), 0, "a missing file is an empty one");
}

static void fini(void)
{
	char command[128];

	dt_invitations_fini(&all);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}
TestSuite(invitations, .init = init, .fini = fini);

static struct dt_invitation *invite(const char *name)
{
	struct dt_invitation wanted = {.conf.name = (char *)name, .until_s = NOW_S + 3600}, *made = NULL;
	struct dt_keypair keys;

	dt_keypair_generate(&keys);
	memcpy(wanted.public_key, keys.public, DT_KEY_LEN);
	wanted.conf.max_rate_bps = 100000000;
	cr_assert_eq(dt_invitations_add(&all, &wanted, NOW_S, &made), 0);
	return made;
}

static void again(void)
{
	dt_invitations_fini(&all);
	cr_assert_eq(dt_invitations_load(&all, path), 0);
}

static enum dt_invitation_state state_of(const char *name, uint64_t now_s)
{
	const struct dt_invitation *i = dt_invitations_find(&all, name, now_s);

	return i ? dt_invitation_state(i, now_s) : DT_INVITATION_WITHDRAWN;
}

Test(invitations, a_life_survives_restarts)
{
	struct dt_keypair client;
	struct dt_invitation *i;
	struct stat st;

	dt_keypair_generate(&client);
	invite("laptop");
	again();
	cr_assert_eq(stat(path, &st), 0);
	cr_assert_eq(st.st_mode & 0777, 0600);
	i = dt_invitations_find(&all, "laptop", NOW_S);
	cr_assert_eq(dt_invitation_state(i, NOW_S), DT_INVITATION_OPEN);
	cr_assert_eq(i->conf.max_rate_bps, 100000000);
	cr_assert_eq(i->conf.max_leases, 256, "the other limits are the usual ones");
	cr_assert_eq(dt_invitations_join(&all, i, client.public, NOW_S), 0);
	again();
	i = dt_invitations_find(&all, "laptop", NOW_S + 100000);
	cr_assert_eq(dt_invitation_state(i, NOW_S + 100000), DT_INVITATION_JOINED, "who joined stays");
	cr_assert_arr_eq(i->conf.public_key, client.public, DT_KEY_LEN);
	cr_assert_eq(dt_invitations_withdraw(&all, i, NOW_S), 0);
	again();
	cr_assert_null(dt_invitations_find(&all, "laptop", NOW_S));
	cr_assert_eq(dt_invitation_state(all.list, NOW_S), DT_INVITATION_WITHDRAWN);
}

Test(invitations, names_are_used_once_and_free_again)
{
	struct dt_invitation wanted = {.conf.name = (char *)"laptop", .until_s = NOW_S + 3600}, *made;

	invite("laptop");
	cr_assert_eq(dt_invitations_add(&all, &wanted, NOW_S, &made), -EEXIST);
	cr_assert_eq(state_of("laptop", NOW_S + 3599), DT_INVITATION_OPEN);
	cr_assert_null(dt_invitations_find(&all, "laptop", NOW_S + 3600), "expired");
	wanted.until_s = NOW_S + 7200;
	memset(wanted.public_key, 9, DT_KEY_LEN);
	cr_assert_eq(dt_invitations_add(&all, &wanted, NOW_S + 3600, &made), 0);
	again();
}

Test(invitations, what_cannot_be_stored_does_not_happen)
{
	struct dt_invitation wanted = {.conf.name = (char *)"b", .until_s = NOW_S + 1}, *made, *i = invite("a");
	struct dt_keypair client;
	char beside[80];

	dt_keypair_generate(&client);
	/* the new text is written beside the file */
	snprintf(beside, sizeof(beside), "%s.new", path);
	cr_assert_eq(mkdir(beside, 0700), 0);
	cr_assert_lt(dt_invitations_add(&all, &wanted, NOW_S, &made), 0);
	cr_assert_null(dt_invitations_find(&all, "b", NOW_S));
	cr_assert_lt(dt_invitations_join(&all, i, client.public, NOW_S), 0);
	cr_assert_eq(state_of("a", NOW_S), DT_INVITATION_OPEN);
	cr_assert(sodium_is_zero(i->conf.public_key, DT_KEY_LEN));
	cr_assert_lt(dt_invitations_withdraw(&all, i, NOW_S), 0);
	cr_assert_eq(state_of("a", NOW_S), DT_INVITATION_OPEN);
	cr_assert_eq(rmdir(beside), 0);
	cr_assert_eq(dt_invitations_join(&all, i, client.public, NOW_S), 0);
	dt_invitations_unjoin(&all, i);
	again();
	cr_assert_eq(state_of("a", NOW_S), DT_INVITATION_OPEN);
}

Test(invitations, the_old_are_forgotten)
{
	uint64_t later_s = NOW_S + 3600 + DT_INVITATIONS_ENDED_S;
	struct dt_invitation *i;
	struct dt_keypair client;

	dt_keypair_generate(&client);
	invite("expired");
	cr_assert_eq(dt_invitations_join(&all, invite("joined"), client.public, NOW_S), 0);
	cr_assert_null(dt_invitations_take_old(&all, later_s), "its holder is still told why");
	i = dt_invitations_take_old(&all, later_s + 1);
	cr_assert_str_eq(i->conf.name, "expired");
	dt_invitation_free(i);
	cr_assert_null(dt_invitations_take_old(&all, later_s + 1), "who joined is not forgotten");
}

/* In memory only: writing each would take long. */
static void many_append(unsigned count)
{
	for (unsigned n = 0; n < count; n++) {
		struct dt_invitation *i = calloc(1, sizeof(*i));

		cr_assert(i && (i->conf.name = strdup("one of many")));
		i->until_s = NOW_S + 1;
		DL_APPEND(all.list, i);
	}
}

Test(invitations, there_is_a_limit)
{
	struct dt_invitation wanted = {.conf.name = (char *)"more", .until_s = NOW_S + 1}, *made, *i;

	many_append(DT_INVITATIONS_MAX);
	cr_assert_eq(dt_invitations_add(&all, &wanted, NOW_S, &made), -EDQUOT);
	/* of what ended, as many are remembered as could be open, and the oldest are forgotten first */
	many_append(1);
	cr_assert_null(dt_invitations_take_old(&all, NOW_S), "they are open");
	i = dt_invitations_take_old(&all, NOW_S + 1);
	cr_assert(i);
	dt_invitation_free(i);
	cr_assert_null(dt_invitations_take_old(&all, NOW_S + 1));
}

Test(invitations, a_broken_file_is_refused)
{
#define INVITED "[invited 1]\nname = a\ninvitation = CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
	static const char *const texts[] = {
		"[invited 1]\nname = a\n",	 INVITED,
		INVITED "until = -5\n",		 INVITED "until = 5\njoined = 5\n",
		INVITED "until = 5\nname = b\n", "[client a]\n",
	};
	struct dt_invitations broken;

	invite("a"); /* makes the directory */
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cr_assert_eq(dt_file_write(path, texts[i]), 0);
		cr_assert_eq(dt_invitations_load(&broken, path), -EINVAL, "%s", texts[i]);
	}
}
