/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is mptcpd the path manager of this network namespace? Its name proves nothing, because anybody may call a program so.
 * What it holds does: the kernel admits only who administers the network to the group of MPTCP's events.
 */
#ifndef DETOURD_PM_KERNEL_MPTCPD_H
#define DETOURD_PM_KERNEL_MPTCPD_H

/* Its pid; 0: there is none, or the kernel does not tell. */
long dt_mptcpd_find(void);

#endif
