/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes this process the path manager of its network namespace. Only one detourd at a time, and no mptcpd.
 * net.mptcp.path_manager (pm_type before Linux 6.15) is set to userspace, and put back at the end. Its old value is
 * kept in a file, so that the next run knows it even if this one is killed.
 */
#ifndef DETOURD_PM_KERNEL_TAKEOVER_H
#define DETOURD_PM_KERNEL_TAKEOVER_H

#include <stdint.h>

struct dt_takeover {
	int lock_fd;
	uint64_t netns_cookie;
	char state_path[64];
	char converted_path[64]; /* see store/conversion_file.h */
};

/* -EBUSY: another detourd or mptcpd runs; -ENOENT: no MPTCP in this kernel; -EPERM. Logs why; lock_fd is then -1. */
int dt_takeover_begin(struct dt_takeover *t);
/* Does nothing if lock_fd is -1. */
void dt_takeover_end(struct dt_takeover *t);

#endif
