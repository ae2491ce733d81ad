/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/past.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/wall.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/history.h"
#include "pm/store/pm.h"

/* How long the loop's other work may wait. */
#define STEP_NS (5 * DT_MS)

struct record {
	struct dt_ledger_id id;
	struct dt_payoff payoff;
};

/* The records as they were when it was asked. */
struct past {
	const struct dt_pm *pm;
	uint64_t since_s;
	bool begun;
	size_t count, next;
	struct record records[];
};

static void record_keep(const struct dt_ledger_id *id, const struct dt_payoff *payoff, void *data)
{
	struct past *past = data;

	past->records[past->count++] = (struct record){*id, *payoff};
}

static void *past_begin(const char *about, void *data)
{
	const struct dt_pm *pm = data;
	const struct dt_ledger *ledger = dt_history_ledger(pm->history);
	struct past *past = calloc(1, sizeof(*past) + dt_ledger_count(ledger) * sizeof(past->records[0]));
	uint64_t now_s = dt_now_s(), seconds = strtoull(about, NULL, 10);

	if (!past)
		return NULL;
	past->pm = pm;
	past->since_s = seconds < now_s ? now_s - seconds : 0;
	dt_ledger_each(ledger, past->since_s, record_keep, past);
	return past;
}

static const char *relay_name(const struct dt_pm *pm, const uint8_t key[DT_KEY_LEN])
{
	for (size_t i = 0; i < pm->config->nrelays; i++)
		if (memcmp(pm->config->relays[i].public_key, key, DT_KEY_LEN) == 0)
			return pm->config->relays[i].name;
	return NULL;
}

/* Of all detours together it has neither relay nor relay_key; a relay that is not configured any more has no name. */
static json_t *record_status(const struct dt_pm *pm, const struct record *r)
{
	static const uint8_t all[DT_KEY_LEN];
	char prefix[DT_PREFIX_STRLEN], key[DT_KEY_BASE64_LEN], begin[DT_WALL_STRLEN];
	struct dt_prefix destination = dt_history_prefix(&r->id.prefix);
	const char *name = relay_name(pm, r->id.key);
	json_t *status =
		json_pack("{s:s, s:I, s:i, s:s, s:s, s:f, s:f, s:I}", "begin",
			  dt_wall_format(r->id.begin_s * 1000, begin), "begin_s", (json_int_t)r->id.begin_s, "span_s",
			  (int)r->id.span_s, "destination", dt_prefix_format(&destination, prefix), "direction",
			  r->id.way == DT_WAY_UP ? "up" : "down", "percent", r->payoff.gain * 100, "error_percent",
			  dt_payoff_error(&r->payoff) * 100, "measured", (json_int_t)r->payoff.count);

	if (memcmp(r->id.key, all, sizeof(all)) == 0)
		return status;
	if (name)
		json_object_set_new(status, "relay", json_string(name));
	json_object_set_new(status, "relay_key", json_string(dt_key_format(r->id.key, key)));
	return status;
}

static bool past_step(void *answer, FILE *out)
{
	struct past *past = answer;
	uint64_t until_ns = dt_now_ns() + STEP_NS;
	char since[DT_WALL_STRLEN];

	if (!past->begun)
		fprintf(out,
			"{\"version\":1,\"mode\":\"client\",\"release\":\"" DT_VERSION
			"\",\"since\":\"%s\",\"records\":[",
			dt_wall_format(past->since_s * 1000, since));
	past->begun = true;
	while (past->next < past->count && dt_now_ns() < until_ns) {
		json_t *status = record_status(past->pm, &past->records[past->next]);

		fputs(past->next++ ? "," : "", out);
		json_dumpf(status, out, DT_CONTROL_JSON);
		json_decref(status);
	}
	if (past->next < past->count)
		return true;
	fputs("]}", out);
	return false;
}

static void past_end(void *answer)
{
	free(answer);
}

const struct dt_control_steps dt_pm_past = {past_begin, past_step, past_end};
