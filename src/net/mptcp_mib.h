/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's MPTCP counters of this network namespace, as `nstat -az` shows them (net/mptcp/mib.c in the kernel). */
#ifndef DETOURD_NET_MPTCP_MIB_H
#define DETOURD_NET_MPTCP_MIB_H

#include <stdint.h>

/* A descriptor that the owner closes; negative errno. */
int dt_mptcp_mib_open(void);
/* How many RM_ADDRs were sent (MPTcpExtRmAddrTx). -ENOENT: this kernel does not count them, which began with 6.3. */
int dt_mptcp_mib_rm_addr_sent(int fd, uint64_t *out);

/* The value of this counter in the text of /proc/net/netstat. -ENOENT: there is none. Pure. */
int dt_mptcp_mib_parse(const char *text, const char *name, uint64_t *out);

#endif
