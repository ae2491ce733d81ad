/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/invitations.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/config.h"
#include "base/file.h"

/* --- states ------------------------------------------------------------------------------------ */

enum dt_invitation_state dt_invitation_state(const struct dt_invitation *i, uint64_t now_s)
{
	if (i->withdrawn_s)
		return DT_INVITATION_WITHDRAWN;
	if (i->joined_s)
		return DT_INVITATION_JOINED;
	return now_s < i->until_s ? DT_INVITATION_OPEN : DT_INVITATION_EXPIRED;
}

const char *dt_invitation_state_word(enum dt_invitation_state state)
{
	switch (state) {
	case DT_INVITATION_OPEN:
		return "open";
	case DT_INVITATION_JOINED:
		return "joined";
	case DT_INVITATION_EXPIRED:
		return "expired";
	case DT_INVITATION_WITHDRAWN:
		return "withdrawn";
	}
	return "?";
}

static bool is_ended(const struct dt_invitation *i, uint64_t now_s)
{
	enum dt_invitation_state state = dt_invitation_state(i, now_s);

	return state == DT_INVITATION_EXPIRED || state == DT_INVITATION_WITHDRAWN;
}

struct dt_invitation *dt_invitations_find(const struct dt_invitations *all, const char *name, uint64_t now_s)
{
	struct dt_invitation *i;

	DL_FOREACH(all->list, i)
		if (!is_ended(i, now_s) && strcmp(i->conf.name, name) == 0)
			return i;
	return NULL;
}

void dt_invitation_free(struct dt_invitation *i)
{
	free(i->conf.name);
	free(i);
}

struct dt_invitation *dt_invitations_take_old(struct dt_invitations *all, uint64_t now_s)
{
	size_t ended = 0;
	struct dt_invitation *i;

	DL_FOREACH(all->list, i)
		ended += is_ended(i, now_s);
	DL_FOREACH(all->list, i) {
		uint64_t since_s = i->withdrawn_s ? i->withdrawn_s : i->until_s;

		/* the list is in order of age */
		if (is_ended(i, now_s) &&
		    (ended > DT_INVITATIONS_ENDED_MAX || now_s > since_s + DT_INVITATIONS_ENDED_S)) {
			DL_DELETE(all->list, i);
			return i;
		}
	}
	return NULL;
}

/* --- reading ----------------------------------------------------------------------------------- */

/* The file looks like a configuration, so that people can read it. */
struct parse {
	struct dt_invitations *all;
	struct dt_invitation *last;
};

static void *invitation_open(struct dt_config *c, void *root, const char *name)
{
	struct parse *p = root;
	struct dt_invitation *i = calloc(1, sizeof(*i));

	if (!i) {
		dt_config_exhausted(c);
		return NULL;
	}
	dt_peer_conf_init(&i->conf);
	DL_APPEND(p->all->list, i);
	return p->last = i;
}

static void take_name(struct dt_config *c, void *section, const char *value)
{
	struct dt_invitation *i = section;

	if (dt_config_name_valid(value))
		i->conf.name = dt_config_copy(c, value);
	else
		dt_config_error(c, "\"%s\" is not a name", value);
}

static void take_public_key(struct dt_config *c, void *section, const char *value)
{
	dt_config_key32(c, value, ((struct dt_invitation *)section)->public_key);
}

static void take_client_key(struct dt_config *c, void *section, const char *value)
{
	dt_config_key32(c, value, ((struct dt_invitation *)section)->conf.public_key);
}

static void take_max_rate(struct dt_config *c, void *section, const char *value)
{
	dt_config_rate(c, value, &((struct dt_invitation *)section)->conf.max_rate_bps);
}

static void take_convert(struct dt_config *c, void *section, const char *value)
{
	dt_config_bool(c, value, &((struct dt_invitation *)section)->conf.convert);
}

static void time_take(struct dt_config *c, const char *value, uint64_t *out_s)
{
	char *end;

	errno = 0;
	*out_s = strtoull(value, &end, 10);
	if (errno || *end || value[0] < '1' || value[0] > '9')
		dt_config_error(c, "\"%s\" is not a time in seconds since 1970", value);
}

static void take_until(struct dt_config *c, void *section, const char *value)
{
	time_take(c, value, &((struct dt_invitation *)section)->until_s);
}

static void take_joined(struct dt_config *c, void *section, const char *value)
{
	time_take(c, value, &((struct dt_invitation *)section)->joined_s);
}

static void take_withdrawn(struct dt_config *c, void *section, const char *value)
{
	time_take(c, value, &((struct dt_invitation *)section)->withdrawn_s);
}

static const struct dt_config_key keys[] = {
	{"name", DT_CONFIG_ONE, true, take_name},
	{"invitation", DT_CONFIG_ONE, true, take_public_key},
	{"until", DT_CONFIG_ONE, true, take_until},
	{"max-rate", DT_CONFIG_ONE, false, take_max_rate},
	{"convert", DT_CONFIG_ONE, false, take_convert},
	/* once somebody joined */
	{"public-key", DT_CONFIG_ONE, false, take_client_key},
	{"joined", DT_CONFIG_ONE, false, take_joined},
	{"withdrawn", DT_CONFIG_ONE, false, take_withdrawn},
};

static void invitation_close(struct dt_config *c, void *section, struct dt_config_pos pos)
{
	const struct dt_invitation *i = section;

	if ((i->joined_s == 0) != sodium_is_zero(i->conf.public_key, DT_KEY_LEN))
		dt_config_error_at(c, pos, "public-key and joined go together");
}

