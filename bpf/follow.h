/* SPDX-License-Identifier: GPL-2.0-only */
/* How a socket is made to call track.bpf. */
#ifndef DETOURD_BPF_FOLLOW_H
#define DETOURD_BPF_FOLLOW_H

#include <linux/bpf.h>

/*
 * The callbacks that track.bpf handles, as bpf_sock_ops_cb_flags. A socket has one set of flags for all programs: these
 * are added to what is set, and never cleared, because another program may want the same ones.
 */
#define FOLLOW_CALLBACKS                                                                        \
	(BPF_SOCK_OPS_RTO_CB_FLAG | BPF_SOCK_OPS_RETRANS_CB_FLAG | BPF_SOCK_OPS_STATE_CB_FLAG | \
	 BPF_SOCK_OPS_RTT_CB_FLAG)

#endif
