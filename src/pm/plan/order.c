/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/plan/order.h"

#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "pm/act/join.h"
#include "pm/decide/history.h"
#include "pm/kernel/arrivals.h"
#include "pm/store/connection.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/subflow.h"

const uint8_t dt_order_no_relay[DT_KEY_LEN];

/* The first 32 bits: relays that share them are probably one provider's, and may fail together. */
static uint32_t network_of(const struct dt_ip *ip)
{
	const uint8_t *b = dt_ip_is_v4(ip) ? ip->b + 10 : ip->b;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static uint64_t bytes_moved(const struct dt_connection *c, const struct dt_endpoint *local,
			    const struct dt_endpoint *remote)
{
	struct dt_arrival arrival;

	if (!dt_arrivals_get(c->pm->arrivals, local, remote, &arrival))
		return 0;
	return arrival.bytes_received + arrival.bytes_acked;
}

static struct dt_path path_of(const struct dt_connection *c, const struct dt_plan *plan,
			      const struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_subflow *s = dt_connection_detour(c, relay);
	struct dt_path path = {.backup_wanted = relay->conf->backup || plan->backup,
			       .gain = dt_history_get(c->pm->history, &c->remote.ip, relay->conf->public_key, c->way),
			       .elsewhere = dt_history_elsewhere(c->pm->history, relay->conf->public_key, c->way)};

	if (relay->links) {
		path.rtt_us = dt_client_link_rtt_us(relay->links->proto);
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
	/* waiting for a lease, for settling, or for the carrier to change has limits of its own */
	if (s->state == DT_SUBFLOW_WAITING || s->state == DT_SUBFLOW_SETTLING ||
	    relay->conf->carrier == DT_CARRIER_AUTO || plan->carrier == DT_CARRIER_AUTO)
		path.since_ns = now_ns;
	if (s->state != DT_SUBFLOW_ESTABLISHED)
		return path;
	path.state = DT_PATH_OPEN;
	path.backup = s->backup;
	path.slack = dt_pace_has_slack(&s->pace);
	path.room = dt_pace_room(&s->pace);
	path.pace = s->pace.recent;
	path.narrow = s->pace.narrow;
	path.backup_wanted = path.backup_wanted || s->fading.fading; /* not the policy's business */
	path.bytes = bytes_moved(c, &s->local, &s->remote);
	return path;
}

struct dt_path dt_order_direct(struct dt_connection *c, bool *open, bool *fixed)
{
	const struct dt_subflow *s;
	bool by_policy = c->direct_choice.by_policy;
	struct dt_path path = {.state = DT_PATH_OPEN,
			       .since_ns = c->since_ns,
			       .srtt_us = c->direct_liveness.rtt_us,
			       .slack = dt_pace_has_slack(&c->direct_pace),
			       .pace = c->direct_pace.recent,
			       .backup = c->direct_established && c->direct_backup && by_policy,
			       .gain = dt_history_get(c->pm->history, &c->remote.ip, dt_order_no_relay, c->way),
			       .memory = &c->direct_choice};

	*open = c->direct_established && (!c->direct_backup || by_policy);
	*fixed = !c->direct_established || (c->direct_backup && !by_policy);
	path.bytes = c->direct_established ? bytes_moved(c, &c->local, &c->remote) : 0;
	DL_FOREACH(c->subflows, s)
		if (!s->relay && s->state == DT_SUBFLOW_ESTABLISHED) {
			*open = *open || !s->backup;
			*fixed = true;
			path.bytes += bytes_moved(c, &s->local, &s->remote);
		}
	return path;
}

size_t dt_order_paths(const struct dt_connection *c, const struct dt_plan *plan, uint64_t now_ns, struct dt_path *paths,
		      struct dt_pm_relay **relays)
{
	size_t count = 0;

	for (size_t i = 0; i < plan->nrelays && count < DT_POLICY_PATHS_MAX; i++) {
		struct dt_pm_relay *relay = dt_pm_relay_at(c->pm, dt_plan_relay(plan, i));

		if (!relay)
			continue;
		relays[count] = relay;
		paths[count++] = path_of(c, plan, relay, now_ns);
	}
	return count;
}

size_t dt_order_relays(const struct dt_connection *c, struct dt_pm_relay *relays[DT_POLICY_PATHS_MAX])
{
	struct dt_plan plan = dt_connection_plan(c);
	struct dt_path paths[DT_POLICY_PATHS_MAX];
	struct dt_pm_relay *planned[DT_POLICY_PATHS_MAX];
	size_t order[DT_POLICY_PATHS_MAX];
	struct dt_policy_input in = {.now_ns = dt_now_ns(),
				     .now_s = dt_now_s(),
				     .direct = {.srtt_us = c->direct_liveness.rtt_us},
				     .paths = paths};

	in.npaths = dt_order_paths(c, &plan, in.now_ns, paths, planned);
	if (c->pm->config->choose_measured)
		dt_policy_order(&in, order);
	for (size_t i = 0; i < in.npaths; i++)
		relays[i] = planned[c->pm->config->choose_measured ? order[i] : i];
	return in.npaths;
}

void dt_order_way_look(struct dt_connection *c)
{
	struct dt_detour_after after = dt_connection_plan(c).after;
	struct dt_tcp_sample sample;

	/* one that gets detours at once has moved no more than a request yet, which says nothing */
	if (after.ms == 0 || after.bytes == 0)
		return;
	if (!c->chooser.ticked_ns && dt_sock_diag_get(&c->pm->diag, &c->local, &c->remote, c->device, &sample) == 0)
		c->way = sample.bytes_acked > sample.bytes_received ? DT_WAY_UP : DT_WAY_DOWN;
}

/* Before a join: resets what the policy remembers of the subflow, and asks it whether to begin as backup. */
static void begin(struct dt_subflow *s, uint64_t now_ns)
{
	struct dt_connection *c = s->connection;
	struct dt_policy_input in = {.now_ns = now_ns, .now_s = dt_now_s()};
	struct dt_path path = {.backup_wanted = s->backup_wanted};
	bool trial = s->choice.trial; /* it was opened as one, and waited for its join until now */
	bool vain;

	memset(&s->choice, 0, sizeof(s->choice));
	memset(&s->pace, 0, sizeof(s->pace));
	if (!s->relay || !c->pm->config->choose_measured)
		return;
	in.way = c->way;
	in.direct = dt_order_direct(c, &in.direct_open, &in.direct_fixed);
	path.gain = dt_history_get(c->pm->history, &c->remote.ip, s->relay->conf->public_key, c->way);
	path.rtt_us = s->relay->links ? dt_client_link_rtt_us(s->relay->links->proto) : 0;
	path.rtt_relay_server_us = s->lease ? s->lease->rtt_us : 0;
	vain = dt_policy_begin(&in, &path, &s->choice);
	dt_connection_early_set(c, true);
	s->choice.trial = trial;
	if (!vain)
		return;
	s->backup_wanted = true;
	snprintf(s->note, sizeof(s->note), "%s: begins as backup",
		 s->choice.waits ? "its round trip is long" : "did not pay lately");
}

bool dt_order_join(struct dt_subflow *s, uint64_t now_ns)
{
	if (dt_subflow_settle(s, now_ns))
		return true;
	begin(s, now_ns);
	return dt_subflow_join(s, now_ns);
}