static const struct dt_config_section sections[] = {
	{"invited", true, keys, sizeof(keys) / sizeof(keys[0]), invitation_open, invitation_close, false},
};

static void nothing_more(struct dt_config *c)
{
}

int dt_invitations_load(struct dt_invitations *out, const char *path)
{
	struct parse p = {.all = out};
	struct dt_config c = {.sections = sections, .nsections = 1, .root = &p};
	int err = 0;

	*out = (struct dt_invitations){.path = strdup(path)};
	if (!out->path)
		return -ENOMEM;
	if (access(path, F_OK) == 0 || errno != ENOENT)
		err = dt_config_read(&c, &(struct dt_config_source){.name = path, .errors = stderr}, nothing_more);
	if (err) {
		dt_log_err(
			"%s, which holds the clients that joined by invitation, cannot be read; restore it, or remove "
			"it and invite them again",
			path);
		dt_invitations_fini(out);
	}
	return err;
}

void dt_invitations_fini(struct dt_invitations *all)
{
	struct dt_invitation *i, *tmp;

	DL_FOREACH_SAFE(all->list, i, tmp)
		dt_invitation_free(i);
	free(all->path);
	*all = (struct dt_invitations){0};
}

/* --- writing ----------------------------------------------------------------------------------- */

static void invitation_write(FILE *to, const struct dt_invitation *i, unsigned number)
{
	char text[DT_KEY_BASE64_LEN];

	fprintf(to, "\n[invited %u]\nname = %s\ninvitation = %s\n", number, i->conf.name,
		dt_key_format(i->public_key, text));
	fprintf(to, "until = %" PRIu64 "\nmax-rate = %" PRIu64 "kbit\n", i->until_s, i->conf.max_rate_bps / 1000);
	if (i->conf.convert)
		fputs("convert = yes\n", to);
	if (i->joined_s)
		fprintf(to, "public-key = %s\njoined = %" PRIu64 "\n", dt_key_format(i->conf.public_key, text),
			i->joined_s);
	if (i->withdrawn_s)
		fprintf(to, "withdrawn = %" PRIu64 "\n", i->withdrawn_s);
}

static int parent_make(const char *path)
{
	char *copy = strdup(path);
	int err = copy ? dt_file_make_dirs(dirname(copy)) : -ENOMEM;

	free(copy);
	return err;
}

static int invitations_write(const struct dt_invitations *all)
{
	const struct dt_invitation *i;
	unsigned number = 0;
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	int err = to ? 0 : -ENOMEM;

	if (err)
		return err;
	fputs("# Written by detourd: who was invited, and who joined. detourd clients shows it, detourd revoke NAME "
	      "ends one.\n",
	      to);
	DL_FOREACH(all->list, i)
		invitation_write(to, i, ++number);
	if (ferror(to))
		err = -ENOMEM;
	if (fclose(to) != 0)
		err = -ENOMEM;
	if (err == 0)
		err = parent_make(all->path);
	if (err == 0)
		err = dt_file_replace(all->path, text);
	free(text);
	return err;
}

/* --- changes ----------------------------------------------------------------------------------- */

static size_t live_count(const struct dt_invitations *all, uint64_t now_s)
{
	const struct dt_invitation *i;
	size_t count = 0;

	DL_FOREACH(all->list, i)
		count += !is_ended(i, now_s);
	return count;
}

int dt_invitations_add(struct dt_invitations *all, const struct dt_invitation *wanted, uint64_t now_s,
		       struct dt_invitation **out)
{
	struct dt_invitation *i;
	int err;

	if (dt_invitations_find(all, wanted->conf.name, now_s))
		return -EEXIST;
	if (live_count(all, now_s) >= DT_INVITATIONS_MAX)
		return -EDQUOT;
	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	dt_peer_conf_init(&i->conf);
	if (wanted->conf.max_rate_bps)
		i->conf.max_rate_bps = wanted->conf.max_rate_bps;
	i->conf.convert = wanted->conf.convert;
	memcpy(i->public_key, wanted->public_key, sizeof(i->public_key));
	i->until_s = wanted->until_s;
	i->conf.name = strdup(wanted->conf.name);
	err = i->conf.name ? 0 : -ENOMEM;
	if (err == 0) {
		DL_APPEND(all->list, i);
		err = invitations_write(all);
		if (err)
			DL_DELETE(all->list, i);
	}
	if (err)
		dt_invitation_free(i);
	else
		*out = i;
	return err;
}

int dt_invitations_join(struct dt_invitations *all, struct dt_invitation *i, const uint8_t key[DT_KEY_LEN],
			uint64_t now_s)
{
	int err;

	memcpy(i->conf.public_key, key, DT_KEY_LEN);
	i->joined_s = now_s;
	err = invitations_write(all);
	if (err) {
		memset(i->conf.public_key, 0, DT_KEY_LEN);
		i->joined_s = 0;
	}
	return err;
}

void dt_invitations_unjoin(struct dt_invitations *all, struct dt_invitation *i)
{
	memset(i->conf.public_key, 0, DT_KEY_LEN);
	i->joined_s = 0;
	invitations_write(all);
}

int dt_invitations_withdraw(struct dt_invitations *all, struct dt_invitation *i, uint64_t now_s)
{
	int err;

	i->withdrawn_s = now_s;
	err = invitations_write(all);
	if (err)
		i->withdrawn_s = 0;
	return err;
}
