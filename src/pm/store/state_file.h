/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file with the history (`state =`): read at start, written every minute and at the end. Errors are logged; the
 * history is then kept in memory only, until detourd stops.
 */
#ifndef DETOURD_PM_STORE_STATE_FILE_H
#define DETOURD_PM_STORE_STATE_FILE_H

#include <stdint.h>

struct dt_pm;

/* -ENOMEM. */
int dt_state_file_new(struct dt_pm *pm);
void dt_state_file_free(struct dt_pm *pm);
/*
 * Adds the file's contents to the history. A missing file is not an error. A file that is damaged, or that detourd did
 * not write, is renamed to PATH.damaged. A file that cannot be read is never overwritten.
 */
void dt_state_file_read(struct dt_pm *pm);
/*
 * Writes the history if it changed: to PATH.new, which then replaces the file. So a reader, and the next start after a
 * crash, finds the whole old or the whole new one. Mode 0600, because it shows to where this host connects.
 */
void dt_state_file_write(struct dt_pm *pm);
/* Writes once a minute. To be called every second. */
void dt_state_file_tick(struct dt_pm *pm, uint64_t now_ns);

#endif
