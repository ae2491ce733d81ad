/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The network namespace this process is in. */
#ifndef DETOURD_BASE_NETNS_H
#define DETOURD_BASE_NETNS_H

#include <stdint.h>

/*
 * Takes the lock of this role in this namespace, a file in DT_RUN_DIR that only root can open. To be released by
 * dt_run_dir_unlock(). -EBUSY: another process holds it; other errors are logged.
 */
int dt_netns_lock(const char *role);
/* The number by which BPF knows this namespace (SO_NETNS_COOKIE). Negative errno. */
int dt_netns_cookie(uint64_t *cookie);

#endif
