/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which segments belong to a flow, by their sequence numbers. The rules are conntrack's (van Rooij, "Real Stateful TCP
 * Packet Filtering"), with one difference: each entry is written by packets of its own direction only. An entry keeps a
 * copy of what it must know of the other one, and copies it again before it refuses a segment. So most packets need one
 * look-up, not two.
 */
#ifndef DETOURD_BPF_WINDOW_H
#define DETOURD_BPF_WINDOW_H

#include "flow.h"
#include "options.h"

/* How many bytes late a reordered acknowledgement or retransmission may be, even if windows are small. */
#define WINDOW_BACK 65536
/*
 * A subflow's window is that of the MPTCP connection (RFC 8684, section 3.3.1). Another subflow may have announced a wider
 * one than was seen on this one, so at least this much is added.
 */
#define WINDOW_SHARED_MIN (1U << 20)

/* Sequence numbers wrap. */
static __always_inline bool seq_after(__u32 a, __u32 b)
{
	return (__s32)(a - b) > 0;
}

/* How far beyond this window a segment may lie. */
static __always_inline __u32 window_slack(const struct dt_flow *f, __u32 window)
{
	if (f->flags & DT_FLOW_PLAIN)
		return 0;
	return window > WINDOW_SHARED_MIN ? window : WINDOW_SHARED_MIN;
}

/* Is the segment inside the window, by the entry's copy of the other one? */
static __always_inline bool window_holds(const struct dt_flow *f, const struct packet *p)
{
	__u32 slack = window_slack(f, f->peer_window);

	/* unsigned: one comparison for too high and too low */
	if (f->peer_bound + slack - p->seq > 2 * (slack + f->peer_window) + WINDOW_BACK + p->payload)
		return false;
	/* an RST's acknowledgement number is not checked (RFC 5961, section 3.2) */
	if ((p->flags & (TCP_ACK | TCP_RST)) != TCP_ACK)
		return true;
	return f->peer_end - p->ack <= 2 * f->window + window_slack(f, f->window) + WINDOW_BACK;
}

/* As window_holds(), with a fresh copy of the other entry. */
VERIFIED_ONCE bool window_look_again(struct dt_flow *f, const struct packet *p)
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

/* The client's SYN; it may differ from the one before. */
static __always_inline void window_begin(struct dt_flow *up, const struct packet *p)
{
	up->start = p->seq + 1;
	up->end = up->start + p->payload;
	up->window = p->window ? p->window : 1;
	up->wscale = p->wscale;
}

/* Does this answer acknowledge the SYN of a half-open flow? */
static __always_inline bool window_answers(const struct dt_flow *up, const struct packet *p)
{
	return p->flags & TCP_ACK && p->ack - up->start <= up->end - up->start;
}

/* The server's SYN-ACK. */
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

/*
 * A segment with FIN, or one of a direction in which a FIN was seen. Data beyond that FIN shows that it was forged. The
 * flow closes once both FINs are acknowledged.
 */
VERIFIED_ONCE int window_fin(struct dt_flow *f, const struct packet *p)
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

/* Notes what a forwarded segment says of the windows. */
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
