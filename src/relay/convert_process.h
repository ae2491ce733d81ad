/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting and finding the copying process. */
#ifndef DETOURD_RELAY_CONVERT_PROCESS_H
#define DETOURD_RELAY_CONVERT_PROCESS_H

/* A connection to the process that an earlier run started. Negative errno: there is none. */
int dt_convert_process_connect(void);
/* Starts one, which outlives this process, and connects to it. Negative errno. */
int dt_convert_process_start(void);

#endif
