/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks the policy about each connection on which something moves, and carries out its actions. Called each second. */
#include "pm/plan/choice.h"

#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "pm/act/end.h"
#include "pm/act/prio.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/early.h"
#include "pm/decide/history.h"
#include "pm/decide/pace.h"
#include "pm/decide/policy.h"
#include "pm/kernel/arrivals.h"
#include "pm/plan/detours.h"
#include "pm/plan/order.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/report.h"
#include "pm/store/subflow.h"
#include "pm/store/tally.h"

/* Data turns around where the other direction has so many times the bytes, and this many within a tick. */
#define TURNS 2
#define TURNS_BYTES 50000

static void verdict_note(struct dt_connection *c, const uint8_t *key, const struct dt_path_memory *m, uint64_t now_s)
{
	struct dt_gain verdict = {.last_s = now_s,
				  .backups = m->backups,
				  .backup_until_s = m->backup_until_s,
				  .backup_bps = m->backup_bps};

	if (m->backups_changed)
		dt_history_note_backup(c->pm->history, &c->remote.ip, key, c->way, &verdict);
}

/* What the comparison that has just ended measured. */
static void payoff_learn(struct dt_connection *c, const struct dt_policy_input *in, struct dt_pm_relay *const *relays)
{
	const struct dt_payoff_sample *measure = &c->chooser.measure;
	struct dt_history *h = c->pm->history;

	dt_history_note_payoff(h, &c->remote.ip, dt_order_no_relay, c->way, measure, 1, in->now_s);
	dt_histogram_add(&c->pm->tallies->gain[c->way], &dt_gain_bounds, measure->gain);
	for (size_t i = 0; i < in->npaths; i++) {
		struct dt_path_memory *m = in->paths[i].memory;

		if (!m || !(m->payoff_share > 0))
			continue;
		dt_history_note_payoff(h, &c->remote.ip, relays[i]->conf->public_key, c->way, measure, m->payoff_share,
				       in->now_s);
		m->payoff_share = 0;
	}
}

static void learn(struct dt_connection *c, const struct dt_policy_input *in, struct dt_pm_relay *const *relays)
{
	struct dt_history *h = c->pm->history;

	for (size_t i = 0; i < in->npaths; i++)
		if (in->paths[i].memory && in->paths[i].memory->learn)
			dt_history_note(h, &c->remote.ip, relays[i]->conf->public_key, c->way,
					in->paths[i].memory->tick_bps, DT_POLICY_TICK_MS / 1000.0, in->now_s);
	if (c->chooser.learn_alone)
		dt_history_note(h, &c->remote.ip, dt_order_no_relay, c->way, c->chooser.alone_bps,
				DT_POLICY_TICK_MS / 1000.0, in->now_s);
	for (size_t i = 0; i < in->npaths; i++)
		if (in->paths[i].memory)
			verdict_note(c, relays[i]->conf->public_key, in->paths[i].memory, in->now_s);
	verdict_note(c, dt_order_no_relay, &c->direct_choice, in->now_s);
	if (c->chooser.measured)
		payoff_learn(c, in, relays);
}

/* Backup, or no longer, as the policy says: see direct_prefer() in plan/plain.c. */
static void direct_carry_out(struct dt_connection *c, const struct dt_action *a)
{
	int err = 0;

	if (!c->direct_established)
		return;
	/* while its path fades it stays backup: then direct_prefer() makes it regular later */
	if (a->kind == DT_ACTION_BACKUP_ON || !c->direct_fading.fading)
		err = dt_subflow_set_direct_backup(c, a->kind == DT_ACTION_BACKUP_ON);
	if (err)
		dt_log_debug("cannot change the direct path's priority: %s connection=%llu", strerror(-err),
			     (unsigned long long)c->number);
	c->pm->counters[DT_PM_DECISIONS]++;
	memcpy(c->direct_note, a->reason, sizeof(c->direct_note));
	dt_report(c->pm, "decision", c, NULL, a->reason);
}

static void carry_out(struct dt_connection *c, const struct dt_action *a, struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_subflow *s = dt_connection_detour(c, relay);

	switch (a->kind) {
	case DT_ACTION_OPEN:
		if (!dt_detours_open(c, relay, now_ns))
			return;
		s = dt_connection_detour(c, relay);
		if (s)
			s->choice.trial = a->trial;
		break;
	case DT_ACTION_CLOSE:
		if (!s || !dt_subflow_is_under_way(s))
			return;
		if (s->state == DT_SUBFLOW_PENDING)
			c->pm->counters[DT_PM_JOIN_TIMEOUT]++;
		dt_subflow_give_up(s, s->state == DT_SUBFLOW_PENDING ? DT_END_TIMEOUT : DT_END_REPLACED, now_ns);
		break;
	case DT_ACTION_BACKUP_ON:
	case DT_ACTION_BACKUP_OFF:
		if (!s)
			return;
		s->backup_wanted = a->kind == DT_ACTION_BACKUP_ON;
		dt_subflow_prefer(s);
		break;
	}
	c->pm->counters[DT_PM_DECISIONS]++;
	if (s && !(a->kind == DT_ACTION_OPEN && s->choice.by_policy))
		memcpy(s->note, a->reason, sizeof(s->note));
	dt_report(c->pm, "decision", c, relay, a->reason);
}

