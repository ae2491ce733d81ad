/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting and finding the copying process. */
#ifndef DETOURD_RELAY_CONVERT_PROCESS_H
#define DETOURD_RELAY_CONVERT_PROCESS_H

/* A connection to the process that an earlier run started. Negative errno: there is none. */
int dt_convert_process_connect(void);
/* Kills the one at the other end of this connection. -ESRCH: it is not known which one that is; others of kill(2). */
int dt_convert_process_kill(int fd);
/* Starts one, which outlives this process, and connects to it. Negative errno. */
int dt_convert_process_start(void);

#endif
