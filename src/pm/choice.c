/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the policy needs to know of a connection, and its decisions carried out. Each second, where something moves. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include "pm/pm.h"

static const uint8_t no_relay[DT_KEY_LEN];

static uint64_t now_s(void)
{
	return (uint64_t)time(NULL);
}

/* Addresses of one provider: good enough to guess what fails together. */
static uint32_t network_of(const struct dt_ip *ip)
{
	const uint8_t *b = dt_ip_is_v4(ip) ? ip->b + 10 : ip->b;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint64_t bytes_moved(const struct dt_connection *c, const struct dt_endpoint *local,
			    const struct dt_endpoint *remote)
{
	struct dt_arrival arrival;

	if (dt_arrivals_get(c->pm->arrivals, local, remote, &arrival))
		return arrival.bytes_received + arrival.bytes_acked;
	dt_arrivals_expect(c->pm->arrivals, local, remote, c->device);
	return 0;
}

static struct dt_path path_of(struct dt_connection *c, const struct dt_plan *plan, struct dt_pm_relay *relay,
			      uint64_t now_ns)
{
	struct dt_subflow *s = dt_detour_at(c, relay);
	struct dt_path path = {.backup_wanted = relay->conf->backup || plan->backup,
			       .gain = dt_history_get(c->pm->history, &c->remote.ip, relay->conf->public_key)};

	if (relay->links) {
		path.rtt_us = dt_link_rtt_us(relay->links->proto);
		path.network = network_of(&relay->links->remote.ip);
	}
	path.usable = dt_pm_relay_state(relay) == DT_LINK_UP && !dt_pm_relay_draining(relay) &&
		      !(s && (now_ns < s->may_try_ns || (s->lease && s->lease->state == DT_LEASE_REFUSED)));
	if (s && s->lease)
		path.rtt_relay_server_us = s->lease->rtt_us;
	if (!s || s->state == DT_SUBFLOW_IDLE)
		return path;
	path.memory = &s->choice;
	path.since_ns = s->since_ns;
	path.srtt_us = s->liveness.rtt_us;
	path.state = DT_PATH_OPENING;
	/* these have a patience of their own: for a lease, until the connection has settled, before the carrier changes */
	if (s->state == DT_SUBFLOW_WAITING || s->state == DT_SUBFLOW_SETTLING ||
	    relay->conf->carrier == DT_CARRIER_AUTO || plan->carrier == DT_CARRIER_AUTO)
		path.since_ns = now_ns;
	if (s->state != DT_SUBFLOW_ESTABLISHED)
		return path;
	path.state = DT_PATH_OPEN;
	path.since_ns = s->since_ns;
	path.backup = s->backup;
	path.bytes = bytes_moved(c, &s->local, &s->remote);
	if (s->backup && !path.backup_wanted && !s->choice.by_policy) /* an earlier run's decision */
		s->choice.by_policy = true;
	return path;
}

/* All that goes over no relay counts as the direct path. */
static struct dt_path direct_of(struct dt_connection *c, bool *open)
{
	const struct dt_subflow *s;
	struct dt_path path = {.state = DT_PATH_OPEN,
			       .since_ns = c->since_ns,
			       .srtt_us = c->direct_liveness.rtt_us,
			       .gain = dt_history_get(c->pm->history, &c->remote.ip, no_relay),
			       .memory = &c->direct_choice};

	*open = c->direct_established && !c->direct_backup;
	path.bytes = c->direct_established ? bytes_moved(c, &c->local, &c->remote) : 0;
	DL_FOREACH(c->subflows, s)
		if (!s->relay && s->state == DT_SUBFLOW_ESTABLISHED) {
			*open = *open || !s->backup;
			path.bytes += bytes_moved(c, &s->local, &s->remote);
		}
	return path;
}

/* The relays that the plan allows, as paths; their number. */
static size_t paths_of(struct dt_connection *c, const struct dt_plan *plan, uint64_t now_ns, struct dt_path *paths,
		       struct dt_pm_relay **relays)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->nrelays && count < DT_POLICY_PATHS_MAX; i++) {
		struct dt_pm_relay *relay = dt_pm_relay_at(c->pm, plan->relays ? plan->relays[i] : i);

		if (!relay)
			continue;
		relays[count] = relay;
		paths[count++] = path_of(c, plan, relay, now_ns);
	}
	return count;
}

