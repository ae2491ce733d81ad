/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `detourd invite` and `detourd revoke`, as the running relay answers them: the only requests that change it. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/special.h"
#include "proto/invitation.h"
#include "relay/relay.h"
#include "relay/report.h"

/* Writes {"error": ...}. */
static void refuse(FILE *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void refuse(FILE *out, const char *fmt, ...)
{
	char text[512];
	json_t *answer;
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	answer = json_pack("{s:s}", "error", text);
	json_dumpf(answer, out, DT_CONTROL_JSON);
	json_decref(answer);
}

/* --- where clients reach this relay ------------------------------------------------------------ */

static bool is_configured(const struct dt_relay *r, unsigned family)
{
	for (size_t i = 0; i < r->config->naddresses; i++)
		if (dt_ip_family(&r->config->addresses[i].local) == family)
			return true;
	return false;
}

/*
 * Without a word of the owner: an address line of the configuration, else a bound or the default route's address that is
 * one of the Internet's. -EADDRNOTAVAIL: there is none; special is then one that is not of the Internet, or unset.
 */
static int endpoint_guess(const struct dt_relay *r, struct dt_host *out, struct dt_ip *special)
{
	struct dt_endpoint e;

	memset(special, 0, sizeof(*special));
	for (unsigned family = 4; family <= 6; family += 2) {
		if (!dt_relay_endpoint(r, family, &e))
			continue;
		if (is_configured(r, family) || !dt_special_has(&e.ip)) {
			dt_ip_format(&e.ip, out->name);
			out->port = e.port;
			return 0;
		}
		if (dt_ip_is_unset(special))
			*special = e.ip;
	}
	return -EADDRNOTAVAIL;
}

static bool endpoint_take(const struct dt_relay *r, const char *asked, struct dt_host *out, FILE *answer)
{
	char text[DT_IP_STRLEN];
	struct dt_ip special;

	if (asked && dt_host_parse(out, asked) < 0) {
		refuse(answer, "\"%s\" is not ADDRESS:PORT, [IPV6]:PORT or HOST:PORT", asked);
		return false;
	}
	if (asked || endpoint_guess(r, out, &special) == 0)
		return true;
	if (dt_ip_is_unset(&special))
		refuse(answer,
		       "this host has no address that clients could reach: say which with --endpoint HOST:PORT");
	else
		refuse(answer,
		       "this host's address is %s, which is not one of the Internet's: say how clients reach it with "
		       "--endpoint HOST:PORT, or with address = %s as PUBLIC-ADDRESS in the configuration",
		       dt_ip_format(&special, text), text);
	return false;
}

/* --- invite ------------------------------------------------------------------------------------ */

/* NULL: the name can be used. */
static const char *name_fault(const struct dt_relay *r, const char *name)
{
	const struct dt_invitation *i = dt_invitations_find(&r->invitations, name, dt_now_s());

	if (!dt_config_name_valid(name))
		return "is not a name (1 to 32 letters, digits, _ . -)";
	for (size_t n = 0; n < r->config->nclients; n++)
		if (strcmp(r->config->clients[n].name, name) == 0)
			return "is a [client] of the configuration already: choose another name";
	if (i && i->joined_s)
		return "has joined already: choose another name, or detourd revoke it first";
	if (i)
		return "is invited already: choose another name, or withdraw that invitation with detourd revoke";
	return NULL;
}

static void line_answer(FILE *out, const struct dt_invitation_line *line, const struct dt_invitation *i)
{
	char text[DT_INVITATION_STRLEN];
	json_t *answer = json_pack("{s:i, s:s, s:s, s:I}", "version", 1, "name", i->conf.name, "line",
				   dt_invitation_format(line, text), "until", (json_int_t)i->until_s);

	json_dumpf(answer, out, DT_CONTROL_JSON);
	json_decref(answer);
	sodium_memzero(text, sizeof(text));
}

static int invitation_make(struct dt_relay *r, struct dt_invitation_line *line, struct dt_invitation *wanted,
			   struct dt_invitation **made)
{
	struct dt_keypair keys;
	int err;

	memcpy(line->relay_public, r->config->keys.public, DT_KEY_LEN);
	randombytes_buf(line->secret, sizeof(line->secret));
	dt_invitation_keys(&keys, line);
	memcpy(wanted->public_key, keys.public, DT_KEY_LEN);
	sodium_memzero(&keys, sizeof(keys));
	dt_relay_holders_prune(r);
	err = dt_invitations_add(&r->invitations, wanted, dt_now_s(), made);
	if (err)
		return err;
	err = dt_relay_holder_add(r, *made);
	if (err)
		dt_invitations_withdraw(&r->invitations, *made, dt_now_s());
	return err;
}

static void invite(struct dt_relay *r, const json_t *asked, FILE *out)
{
	const char *name = json_string_value(json_object_get(asked, "name"));
	const char *fault = name ? name_fault(r, name) : "has no name";
	json_int_t for_s = json_integer_value(json_object_get(asked, "for_s"));
	struct dt_invitation wanted = {.conf.name = (char *)name}, *made;
	struct dt_invitation_line line;
	int err;

	if (fault) {
		refuse(out, "%s %s", name ? name : "this", fault);
		return;
	}
	if (for_s < 1 || for_s > DT_INVITATION_FOR_MAX_S) {
		refuse(out, "an invitation is for a second to a year");
		return;
	}
	if (!endpoint_take(r, json_string_value(json_object_get(asked, "endpoint")), &line.relay, out))
		return;
	wanted.until_s = dt_now_s() + (uint64_t)for_s;
	wanted.conf.max_rate_bps = (uint64_t)json_integer_value(json_object_get(asked, "max_rate_bps"));
	wanted.conf.convert = json_is_true(json_object_get(asked, "convert"));
	err = invitation_make(r, &line, &wanted, &made);
	if (err == -EDQUOT)
		refuse(out, "there are %d invitations and clients that joined: revoke some first", DT_INVITATIONS_MAX);
	else if (err)
		refuse(out, "cannot write %s: %s", r->invitations.path, strerror(-err));
	else
		line_answer(out, &line, made);
	sodium_memzero(&line, sizeof(line));
	if (err == 0)
		dt_log_info("invited client=%s seconds=%" PRIu64, made->conf.name, (uint64_t)for_s);
}

void dt_relay_invite(FILE *out, const char *about, void *data)
{
	json_t *asked = json_loads(about, 0, NULL);

	if (json_is_object(asked))
		invite(data, asked, out);
	else
		refuse(out, "this request is not valid; is detourd of another version?");
	json_decref(asked);
}

/* --- revoke ------------------------------------------------------------------------------------ */

void dt_relay_revoke(FILE *out, const char *about, void *data)
{
	struct dt_relay *r = data;
	struct dt_invitation *i = dt_invitations_find(&r->invitations, about, dt_now_s());
	bool joined = i && i->joined_s;
	json_t *answer;
	int err;

	if (!i) {
		for (size_t n = 0; n < r->config->nclients; n++)
			if (strcmp(r->config->clients[n].name, about) == 0) {
				refuse(out,
				       "%s is a [client] of the configuration: remove that section and reload the "
				       "relay",
				       about);
				return;
			}
		refuse(out, "nobody of the name %s has joined or is invited; see detourd clients", about);
		return;
	}
	err = dt_invitations_withdraw(&r->invitations, i, dt_now_s());
	if (err) /* in force all the same, until a restart */
		i->withdrawn_s = dt_now_s();
	if (dt_relay_client_revoke(r, i)) {
		dt_permission_apply(r);
		dt_relay_client_drop(r, i);
	}
	dt_relay_report(r, "client", "info", i->conf.name, NULL, NULL, "revoked");
	dt_log_info("revoked client=%s", i->conf.name);
	if (err) {
		refuse(out, "%s is revoked, but will be back after a restart of the relay: cannot write %s: %s", about,
		       r->invitations.path, strerror(-err));
		return;
	}
	answer = json_pack("{s:i, s:s, s:b}", "version", 1, "name", about, "joined", joined);
	json_dumpf(answer, out, DT_CONTROL_JSON);
	json_decref(answer);
}
