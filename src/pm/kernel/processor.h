/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keeps the kernel's workers off this processor for a few system calls: they stay on the processor where a system call
 * queued their work, and have no real-time priority.
 */
#ifndef DETOURD_PM_KERNEL_PROCESSOR_H
#define DETOURD_PM_KERNEL_PROCESSOR_H

#include <sched.h>
#include <stdbool.h>

/* What this thread had before. */
struct dt_processor_hold {
	int policy;
	struct sched_param param;
	bool pinned;
	cpu_set_t cpus;
};

/*
 * Until dt_processor_release(), the kernel runs no work that this thread's system calls queue. False without the right
 * to real-time priority (CAP_SYS_NICE, RLIMIT_RTPRIO); nothing is to be released then.
 */
bool dt_processor_hold(struct dt_processor_hold *hold);
void dt_processor_release(const struct dt_processor_hold *hold);

#endif
