/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The history's file (`state =`): read at start, written again now and then, and at the end. */
#ifndef DETOURD_PM_STATE_H
#define DETOURD_PM_STATE_H

#include <stdint.h>

#include "pm/history.h"

#define DT_STATE_EVERY_S 60

/*
 * Adds what the file at path holds to h; no file is no error. One that detourd did not write, or not to its end, is put
 * aside as PATH.damaged, so that nothing is lost. All that goes wrong is logged, and -errno says that path is not to be
 * written over.
 */
int dt_state_read(const char *path, struct dt_history *h, uint64_t now_s);
/*
 * Writes h beside path, as PATH.new, which then takes its place: whoever reads, and a crash, finds the old one or the
 * new one. For root's eyes only: it tells where this host's connections go. -errno, not logged.
 */
int dt_state_write(const char *path, const struct dt_history *h);

#endif
