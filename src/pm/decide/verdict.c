/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/verdict.h"

#define BACKUP_NS (30 * DT_SEC) /* doubles each time in a row that a path does not pay, */
#define BACKUP_DOUBLINGS 4	/* so often at most */
#define REMEMBERED_S 3600	/* after its time as backup; later, the times in a row start again */

void dt_verdict_reach(const struct dt_policy_input *in, const struct dt_path *path, double bps)
{
	struct dt_path_memory *m = path->memory;
	uint64_t wait_ns;

	if (m->backups < path->gain.backups && in->now_s < path->gain.backup_until_s + REMEMBERED_S)
		m->backups = path->gain.backups;
	wait_ns = BACKUP_NS << (m->backups < BACKUP_DOUBLINGS ? m->backups : BACKUP_DOUBLINGS);
	m->by_policy = true;
	m->waits = false;
	m->backup_until_ns = in->now_ns + wait_ns;
	m->backup_bps = bps;
	m->backups++;
	m->backups_changed = true;
	m->backup_until_s = in->now_s + wait_ns / DT_SEC;
	m->idle_share = 0;
	m->busy = 0;
}

void dt_verdict_recall(const struct dt_policy_input *in, const struct dt_path *path, struct dt_path_memory *m)
{
	m->by_policy = true;
	m->backups = path->gain.backups;
	m->backup_bps = path->gain.backup_bps;
	m->backup_until_ns = in->now_ns + (path->gain.backup_until_s - in->now_s) * DT_SEC;
}

void dt_verdict_wait(struct dt_path_memory *m, uint64_t until_ns)
{
	m->by_policy = true;
	m->waits = true;
	m->backup_until_ns = until_ns;
}

void dt_verdict_clear(struct dt_path_memory *m, uint64_t now_ns)
{
	dt_verdict_suspend(m, now_ns);
	m->backups = 0;
	m->backups_changed = true;
	m->backup_until_s = 0;
}

void dt_verdict_suspend(struct dt_path_memory *m, uint64_t now_ns)
{
	m->by_policy = false;
	m->waits = false;
	m->backup_until_ns = 0;
	m->used_ns = now_ns;
	m->little = 0;
}
