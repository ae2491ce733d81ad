/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/policy.h"

#include <string.h>

#include "pm/decide/compare.h"
#include "pm/decide/measure.h"
#include "pm/decide/places.h"

static void outputs_clear(const struct dt_policy_input *in, struct dt_policy_output *out)
{
	memset(out, 0, sizeof(*out));
	if (in->direct.memory)
		in->direct.memory->backups_changed = false;
	for (size_t i = 0; i < in->npaths; i++)
		if (in->paths[i].memory)
			in->paths[i].memory->backups_changed = false;
}

void dt_policy_tick(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out)
{
	bool busy = dt_measure_tick(p, in);

	outputs_clear(in, out);
	if (in->way != p->way) {
		dt_backups_turn(p, in, out);
		return;
	}
	if (!in->direct_open)
		dt_backups_direct_gone(p, in, out);
	else if (dt_compare_tick(p, in, out, busy))
		return;
	else
		dt_backups_direct_update(p, in, out, busy);
	dt_places_fill(in, out);
	if (out->count || !busy)
		return;
	dt_backups_update(p, in, out);
	if (out->count == 0)
		dt_places_replace(p, in, out);
}
