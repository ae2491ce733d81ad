/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making this process the path manager of its network namespace: one detourd at a time, no mptcpd beside it,
 * net.mptcp.path_manager (pm_type before Linux 6.15) set to userspace, and put back at the end: what was found
 * is remembered in a file, so that a killed run's successor still knows.
 */
#ifndef DETOURD_PM_TAKEOVER_H
#define DETOURD_PM_TAKEOVER_H

#include <stdint.h>

struct dt_takeover {
	int lock_fd;
	uint64_t netns_cookie;
	char state_path[64];
};

/* -EBUSY another detourd or mptcpd; -ENOENT no MPTCP here; -EPERM. Logs why. */
int dt_takeover_begin(struct dt_takeover *t);
/* May be called on a failed or zeroed one (lock_fd -1). */
void dt_takeover_end(struct dt_takeover *t);

#endif
