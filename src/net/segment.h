/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TCP segments as raw sockets give them, with their MPTCP options (RFC 8684, section 3). Pure, whatever bytes come in. */
#ifndef DETOURD_NET_SEGMENT_H
#define DETOURD_NET_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DT_MPTCP_KIND 30

enum dt_mptcp_subtype {
	DT_MPTCP_CAPABLE = 0,
	DT_MPTCP_JOIN = 1,
};

struct dt_segment {
	uint16_t from, to; /* ports */
	bool syn, ack, rst;
	const uint8_t *options; /* in the bytes that were parsed */
	size_t options_len;
};

/* v4: an IPv4 header leads, as raw sockets of that family have it. -EBADMSG: it is no whole TCP header. */
int dt_segment_parse(struct dt_segment *out, const void *in, size_t len, bool v4);
/*
 * The segment that an ICMP error quotes because it had no hops left. -EBADMSG: it is no such error, or does not quote all of
 * the TCP header.
 */
int dt_segment_quoted(struct dt_segment *out, const void *in, size_t len, bool v4);
/* The value of the first MPTCP option of this subtype, after kind and length. NULL: there is none. */
const uint8_t *dt_segment_mptcp(const struct dt_segment *s, enum dt_mptcp_subtype subtype, size_t *len);

#endif
