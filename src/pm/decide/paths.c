/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/paths.h"

#include <stdarg.h>
#include <stdio.h>

size_t dt_paths_count(const struct dt_policy_input *in)
{
	return in->npaths < DT_POLICY_PATHS_MAX ? in->npaths : DT_POLICY_PATHS_MAX;
}

bool dt_path_carries(const struct dt_path *path)
{
	return path->state == DT_PATH_OPEN && !path->backup && path->memory;
}

uint64_t dt_path_used_ns(const struct dt_path *path)
{
	return path->memory->used_ns > path->since_ns ? path->memory->used_ns : path->since_ns;
}

bool dt_paths_direct_carries(const struct dt_policy_input *in)
{
	return in->direct_open && !in->direct.backup;
}

struct dt_action *dt_action_add(struct dt_policy_output *out, enum dt_action_kind kind, size_t path, const char *format,
				...)
{
	struct dt_action *a;
	va_list args;

	if (out->count == DT_POLICY_ACTIONS_MAX)
		return NULL;
	a = &out->actions[out->count++];
	a->kind = kind;
	a->path = path;
	a->trial = false;
	va_start(args, format);
	vsnprintf(a->reason, sizeof(a->reason), format, args);
	va_end(args);
	return a;
}
