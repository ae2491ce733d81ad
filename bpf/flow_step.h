/* SPDX-License-Identifier: GPL-2.0-only */
/* What a segment of a flow may be, by the flow's state, and how it changes that state. */
#ifndef DETOURD_BPF_FLOW_STEP_H
#define DETOURD_BPF_FLOW_STEP_H

#include "window.h"

#define SYN_AGAIN_UNITS 477 /* half a second */

/* Is a segment with SYN the client's SYN, or the server's SYN-ACK? */
static __always_inline bool opens(const struct packet *p, bool from_client)
{
	return !(p->flags & TCP_FIN) && from_client == !(p->flags & TCP_ACK);
}

/* The MP_JOIN gate: without plain-tcp a SYN and its answer must carry MP_JOIN. */
static __always_inline bool passes_gate(const struct dt_flow *f, const struct packet *p)
{
	return f->flags & DT_FLOW_PLAIN || p->join_len == (is_up(f) ? MP_JOIN_SYN_LEN : MP_JOIN_SYNACK_LEN);
}

/* Ends the flow by an RST. */
static __always_inline void reset(struct dt_flow *f, __u32 state, __u64 now)
{
	__sync_fetch_and_or(&f->flags, DT_FLOW_RESET);
	flow_change(f, state, DT_FLOW_CLOSING, now);
}

/*
 * An RST of a half-open flow, as flow_step(). The server may disregard it and answer the SYN nevertheless. The gate did not
 * see that answer: nothing more of this flow is forwarded.
 */
static __always_inline int handshake_reset(struct dt_flow *f, struct dt_flow *peer, const struct dt_flow *up,
					   const struct packet *p)
{
	if (is_up(f) && p->payload)
		return DT_NAT_DROP_SYN_DATA;
	if (is_up(f) ? p->seq - (up->start - 1) > up->end - up->start + 1 : !window_answers(up, p))
		return DT_NAT_DROP_WINDOW;
	__sync_fetch_and_or(&f->flags, DT_FLOW_NO_ANSWER);
	__sync_fetch_and_or(&peer->flags, DT_FLOW_NO_ANSWER);
	reset(f, DT_FLOW_HALF_OPEN, p->now);
	return 0;
}

/* The server's answer to the SYN. As flow_step(). */
static __always_inline int syn_ack_step(struct dt_flow *f, struct dt_flow *up, const struct packet *p)
{
	if (!window_answers(up, p))
		return DT_NAT_DROP_WINDOW;
	if (!passes_gate(f, p)) {
		struct dt_flow_key key = p->key; /* see VERIFIED_ONCE */

		/* the source port is free again; the up entry stays, so that the host tells the client */
		if (flow_change(f, DT_FLOW_HALF_OPEN, DT_FLOW_REFUSED, p->now) == 0)
			bpf_map_delete_elem(&flows, &key);
		return DT_NAT_PASS_REFUSED;
	}
	window_open(f, up, p);
	flow_change(f, DT_FLOW_HALF_OPEN, DT_FLOW_ESTABLISHED, p->now);
	return 0;
}

/* A segment of a half-open flow. As flow_step(). */
static __always_inline int handshake_step(struct dt_flow *f, const struct packet *p)
{
	struct dt_flow *peer = peer_lookup(f), *up = is_up(f) ? f : peer;

	if (!peer)
		return DT_NAT_DROP_ERROR;
	if (p->flags & TCP_RST)
		return handshake_reset(f, peer, up, p);
	if (!(p->flags & TCP_SYN) || !opens(p, is_up(f)))
		return DT_NAT_DROP_GATE_STATE;
	if (!is_up(f))
		return syn_ack_step(f, up, p);
	if (!passes_gate(f, p))
		return DT_NAT_DROP_GATE_SYN;
	if (p->payload)
		return DT_NAT_DROP_SYN_DATA;
	window_begin(f, p);
	return 0;
}

/*
 * An RST of an established flow, as flow_step(). Inside the window it ends the flow only if it is the receiver's next
 * byte: then the receiver accepts it at once. Any other RST is answered by a challenge ACK, and the true sender resets
 * again (RFC 5961, section 3.2).
 */
static __always_inline int reset_step(struct dt_flow *f, const struct packet *p)
{
	struct dt_flow *peer = peer_lookup(f);

	if (!peer)
		return DT_NAT_DROP_ERROR;
	if (!window_admits(f, p))
		return DT_NAT_DROP_WINDOW;
	if (p->seq == f->end || p->seq == peer->acked)
		reset(f, DT_FLOW_ESTABLISHED, p->now);
	return 0;
}

/*
 * May a SYN of an established flow be forwarded? The server answers it by a challenge ACK, whatever its sequence number is
 * (RFC 5961, section 4.2): so a client that lost the SYN-ACK, or started anew, goes on. But anyone can send one, and it
 * costs the flow nothing, so there is one each half second. That is what Linux limits its challenge ACKs to.
 */
static __always_inline bool syn_due(struct dt_flow *f, __u64 now)
{
	__u32 units = now >> UNIT_SHIFT;

	if (units - f->syn_again < SYN_AGAIN_UNITS)
		return false;
	f->syn_again = units;
	return true;
}

/* A SYN or SYN-ACK of an established flow. As flow_step(). */
static __always_inline int syn_again_step(struct dt_flow *f, const struct packet *p)
{
	if (!opens(p, is_up(f)))
		return DT_NAT_DROP_GATE_STATE;
	if (!passes_gate(f, p))
		return is_up(f) ? DT_NAT_DROP_GATE_SYN : DT_NAT_DROP_GATE_STATE;
	if (is_up(f))
		return p->payload ? DT_NAT_DROP_SYN_DATA : syn_due(f, p->now) ? 0 : DT_NAT_DROP_WINDOW;
	return window_admits(f, p) ? 0 : DT_NAT_DROP_WINDOW;
}

/*
 * A segment with SYN or RST, or one of a flow that is not established. 0: it is forwarded; else the counter of why not.
 * What is neither goes through window_admits() alone.
 */
VERIFIED_ONCE int flow_step(struct dt_flow *f, const struct packet *p)
{
	if (!f || !p)
		return DT_NAT_DROP_ERROR;
	if (f->state == DT_FLOW_REFUSED)
		return DT_NAT_PASS_REFUSED;
	if (f->state == DT_FLOW_HALF_OPEN)
		return handshake_step(f, p);
	if (f->flags & DT_FLOW_NO_ANSWER)
		return DT_NAT_DROP_GATE_STATE;
	if (p->flags & TCP_RST)
		return reset_step(f, p);
	if (p->flags & TCP_SYN)
		return syn_again_step(f, p);
	return window_admits(f, p) ? 0 : DT_NAT_DROP_WINDOW;
}

#endif
