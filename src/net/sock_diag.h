/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP sockets by sock_diag, and its SOCK_DESTROY (net/ipv4/inet_diag.c in the kernel). */
#ifndef DETOURD_NET_SOCK_DIAG_H
#define DETOURD_NET_SOCK_DIAG_H

#include "base/addr.h"
#include "net/netlink.h"

struct dt_tcp_sample {
	struct dt_endpoint local;
	struct dt_endpoint remote;
	uint8_t state; /* TCP_ESTABLISHED ... */
	bool mptcp;    /* asked for MPTCP, even if it did not get it; only seen with CAP_NET_ADMIN */
	uint32_t srtt_us;
	uint32_t retransmits; /* segments, in all */
	uint8_t backoff;      /* retransmission time-outs in a row */
	uint32_t uid;	      /* of the process that made it */
	uint32_t inode;	      /* as in /proc/PID/fd; 0: no process has it open by itself */
	bool program_waits;   /* not the path: the program had no more to send when its latest data left */
	uint64_t bytes_acked;
	uint64_t bytes_received;
};

typedef int (*dt_tcp_sample_fn)(const struct dt_tcp_sample *sample, void *data);

/*
 * The socket of this four-tuple that is bound to the device of this index or to none; device 0: to none. -ENOENT:
 * there is none.
 */
int dt_sock_diag_get(struct dt_netlink *nl, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		     uint32_t device, struct dt_tcp_sample *out);
/* All TCP sockets of this namespace that listen, are or were connected (no TIME_WAIT). */
int dt_sock_diag_dump(struct dt_netlink *nl, dt_tcp_sample_fn fn, void *data);
/*
 * All MPTCP sockets of this namespace that their program has closed and the kernel still keeps (FIN_WAIT_1 and later). Their
 * subflows are ESTABLISHED meanwhile. -ENOENT: this kernel cannot tell (no mptcp_diag).
 */
int dt_sock_diag_dump_closing(struct dt_netlink *nl, dt_tcp_sample_fn fn, void *data);
/* Aborts that socket: RST to the peer. -ENOENT: no such socket; -EOPNOTSUPP: no CONFIG_INET_DIAG_DESTROY. */
int dt_sock_diag_destroy(struct dt_netlink *nl, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			 uint32_t device);

/* Parses one answer. -EBADMSG: malformed, or not of a TCP socket. Pure. */
int dt_sock_diag_parse(struct dt_tcp_sample *out, const struct nlmsghdr *nlh);

#endif
