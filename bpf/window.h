/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which segments belong to a flow, by their sequence numbers: as conntrack tells them (after van Rooij, "Real Stateful
 * TCP Packet Filtering"), but each entry is written by its own direction only. What it must know of the other one it
 * keeps as it last saw it, and looks again before it refuses a segment: most packets need one look-up, not two.
 */
#ifndef DETOURD_BPF_WINDOW_H
#define DETOURD_BPF_WINDOW_H

#include "flow.h"

/* How far reordering may take acknowledgements and retransmissions back, where windows are small. */
#define WINDOW_BACK 65536
/*
 * The window on a subflow is the MPTCP connection's (RFC 8684, section 3.3.1): one that another subflow announced may
 * be wider than what was seen on this one.
 */
#define WINDOW_SHARED_MIN (1U << 20)

/* Sequence numbers wrap. */
static __always_inline bool seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

static __always_inline __u32 window_slack(const struct dt_flow *f, __u32 window)
{
	if (f->flags & DT_FLOW_PLAIN)
		return 0;
	return window > WINDOW_SHARED_MIN ? window : WINDOW_SHARED_MIN;
}

static __always_inline bool window_holds(const struct dt_flow *f, const struct packet *p)
{
	__u32 slack = window_slack(f, f->peer_window);

	/* unsigned: too high and too low in one comparison */
	if (f->peer_bound + slack - p->seq > 2 * (slack + f->peer_window) + WINDOW_BACK + p->payload)
		return false;
	/* of an RST the acknowledgement says nothing (RFC 5961, section 3.2) */
	if ((p->flags & (TCP_ACK | TCP_RST)) != TCP_ACK)
		return true;
	return f->peer_end - p->ack <= 2 * f->window + window_slack(f, f->window) + WINDOW_BACK;
}

static __noinline bool window_look_again(struct dt_flow *f, const struct packet *p)
{
	struct dt_flow *peer;

	if (!f || !p)
		return false;
	peer = peer_lookup(f);
	if (!peer)
		return false;
	f->peer_end = peer->end;
	f->peer_bound = peer->bound;
	f->peer_window = peer->window;
	return window_holds(f, p);
}

static __always_inline bool window_admits(struct dt_flow *f, const struct packet *p)
{
	return window_holds(f, p) || window_look_again(f, p);
}

/* A SYN of the client's, which may be another than the last. */
static __always_inline void window_begin(struct dt_flow *up, const struct packet *p)
{
	up->start = p->seq + 1;
	up->end = up->start + p->payload;
	up->window = p->window ? p->window : 1;
	up->wscale = p->wscale;
}

/* Does the acknowledgement of a half-open flow's answer fit its SYN? */
static __always_inline bool window_answers(const struct dt_flow *up, const struct packet *p)
{
	return p->flags & TCP_ACK && p->ack - up->start <= up->end - up->start;
}

/* The SYN-ACK. */
static __always_inline void window_open(struct dt_flow *down, struct dt_flow *up, const struct packet *p)
{
	bool scaled = up->wscale <= WSCALE_MAX && p->wscale <= WSCALE_MAX;

	down->start = p->seq + 1;
	down->end = down->start + p->payload;
	down->acked = p->ack;
	down->bound = p->ack + p->window;
	down->window = p->window ? p->window : 1;
	down->wscale = scaled ? p->wscale : 0;
	up->wscale = scaled ? up->wscale : 0;
	up->acked = p->seq;
	up->bound = down->start + up->window;
	down->peer_end = up->end;
	down->peer_bound = up->bound;
	down->peer_window = up->window;
	up->peer_end = down->end;
	up->peer_bound = down->bound;
	up->peer_window = down->window;
}

/* Both sides have closed once each other's FIN is acknowledged; data beyond a FIN says that it was none. */
static __noinline int window_fin(struct dt_flow *f, const struct packet *p)
{
	struct dt_flow *peer;
	__u32 end;

	if (!f || !p)
		return -1;
	end = p->seq + p->payload;
	if (p->flags & TCP_FIN) {
		f->fin_end = end + 1;
		__sync_fetch_and_or(&f->flags, DT_FLOW_FIN);
	} else if (seq_after(end, f->fin_end)) {
		__sync_fetch_and_and(&f->flags, ~DT_FLOW_FIN);
		return 0;
	}
	peer = peer_lookup(f);
	if (!peer || !(peer->flags & DT_FLOW_FIN))
		return 0;
	if (f->acked == peer->fin_end && peer->acked == f->fin_end)
		flow_change(f, DT_FLOW_ESTABLISHED, DT_FLOW_CLOSING, p->now);
	return 0;
}

/* Takes note of a segment that is forwarded. */
static __always_inline void window_note(struct dt_flow *f, const struct packet *p)
{
	__u32 end = p->seq + p->payload + (p->flags & TCP_FIN), window;

	if (p->flags & (TCP_SYN | TCP_RST))
		return;
	if (seq_after(end, f->end))
		f->end = end;
	if (p->flags & TCP_ACK) {
		window = (__u32)p->window << (f->wscale & 15);
		if (seq_after(p->ack, f->acked))
			f->acked = p->ack;
		if (seq_after(p->ack + window, f->bound))
			f->bound = p->ack + window;
		if (window > DT_FLOW_WINDOW_MAX)
			window = DT_FLOW_WINDOW_MAX;
		if (window > f->window)
			f->window = window;
	}
	if (p->flags & TCP_FIN || f->flags & DT_FLOW_FIN)
		window_fin(f, p);
}

#endif
