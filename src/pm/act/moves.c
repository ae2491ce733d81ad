/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/act/moves.h"

#include "base/clock.h"
#include "net/sock_diag.h"
#include "pm/kernel/arrivals.h"
#include "pm/kernel/track.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/subflow.h"

/* Data moved this lately: it still moves. No data for longer than ACTIVE_NS: the subflow was idle, not stalled. */
#define MOVING_NS (1500 * DT_MS)
#define ACTIVE_NS (30 * DT_SEC)

uint64_t dt_subflow_moved_ns(const struct dt_pm *pm, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_arrival arrival;

	return dt_arrivals_get(pm->arrivals, local, remote, &arrival) ? arrival.moved_ns : 0;
}

static bool is_moving(uint64_t moved_ns, uint64_t now_ns)
{
	return moved_ns && now_ns - moved_ns < MOVING_NS;
}

static bool waits_for_time_out(const struct dt_subflow *s)
{
	struct dt_pm *pm = s->connection->pm;
	struct dt_tcp_sample sample;

	return dt_sock_diag_get(&pm->diag, &s->local, &s->remote, s->connection->device, &sample) == 0 &&
	       sample.backoff;
}

bool dt_subflow_stalls(const struct dt_subflow *s, uint64_t now_ns)
{
	uint64_t moved_ns = dt_subflow_moved_ns(s->connection->pm, &s->local, &s->remote);

	if (is_moving(moved_ns, now_ns))
		return false;
	return waits_for_time_out(s) || (moved_ns && now_ns - moved_ns < ACTIVE_NS);
}

bool dt_subflow_hangs(const struct dt_subflow *s, uint64_t lost_ns, uint64_t now_ns)
{
	uint64_t moved_ns = dt_subflow_moved_ns(s->connection->pm, &s->local, &s->remote);
	bool until_lost = moved_ns && lost_ns && moved_ns + MOVING_NS >= lost_ns && moved_ns <= lost_ns + MOVING_NS;

	return !is_moving(moved_ns, now_ns) && (until_lost || waits_for_time_out(s));
}

bool dt_subflow_carried_data(const struct dt_subflow *s)
{
	struct dt_subflow_stats stats;
	struct dt_arrival arrival;

	if (dt_arrivals_get(s->connection->pm->arrivals, &s->local, &s->remote, &arrival) && arrival.bytes_received)
		return true;
	/* tcp_info counts the SYN as one acknowledged byte */
	return dt_track_get(s->connection->pm->track, &s->local, &s->remote, &stats) == 0 &&
	       (stats.bytes_acked > 1 || stats.bytes_received > 0);
}
