/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections with a server, as any program may make them. */
#ifndef DETOURD_CLI_PROBE_REACH_H
#define DETOURD_CLI_PROBE_REACH_H

#include "cli/probe/result.h"

/* By TCP: fills source, tcp, tcp_error and rtt_us. True: it answers. */
bool dt_probe_tcp(struct dt_probe *p);
/*
 * By MPTCP, from the same address: fills mptcp and mptcp_error. Returns the socket, which the caller closes, where mptcp is
 * DT_PROBE_YES, else -1. *local: its own end, also where it failed.
 */
int dt_probe_mptcp(struct dt_probe *p, struct dt_endpoint *local);
/* Sends a DATA_FIN over it, which no application sees as data: fills acked, and sets mptcp to DT_PROBE_LOST if so. */
void dt_probe_finish(struct dt_probe *p, int fd);

#endif
