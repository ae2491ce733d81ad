/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/plan/fade.h"

#include <stdio.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "pm/act/prio.h"
#include "pm/store/connection.h"
#include "pm/store/interfaces.h"
#include "pm/store/pm.h"
#include "pm/store/report.h"
#include "pm/store/subflow.h"

/* Counts, logs and notes a change. s: NULL for the initial subflow. */
static void change_report(struct dt_connection *c, struct dt_subflow *s, struct dt_fading *f)
{
	char text[DT_POLICY_REASON_MAX];

	if (f->fading == f->reported)
		return;
	f->reported = f->fading;
	if (f->fading) {
		c->pm->counters[DT_PM_FADED]++;
		snprintf(text, sizeof(text), "data comes late by it: made anew, as backup for %llu s",
			 (unsigned long long)((f->until_ns - f->since_ns) / DT_SEC));
	} else {
		snprintf(text, sizeof(text), "data came late by it: trying again");
	}
	dt_log_debug("%s via=%s connection=%llu", text, s ? dt_subflow_via(s) : "direct",
		     (unsigned long long)c->number);
	if (s)
		snprintf(s->note, sizeof(s->note), "%s", text);
	dt_report(c->pm, "decision", c, s ? s->relay : NULL, text);
}

void dt_fade_plan(struct dt_connection *c)
{
	bool fades = false, carries = false;
	struct dt_subflow *s;
	char own[IF_NAMESIZE];

	dt_interfaces_name(c->pm, &c->local.ip, own);
	if (c->direct_established && !dt_interfaces_backup(c->pm, own) && !c->direct_choice.by_policy) {
		fades = c->direct_fading.fading;
		carries = !c->direct_fading.fading;
	}
	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_ESTABLISHED && !s->backup_wanted) {
			fades = fades || s->fading.fading;
			carries = carries || !s->fading.fading;
		}
	c->backups_lifted = fades && !carries;
	change_report(c, NULL, &c->direct_fading);
	DL_FOREACH(c->subflows, s) {
		change_report(c, s, &s->fading);
		if (s->state == DT_SUBFLOW_ESTABLISHED)
			dt_subflow_prefer(s);
	}
}
