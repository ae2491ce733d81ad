/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the copying process gives up before the first byte of a stranger reaches it. */
#ifndef DETOURD_CONVERT_SANDBOX_H
#define DETOURD_CONVERT_SANDBOX_H

/*
 * Becomes the user "detourd" (or nobody) if this is root, drops all capabilities, and allows no system calls but those that
 * copying takes: no file is opened and no program started from now on. Descriptors are kept. Negative errno; logs why.
 */
int dt_sandbox_enter(void);

#endif
