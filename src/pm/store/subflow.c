/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/subflow.h"

#include <utlist.h>

#include "pm/store/lease.h"
#include "pm/store/relay.h"

const char *dt_subflow_end_word(enum dt_subflow_end end)
{
	switch (end) {
	case DT_END_NONE:
		return "";
	case DT_END_REFUSED:
		return "the join was refused";
	case DT_END_TIMEOUT:
		return "the join was not answered";
	case DT_END_CLOSED:
		return "the subflow was closed";
	case DT_END_ERROR:
		return "the kernel refused the join";
	case DT_END_DEAD:
		return "nothing came through any more";
	case DT_END_LATE:
		return "data came late by it";
	case DT_END_ADDRESS:
		return "its local address is gone";
	case DT_END_LED_AWAY:
		return "the route from its local address leads to another interface now";
	case DT_END_REPLACED:
		return "replaced by a subflow over another relay";
	}
	return "";
}

const char *dt_subflow_via(const struct dt_subflow *s)
{
	return s->relay ? s->relay->conf->name : s->unknown ? "unknown" : "direct";
}

void dt_subflow_lease_set(struct dt_subflow *s, struct dt_pm_lease *lease)
{
	if (s->lease == lease)
		return;
	if (s->lease)
		DL_DELETE2(s->lease->subflows, s, lease_prev, lease_next);
	s->lease = lease;
	if (lease)
		DL_APPEND2(lease->subflows, s, lease_prev, lease_next);
}

bool dt_subflow_is_under_way(const struct dt_subflow *s)
{
	return s->state == DT_SUBFLOW_PENDING || s->state == DT_SUBFLOW_ESTABLISHED;
}