size_t dt_choice_order(struct dt_connection *c, struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX])
{
	struct dt_plan plan = dt_connection_plan(c);
	struct dt_path paths[DT_POLICY_PATHS_MAX];
	struct dt_pm_relay *planned[DT_POLICY_PATHS_MAX];
	size_t order[DT_POLICY_PATHS_MAX];
	struct dt_policy_input in = {.now_ns = dt_now_ns(), .now_s = now_s(), .paths = paths};

	in.npaths = paths_of(c, &plan, in.now_ns, paths, planned);
	if (c->pm->config->choose_measured)
		dt_policy_order(&in, order);
	for (size_t i = 0; i < in.npaths; i++)
		relays[i] = planned[c->pm->config->choose_measured ? order[i] : i];
	return in.npaths;
}

static void learn(struct dt_connection *c, const struct dt_policy_input *in, struct dt_pm_relay *const *relays)
{
	for (size_t i = 0; i < in->npaths; i++)
		if (in->paths[i].memory && in->paths[i].memory->learn)
			dt_history_note(c->pm->history, &c->remote.ip, relays[i]->conf->public_key,
					in->paths[i].memory->tick_bps, DT_POLICY_TICK_MS / 1000.0, in->now_s);
	for (size_t i = 0; i < in->npaths; i++)
		if (in->paths[i].memory && in->paths[i].memory->judged)
			dt_history_judged(c->pm->history, &c->remote.ip, relays[i]->conf->public_key,
					  in->paths[i].memory->backups, in->paths[i].memory->vain_until_s);
	if (c->policy.learn_alone)
		dt_history_note(c->pm->history, &c->remote.ip, no_relay, in->direct.memory->tick_bps,
				DT_POLICY_TICK_MS / 1000.0, in->now_s);
}

static void carry_out(struct dt_connection *c, const struct dt_action *a, struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_subflow *s = dt_detour_at(c, relay);

	switch (a->kind) {
	case DT_ACTION_OPEN:
		if (!dt_detours_open(c, relay, now_ns))
			return;
		s = dt_detour_at(c, relay);
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
	dt_pm_publish(c->pm, "decision", c, relay, a->reason);
}

void dt_choice_begin(struct dt_subflow *s, uint64_t now_ns)
{
	struct dt_connection *c = s->connection;
	struct dt_policy_input in = {.now_ns = now_ns, .now_s = now_s()};
	struct dt_path path = {.backup_wanted = s->backup_wanted};
	bool trial = s->choice.trial; /* it was opened as one, and joins only now */
	bool vain;

	memset(&s->choice, 0, sizeof(s->choice));
	if (!s->relay || !c->pm->config->choose_measured)
		return;
	in.direct = direct_of(c, &in.direct_open);
	path.gain = dt_history_get(c->pm->history, &c->remote.ip, s->relay->conf->public_key);
	vain = dt_policy_begin(&in, &path, &s->choice);
	s->choice.trial = trial;
	if (!vain)
		return;
	s->backup_wanted = true;
	snprintf(s->note, sizeof(s->note), "did not pay lately: begins as backup");
}

static void connection_tick(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_plan plan = dt_connection_plan(c);
	struct dt_path paths[DT_POLICY_PATHS_MAX];
	struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX];
	struct dt_policy_input in = {.now_ns = now_ns, .now_s = now_s(), .limit = plan.detours, .paths = paths};
	struct dt_policy_output out;

	const struct dt_subflow *s;

	if (plan.detours == 0 || c->young)
		return;
	DL_FOREACH(c->subflows, s)
		if (s->unknown)
			return; /* it may count as a detour */
	in.npaths = paths_of(c, &plan, now_ns, paths, relays);
	in.direct = direct_of(c, &in.direct_open);
	dt_policy_tick(&c->policy, &in, &out);
	learn(c, &in, relays);
	for (size_t i = 0; i < out.count; i++)
		carry_out(c, &out.actions[i], relays[out.actions[i].path], now_ns);
}

void dt_choice_tick(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_connection *c, *tmp;

	if (!pm->config->choose_measured)
		return;
	HASH_ITER(hh, pm->connections, c, tmp)
		if (c->watched && !c->foreign)
			connection_tick(c, now_ns);
}

void dt_choice_failed(const struct dt_subflow *s)
{
	if (s->relay && s->connection->pm->config->choose_measured)
		dt_history_failed(s->connection->pm->history, &s->connection->remote.ip, s->relay->conf->public_key,
				  now_s());
}
