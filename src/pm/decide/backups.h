/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which paths become backup without a comparison, and which ones are used again. Pure. */
#ifndef DETOURD_PM_DECIDE_BACKUPS_H
#define DETOURD_PM_DECIDE_BACKUPS_H

#include "pm/decide/paths.h"

/*
 * Before a path is opened: initializes its memory. True: the caller must open it as backup, because a detour over this
 * relay did not pay lately for this server, or its round trip is too long for a connection this young.
 */
bool dt_policy_begin(const struct dt_policy_input *in, const struct dt_path *path, struct dt_path_memory *memory);
/* A detour that carries next to nothing can only do harm: it becomes backup. One whose time is over is used again. */
void dt_backups_update(const struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out);
/* The direct path: backup where it harmed lately, and used again when that no longer holds. */
void dt_backups_direct_update(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out,
			      bool busy);
/* Without a direct path the detours carry everything, so none stays backup. */
void dt_backups_direct_gone(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out);
/* The data turned around: forgets what was measured, and applies the verdicts of the other direction. */
void dt_backups_turn(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out);

#endif
