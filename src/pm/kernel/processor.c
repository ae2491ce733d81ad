/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/processor.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"

/*
 * Without this, another real-time thread that takes this processor has the scheduler move us to another one. When that
 * thread sleeps, the workers here run while we still wait there.
 */
static bool pin(cpu_set_t *before)
{
	int cpu = sched_getcpu();
	cpu_set_t one;

	if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof(*before), before) != 0)
		return false;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	return sched_setaffinity(0, sizeof(one), &one) == 0;
}

static void unpin(const struct dt_processor_hold *hold)
{
	if (hold->pinned && sched_setaffinity(0, sizeof(hold->cpus), &hold->cpus) != 0)
		dt_log_warn("cannot run on all processors again, only on one: %s", strerror(errno));
}

bool dt_processor_hold(struct dt_processor_hold *hold)
{
	const struct sched_param real_time = {.sched_priority = 1};

	hold->policy = sched_getscheduler(0);
	if (hold->policy < 0 || sched_getparam(0, &hold->param) != 0)
		return false;
	hold->pinned = pin(&hold->cpus);
	if (sched_setscheduler(0, SCHED_FIFO | (hold->policy & SCHED_RESET_ON_FORK), &real_time) == 0)
		return true;
	unpin(hold);
	return false;
}

void dt_processor_release(const struct dt_processor_hold *hold)
{
	if (sched_setscheduler(0, hold->policy, &hold->param) != 0)
		dt_log_warn("cannot leave real-time scheduling: %s", strerror(errno));
	unpin(hold);
}
