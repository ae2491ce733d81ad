/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mptcpify.bpf: chosen programs' new TCP sockets become MPTCP, for as long as this lives. */
#ifndef DETOURD_PM_MPTCPIFY_H
#define DETOURD_PM_MPTCPIFY_H

#include "pm/config.h"

struct dt_mptcpify;

/* What to do where the kernel has no hook for it: a sentence for logs and doctor. */
#define DT_MPTCPIFY_INSTEAD \
	"programs must ask for MPTCP themselves: mptcpize run PROGRAM, mptcpize enable UNIT, GODEBUG=multipathtcp=1"

/*
 * Loads and attaches; nothing is changed yet. -ENOENT: this kernel has no hook (Linux 6.6 has); -EPERM: it does not let
 * itself be changed. Logs nothing.
 */
int dt_mptcpify_open(struct dt_mptcpify **out, uint64_t netns_cookie);
/* May be NULL. New sockets are as before. */
void dt_mptcpify_close(struct dt_mptcpify *m);
/* New sockets are treated by this from now on; cgroups must have been looked up. -errno; -E2BIG: lists too long. */
int dt_mptcpify_configure(struct dt_mptcpify *m, const struct dt_mptcp_conf *conf);
/* Sockets made MPTCP so far. */
uint64_t dt_mptcpify_sockets(const struct dt_mptcpify *m);
/* In words, what dt_mptcpify_open() returned. */
const char *dt_mptcpify_problem(int err);

#endif
