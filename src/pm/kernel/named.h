/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has a process this name? Answered by BPF, so also where /proc hides other users' processes from this one. */
#ifndef DETOURD_PM_KERNEL_NAMED_H
#define DETOURD_PM_KERNEL_NAMED_H

#include <stdbool.h>

/* Name is as in /proc/PID/comm. False also if BPF cannot be used. */
bool dt_named_has(unsigned pid, const char *name);

#endif
