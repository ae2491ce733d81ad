/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP sockets as sock_diag shows them, and its SOCK_DESTROY (net/ipv4/inet_diag.c). */
#ifndef DETOURD_NET_SOCK_DIAG_H
#define DETOURD_NET_SOCK_DIAG_H

#include "base/addr.h"
#include "net/netlink.h"

struct dt_tcp_sample {
	struct dt_endpoint local;
	struct dt_endpoint remote;
	uint8_t state; /* TCP_ESTABLISHED ... */
	bool mptcp;    /* asked for MPTCP, whatever came of it; seen with CAP_NET_ADMIN */
	uint32_t srtt_us;
	uint32_t retransmits; /* segments, in all */
	uint8_t backoff;      /* retransmission time-outs in a row of what waits for an acknowledgement */
	uint64_t bytes_acked;
	uint64_t bytes_received;
};

typedef int (*dt_tcp_sample_fn)(const struct dt_tcp_sample *sample, void *data);

/*
 * The one socket of this four-tuple, which must be bound to the device of this index, or to none. device 0: to none.
 * -ENOENT: there is none such.
 */
int dt_sock_diag_get(struct dt_netlink *nl, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		     uint32_t device, struct dt_tcp_sample *out);
/* All TCP sockets of this namespace that are connected or were (no listeners, no TIME_WAIT). */
int dt_sock_diag_dump(struct dt_netlink *nl, dt_tcp_sample_fn fn, void *data);
/* Aborts that socket: RST to the peer. -ENOENT none; -EOPNOTSUPP kernel without CONFIG_INET_DIAG_DESTROY. */
int dt_sock_diag_destroy(struct dt_netlink *nl, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			 uint32_t device);

/* Parses one answer; -EBADMSG if it is none. Pure. */
int dt_sock_diag_parse(struct dt_tcp_sample *out, const struct nlmsghdr *nlh);

#endif
