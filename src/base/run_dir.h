/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The directory for what must not outlive a boot: locks, and settings as they were before us. Only root, this user and the
 * units' user can write there, so that no other user can take a lock or put a file in place.
 */
#ifndef DETOURD_BASE_RUN_DIR_H
#define DETOURD_BASE_RUN_DIR_H

#define DT_RUN_DIR "/run/detourd"
#define DT_UNITS_USER "detourd" /* see configs/detourd.sysusers */

/* Makes it if it is missing. Negative errno; logs why. -EPERM: another user could write there. */
int dt_run_dir_make(void);
/*
 * Takes the lock of this name, a file in the directory. It ends with the process or with dt_run_dir_unlock(), which takes
 * the returned descriptor. -EBUSY: another process holds it; other errors are logged.
 */
int dt_run_dir_lock(const char *name);
/* Does nothing if fd is negative. Removes the file. */
void dt_run_dir_unlock(int fd);

#endif