static void actions_carry_out(struct dt_connection *c, const struct dt_policy_output *out,
			      struct dt_pm_relay *const *relays, uint64_t now_ns)
{
	for (size_t i = 0; i < out->count; i++)
		if (out->actions[i].path == DT_POLICY_DIRECT)
			direct_carry_out(c, &out->actions[i]);
		else
			carry_out(c, &out->actions[i], relays[out->actions[i].path], now_ns);
}

/*
 * The policy needs samples: in its next tick of all subflows that may carry data until then, also of one that has long been
 * idle as backup. Else it would seem to carry nothing.
 */
static void samples_expect(struct dt_connection *c)
{
	struct dt_subflow *s;

	if (c->direct_established && !c->direct_backup)
		dt_arrivals_expect(c->pm->arrivals, &c->local, &c->remote, c->device);
	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_ESTABLISHED && !s->backup)
			dt_arrivals_expect(c->pm->arrivals, &s->local, &s->remote, c->device);
}

static void way_look(struct dt_connection *c)
{
	struct dt_arrival arrival;
	uint64_t down = 0, up = 0, down_before = c->moved_down, up_before = c->moved_up;
	const struct dt_subflow *s;

	if (c->direct_established && dt_arrivals_get(c->pm->arrivals, &c->local, &c->remote, &arrival)) {
		down += arrival.bytes_received;
		up += arrival.bytes_acked;
	}
	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_ESTABLISHED &&
		    dt_arrivals_get(c->pm->arrivals, &s->local, &s->remote, &arrival)) {
			down += arrival.bytes_received;
			up += arrival.bytes_acked;
		}
	c->moved_down = down;
	c->moved_up = up;
	if (down < down_before || up < up_before) /* a subflow has ended */
		return;
	down -= down_before;
	up -= up_before;
	if (down + up >= TURNS_BYTES && (down > TURNS * up || up > TURNS * down))
		c->way = up > down ? DT_WAY_UP : DT_WAY_DOWN;
}

static void paces_reset(struct dt_connection *c)
{
	struct dt_subflow *s;

	dt_pace_reset(&c->direct_pace);
	DL_FOREACH(c->subflows, s)
		dt_pace_reset(&s->pace);
}

/* A subflow that an earlier run made backup, although the user did not ask for it: its policy decided that. */
static void earlier_decisions_adopt(struct dt_connection *c, const struct dt_plan *plan)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (s->relay && !s->wanted_ns && s->state == DT_SUBFLOW_ESTABLISHED && s->backup && !s->fading.fading &&
		    !(s->relay->conf->backup || plan->backup))
			s->choice.by_policy = true;
}

static void connection_tick(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_plan plan = dt_connection_plan(c);
	struct dt_path paths[DT_POLICY_PATHS_MAX];
	struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX];
	struct dt_policy_input in = {.now_ns = now_ns, .now_s = dt_now_s(), .limit = plan.detours, .paths = paths};
	struct dt_policy_output out;
	const struct dt_subflow *s;

	if (plan.detours == 0 || c->young)
		return;
	DL_FOREACH(c->subflows, s)
		if (s->unknown)
			return; /* it may be a detour */
	earlier_decisions_adopt(c, &plan);
	way_look(c);
	in.way = c->way;
	in.npaths = dt_order_paths(c, &plan, now_ns, paths, relays);
	in.direct = dt_order_direct(c, &in.direct_open, &in.direct_fixed);
	paces_reset(c);
	dt_policy_tick(&c->chooser, &in, &out);
	learn(c, &in, relays);
	actions_carry_out(c, &out, relays, now_ns);
	samples_expect(c);
}

void dt_choice_tick(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	if (!pm->config->choose_measured)
		return;
	HASH_ITER(hh, pm->connections, c, tmp)
		if (c->watched && !c->drowsy && !c->foreign)
			connection_tick(c, now_ns);
}

static void connection_look(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_plan plan = dt_connection_plan(c);
	struct dt_path paths[DT_POLICY_PATHS_MAX];
	struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX];
	struct dt_policy_input in = {.now_ns = now_ns, .now_s = dt_now_s(), .way = c->way, .paths = paths};
	struct dt_policy_output out;

	in.npaths = dt_order_paths(c, &plan, now_ns, paths, relays);
	in.direct = dt_order_direct(c, &in.direct_open, &in.direct_fixed);
	if (!dt_early_look(&in, &out))
		dt_connection_early_set(c, false);
	actions_carry_out(c, &out, relays, now_ns);
}

void dt_choice_look(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	if (!pm->early || now_ns - pm->looked_ns < DT_EARLY_LOOK_MS * DT_MS)
		return;
	pm->looked_ns = now_ns;
	DL_FOREACH_SAFE2(pm->early, c, tmp, early_next)
		if (now_ns - c->since_ns > DT_EARLY_LASTED_NS)
			dt_connection_early_set(c, false);
		else if (c->watched)
			connection_look(c, now_ns);
}
