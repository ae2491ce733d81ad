/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The copying process of a relay that converts: see docs/architecture.md. The relay's daemon starts it, and it outlives the
 * daemon. It has no rights but to accept from the sockets that it is handed, and to connect.
 */
#ifndef DETOURD_CONVERT_PROCESS_H
#define DETOURD_CONVERT_PROCESS_H

/* How the daemon starts it: the program itself, with this as its only argument, and the channel at DT_CHANNEL_FD. */
#define DT_CONVERT_ARGUMENT "--convert-process"

/* Runs it. The exit code. */
int dt_convert_run(void);

#endif
