/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/web.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/control.h"
#include "pm/conf/client_conf.h"
#include "pm/metrics.h"
#include "pm/status.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/tally.h"
#include "web/exposition.h"
#include "web/metrics.h"
#include "web/page.h"

#define JSON_TYPE "application/json"
/* So many connections does the page know of, the fastest: it shows fewer, and where the others of them go. */
#define STATUS_HOW "brief 100"

enum { METRICS, STATUS, CURVE, PAGE, DOCUMENTS };

struct dt_pm_web {
	struct dt_web *web;
	struct dt_page page;
	struct dt_web_document documents[DOCUMENTS];
};

static void status_write(FILE *out, void *pm)
{
	void *answer = dt_pm_status.begin(STATUS_HOW, pm);

	if (!answer) {
		fputs("{}", out);
		return;
	}
	while (dt_pm_status.step(answer, out))
		;
	dt_pm_status.end(answer);
}

/* A ring's samples in the order of time, whole bits a second. */
static json_t *samples(const struct dt_tallies *all, const float ring[DT_CURVE_SAMPLES])
{
	unsigned count = dt_curve_length(all), first = dt_curve_first(all);
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_integer((json_int_t)ring[(first + i) % DT_CURVE_SAMPLES]));
	return list;
}

static void path_append(json_t *paths, const struct dt_tallies *all, const struct dt_tally *t)
{
	json_array_append_new(paths, json_pack("{s:s, s:o, s:o}", "name", t->name, "receive_bps",
					       samples(all, t->curve.down), "send_bps", samples(all, t->curve.up)));
}

static void curve_write(FILE *out, void *data)
{
	const struct dt_pm *pm = data;
	char host[HOST_NAME_MAX + 1] = "";
	json_t *paths = json_array(), *answer;

	gethostname(host, sizeof(host) - 1);
	path_append(paths, pm->tallies, &pm->tallies->direct);
	for (const struct dt_pm_relay *relay = pm->relays; relay; relay = relay->next)
		path_append(paths, pm->tallies, relay->tally);
	answer = json_pack("{s:i, s:s, s:i, s:o}", "version", 1, "host", host, "step_s", DT_CURVE_S, "paths", paths);
	json_dumpf(answer, out, DT_CONTROL_JSON);
	json_decref(answer);
}

static void page_write(FILE *out, void *data)
{
	const struct dt_pm *pm = data;

	fputs(pm->web->page.text, out);
}

static int open_at(struct dt_pm *pm, const struct dt_web_place *place)
{
	struct dt_pm_web *w;
	int err;

	if (!dt_web_place_is_set(place))
		return 0;
	w = pm->web = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	err = dt_page_make(&w->page);
	if (err)
		return err;
	w->documents[METRICS] =
		(struct dt_web_document){.path = "/metrics", .type = DT_EXPOSITION_TYPE, .write = dt_pm_metrics};
	w->documents[STATUS] =
		(struct dt_web_document){.path = "/status.json", .type = JSON_TYPE, .write = status_write};
	w->documents[CURVE] = (struct dt_web_document){.path = "/curve.json", .type = JSON_TYPE, .write = curve_write};
	w->documents[PAGE] = (struct dt_web_document){
		.path = "/", .type = "text/html; charset=utf-8", .write = page_write, .headers = w->page.headers};
	return dt_metrics_open(&w->web, pm->loop, place, w->documents, DOCUMENTS, pm);
}

int dt_pm_web_open(struct dt_pm *pm)
{
	return open_at(pm, &pm->config->metrics);
}

int dt_pm_web_move(struct dt_pm *pm, const struct dt_web_place *to)
{
	int err;

	if (dt_web_place_equal(&pm->config->metrics, to))
		return 0;
	/* first the old one: the new place may be the same port, of all addresses */
	dt_pm_web_close(pm);
	err = open_at(pm, to);
	if (err) {
		dt_pm_web_close(pm);
		open_at(pm, &pm->config->metrics);
	}
	return err;
}

void dt_pm_web_close(struct dt_pm *pm)
{
	if (!pm->web)
		return;
	dt_web_close(pm->web->web);
	dt_page_fini(&pm->web->page);
	free(pm->web);
	pm->web = NULL;
}
