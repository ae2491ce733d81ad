/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SYNs with an MPTCP option, sent by a raw socket and in no connection of the kernel's, which resets what answers. Needs
 * CAP_NET_RAW.
 */
#ifndef DETOURD_NET_SYN_H
#define DETOURD_NET_SYN_H

#include "base/addr.h"

#define DT_SYN_LEN_MAX 32

struct dt_syn {
	struct dt_endpoint from, to;
	uint32_t seq; /* random */
	uint8_t option[12];
	size_t option_len; /* a multiple of 4 */
};

/* Asks for a connection (RFC 8684, 3.1). */
void dt_syn_capable(struct dt_syn *syn, const struct dt_endpoint *from, const struct dt_endpoint *to);
/* Joins the connection that has this token at its server (3.2), under a random nonce. */
void dt_syn_join(struct dt_syn *syn, const struct dt_endpoint *from, const struct dt_endpoint *to, uint32_t token);
/* The TCP header with option and checksum; returns its length. Pure. */
size_t dt_syn_write(uint8_t out[DT_SYN_LEN_MAX], const struct dt_syn *syn);

/* By a socket of dt_raw_open(), IPPROTO_TCP. ttl 0: the usual number of hops. */
int dt_syn_send(int fd, const struct dt_syn *syn, int ttl);

#endif
