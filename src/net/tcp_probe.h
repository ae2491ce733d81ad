/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segments in the name of a TCP connection that make its peer answer at once. Like a keep-alive each lies below what
 * the peer has acknowledged, so it changes nothing (RFC 9293, 3.8.4 and 3.10.7.4).
 */
#ifndef DETOURD_NET_TCP_PROBE_H
#define DETOURD_NET_TCP_PROBE_H

#include "base/addr.h"

struct dt_tcp_probe {
	struct dt_endpoint local;
	struct dt_endpoint remote;
	uint32_t device;  /* that the socket is bound to, its index; 0: to none */
	uint32_t snd_una; /* the oldest sequence number that the peer has not acknowledged */
	uint32_t rcv_nxt;
	uint32_t flow_label; /* IPv6 */
	bool timestamps;     /* the connection uses RFC 7323; tsval and tsecr are those of its next segment */
	uint32_t tsval;
	uint32_t tsecr;
	/* Carry one old byte: Linux answers an empty segment only once in 500 ms (tcp_invalid_ratelimit). */
	bool with_byte;
};

/* Sequence number of a probe's byte. It lies below what the peer has acknowledged, or it would count as data. */
static inline uint32_t dt_tcp_probe_byte(uint32_t snd_una)
{
	return snd_una - 2;
}

#define DT_TCP_PROBE_LEN_MAX 76

/* The whole packet, IP header and checksums included; returns its length. Pure. */
size_t dt_tcp_probe_write(uint8_t out[DT_TCP_PROBE_LEN_MAX], const struct dt_tcp_probe *probe);

struct dt_tcp_prober {
	int fd4;
	int fd6; /* -1: this host has no IPv6 */
};

/* -EPERM without CAP_NET_RAW. */
int dt_tcp_prober_open(struct dt_tcp_prober *p);
/* May be called on a closed one. */
void dt_tcp_prober_close(struct dt_tcp_prober *p);
/* Sends by the route that the connection's own segments take, from its address. */
int dt_tcp_prober_send(const struct dt_tcp_prober *p, const struct dt_tcp_probe *probe);

#endif
