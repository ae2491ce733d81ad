/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/conversion.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pm/decide/rules.h"
#include "pm/store/pm.h"

#define UNANSWERED_NS (60 * DT_SEC)

struct dt_endpoint dt_conversion_server(const struct dt_conversion *v)
{
	return (struct dt_endpoint){v->key.ip, v->key.port};
}

struct dt_conversion *dt_conversion_of(const struct dt_pm *pm, const struct dt_endpoint *server)
{
	struct dt_conversion *v, key;

	memset(&key.key, 0, sizeof(key.key));
	key.key.ip = server->ip;
	key.key.port = server->port;
	HASH_FIND(hh, pm->conversions.all, &key.key, sizeof(key.key), v);
	return v;
}

void dt_conversion_earlier_add(struct dt_pm *pm, const struct dt_endpoint *at, const struct dt_endpoint *server,
			       const char *relay)
{
	struct dt_conversions *conversions = &pm->conversions;
	struct dt_conversion_earlier *e;

	if (at->port == 0 || conversions->nearlier == DT_CONVERSIONS_EARLIER_MAX || dt_conversion_earlier_at(pm, at))
		return;
	e = realloc(conversions->earlier, (conversions->nearlier + 1) * sizeof(*e));
	if (!e)
		return;
	conversions->earlier = e;
	e += conversions->nearlier++;
	e->at = *at;
	e->server = *server;
	snprintf(e->relay, sizeof(e->relay), "%s", relay);
}

void dt_conversion_free(struct dt_pm *pm, struct dt_conversion *v)
{
	struct dt_endpoint server = dt_conversion_server(v);

	dt_conversion_earlier_add(pm, &v->to, &server, v->relay);
	for (size_t i = 0; i < DT_CONVERSION_WAS; i++)
		dt_conversion_earlier_add(pm, &v->was[i], &server, v->relay);
	HASH_DELETE(hh, pm->conversions.all, v);
	free(v);
}

void dt_conversions_free(struct dt_pm *pm)
{
	while (pm->conversions.all)
		dt_conversion_free(pm, pm->conversions.all);
	free(pm->conversions.earlier);
	pm->conversions.earlier = NULL;
	pm->conversions.nearlier = 0;
}

static struct dt_conversion *make(struct dt_pm *pm, const struct dt_endpoint *server, uint64_t now_ns)
{
	struct dt_conversion *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->key.ip = server->ip;
	v->key.port = server->port;
	v->since_ns = now_ns;
	snprintf(v->why, sizeof(v->why), "waiting for a lease");
	HASH_ADD(hh, pm->conversions.all, key, sizeof(v->key), v);
	return v;
}

/* One that the kernel does not have: plan/convert takes the others away from there. False: there is none. */
static bool room_make(struct dt_pm *pm)
{
	struct dt_conversion *oldest = NULL;

	if (HASH_COUNT(pm->conversions.all) < DT_CONVERSIONS_MAX)
		return true;
	for (struct dt_conversion *v = pm->conversions.all; v; v = v->hh.next)
		if (!v->told && (!oldest || v->used_ns < oldest->used_ns))
			oldest = v;
	if (oldest)
		dt_conversion_free(pm, oldest);
	return oldest != NULL;
}

/* In the place of the oldest. */
static void direct_keep(struct dt_conversion *v, const struct dt_endpoint *plain, uint64_t now_ns)
{
	size_t at = 0;

	for (size_t i = 0; i < DT_CONVERSION_DIRECT; i++)
		if (v->direct[i].moved_ns < v->direct[at].moved_ns)
			at = i;
	v->direct[at] = (struct dt_conversion_plain){.local = *plain, .moved_ns = now_ns};
}

void dt_conversion_note(struct dt_pm *pm, const struct dt_endpoint *server, const struct dt_endpoint *plain,
			uint64_t now_ns)
{
	struct dt_plan plan;
	enum dt_convert_mode mode = dt_rules_convert(pm->config, server, &plan);
	struct dt_conversion *v;

	if (mode == DT_CONVERT_NO || (mode == DT_CONVERT_AUTO && !plain) || dt_conversion_at(pm, server) ||
	    dt_conversion_earlier_at(pm, server))
		return;
	v = dt_conversion_of(pm, server);
	if (!v && room_make(pm))
		v = make(pm, server, now_ns);
	if (!v)
		return;
	v->used_ns = now_ns;
	if (plain && plain->port)
		direct_keep(v, plain, now_ns);
	pm->conversions.due = true;
}

struct dt_conversion *dt_conversion_at(const struct dt_pm *pm, const struct dt_endpoint *remote)
{
	struct dt_conversion *v;

	for (v = pm->conversions.all; v; v = v->hh.next)
		if (dt_endpoint_equal(&v->to, remote))
			return v;
	for (v = pm->conversions.all; v; v = v->hh.next)
		for (size_t i = 0; i < DT_CONVERSION_WAS; i++)
			if (dt_endpoint_equal(&v->was[i], remote))
				return v;
	return NULL;
}

const struct dt_conversion_earlier *dt_conversion_earlier_at(const struct dt_pm *pm, const struct dt_endpoint *remote)
{
	for (size_t i = 0; i < pm->conversions.nearlier; i++)
		if (dt_endpoint_equal(&pm->conversions.earlier[i].at, remote))
			return &pm->conversions.earlier[i];
	return NULL;
}

void dt_conversion_lead(struct dt_conversion *v, const struct dt_endpoint *to, const char *relay, const char *why)
{
	static const struct dt_endpoint nowhere;

	if (!to)
		to = &nowhere;
	if (why != v->why)
		snprintf(v->why, sizeof(v->why), "%s", why);
	if (dt_endpoint_equal(&v->to, to))
		return;
	if (v->to.port) {
		memmove(&v->was[1], &v->was[0], (DT_CONVERSION_WAS - 1) * sizeof(v->was[0]));
		v->was[0] = v->to;
	}
	v->to = *to;
	if (to->port)
		snprintf(v->relay, sizeof(v->relay), "%s", relay);
}

void dt_conversion_unanswered(struct dt_pm *pm, const struct dt_endpoint *remote, uint64_t now_ns)
{
	struct dt_conversion *v = dt_conversion_at(pm, remote);

	if (!v)
		return;
	v->pause_ns = now_ns + UNANSWERED_NS;
	snprintf(v->why, sizeof(v->why), "the converter does not answer");
	pm->conversions.due = true;
}

void dt_conversion_ended(struct dt_pm *pm, const struct dt_endpoint *remote)
{
	struct dt_conversion *v = pm->conversions.all ? dt_conversion_at(pm, remote) : NULL;

	if (!v)
		return;
	v->doubted = true;
	pm->conversions.due = true;
}
