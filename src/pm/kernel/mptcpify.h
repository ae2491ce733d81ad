/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mptcpify.bpf makes new TCP sockets of chosen programs MPTCP sockets, until this is closed. */
#ifndef DETOURD_PM_KERNEL_MPTCPIFY_H
#define DETOURD_PM_KERNEL_MPTCPIFY_H

#include "pm/conf/client_conf.h"

struct dt_mptcpify;

/* What users can do where the kernel has no hook for it. For logs and doctor. */
#define DT_MPTCPIFY_INSTEAD \
	"programs must ask for MPTCP themselves: mptcpize run PROGRAM, mptcpize enable UNIT, GODEBUG=multipathtcp=1"

/*
 * Loads and attaches it; no socket changes before dt_mptcpify_configure(). -ENOENT: this kernel has no hook (Linux 6.6
 * has one); -EPERM, -EACCES: this kernel allows no BPF program to change a function's result. Logs nothing.
 */
int dt_mptcpify_open(struct dt_mptcpify **out, uint64_t netns_cookie);
/* May be NULL. Sockets made MPTCP stay so; new ones are TCP again. */
void dt_mptcpify_close(struct dt_mptcpify *m);
/* Holds for new sockets from now on. The cgroups' ids must have been looked up. -errno; -E2BIG: lists too long. */
int dt_mptcpify_configure(struct dt_mptcpify *m, const struct dt_mptcp_conf *conf);
/* Sockets made MPTCP so far. */
uint64_t dt_mptcpify_sockets(const struct dt_mptcpify *m);
/* In words, an error of dt_mptcpify_open(). */
const char *dt_mptcpify_problem(int err);

#endif
