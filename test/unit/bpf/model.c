/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bpf/model.h"

#include <string.h>

#define RESTART_NS 5000000000LL
#define SLACK_MIN (1 << 20)
#define BACK 65536
#define SYN_AGAIN_NS 500000000LL
#define NEVER (INT64_MIN / 4)

static int64_t after(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

static unsigned usual_wscale(const struct packet_spec *s)
{
	return s->options == OPT_JOIN_SYN || s->options == OPT_JOIN_SYNACK ? 7 : WSCALE_ABSENT;
}

static bool joins(const struct packet_spec *s)
{
	return s->options == (s->flags & ACK ? OPT_JOIN_SYNACK : OPT_JOIN_SYN);
}

struct model_flow *model_find(struct model *m, const struct model_packet *p)
{
	for (struct model_flow *f = m->flows; f < m->flows + MODEL_FLOWS; f++) {
		if (!f->is_there)
			continue;
		if (p->dir == DT_DIR_UP && f->client == p->client && f->sport == p->sport && f->lease == p->lease)
			return f;
		if (p->dir == DT_DIR_DOWN && f->state != DT_FLOW_REFUSED && f->server == p->server &&
		    f->source == p->source)
			return f;
	}
	return NULL;
}

int64_t model_end(const struct model *m, const struct model_flow *f)
{
	int64_t seen = f->side[0].seen_ns > f->side[1].seen_ns ? f->side[0].seen_ns : f->side[1].seen_ns;

	switch (f->state) {
	case DT_FLOW_HALF_OPEN:
	case DT_FLOW_REFUSED:
		return f->changed_ns + m->half_open_ns;
	case DT_FLOW_ESTABLISHED:
		return seen + (f->side[0].fin && f->side[1].fin ? m->closing_ns : m->idle_ns);
	case DT_FLOW_CLOSING:
		return f->changed_ns + m->closing_ns;
	case DT_FLOW_ENDED:
		break;
	}
	return f->changed_ns;
}

static bool is_near(int64_t a, int64_t b)
{
	return a - b < MODEL_MARGIN_NS && b - a < MODEL_MARGIN_NS;
}

bool model_is_close(const struct model *m, const struct model_packet *p, int64_t now_ns)
{
	const struct model_flow *f = model_find((struct model *)m, p);

	if (!f)
		return false;
	if (f->state == DT_FLOW_ESTABLISHED && p->dir == DT_DIR_UP && p->spec->flags & SYN &&
	    is_near(f->syn_again_ns + SYN_AGAIN_NS, now_ns))
		return true;
	/* an ended flow is over at once, and may start again for as long as any other flow */
	return (f->state != DT_FLOW_ENDED && is_near(model_end(m, f), now_ns)) ||
	       is_near(model_end(m, f) + RESTART_NS, now_ns);
}

/* --- windows ------------------------------------------------------------------------------------- */

static int64_t slack(const struct model_flow *f, uint32_t window)
{
	if (f->plain)
		return 0;
	return window > SLACK_MIN ? window : SLACK_MIN;
}

static bool fits(const struct model_flow *f, const struct model_side *s, const struct packet_spec *p)
{
	int64_t beyond = after(p->seq, s->other_bound), behind = -after(p->seq + p->payload, s->other_bound);
	int64_t more = slack(f, s->other_window), unsent, old;

	if (beyond > more || behind > more + 2 * (int64_t)s->other_window + BACK)
		return false;
	if (!(p->flags & ACK) || p->flags & RST)
		return true;
	unsent = after(p->ack, s->other_end);
	old = -unsent;
	return unsent <= 0 && old <= 2 * (int64_t)s->window + slack(f, s->window) + BACK;
}

static bool admits(struct model_flow *f, enum dt_flow_dir dir, const struct packet_spec *p)
{
	struct model_side *s = &f->side[dir], *other = &f->side[!dir];

	if (fits(f, s, p))
		return true;
	s->other_end = other->end;
	s->other_bound = other->bound;
	s->other_window = other->window;
	return fits(f, s, p);
}

static void side_begin(struct model_side *up, const struct packet_spec *p)
{
	up->start = p->seq + 1;
	up->end = p->seq + 1 + p->payload;
	up->window = p->window ? p->window : 1;
	up->wscale = usual_wscale(p);
}

static void sides_open(struct model_flow *f, const struct packet_spec *p)
{
	struct model_side *up = &f->side[DT_DIR_UP], *down = &f->side[DT_DIR_DOWN];

	down->wscale = usual_wscale(p);
	if (up->wscale == WSCALE_ABSENT || down->wscale == WSCALE_ABSENT)
		up->wscale = down->wscale = 0;
	down->start = p->seq + 1;
	down->end = down->start + p->payload;
	down->acked = p->ack;
	down->window = p->window ? p->window : 1;
	down->bound = p->ack + p->window;
	up->acked = p->seq;
	up->bound = p->seq + 1 + up->window;
	for (int i = 0; i < 2; i++) {
		f->side[i].other_end = f->side[!i].end;
		f->side[i].other_bound = f->side[!i].bound;
		f->side[i].other_window = f->side[!i].window;
	}
}

static void change(struct model_flow *f, enum dt_flow_state to, int64_t now_ns)
{
	f->state = to;
	f->changed_ns = now_ns;
}

static void note(struct model_flow *f, enum dt_flow_dir dir, const struct packet_spec *p, int64_t now_ns)
{
	struct model_side *s = &f->side[dir], *other = &f->side[!dir];
	uint32_t end = p->seq + p->payload, window;

	/* anyone can send a SYN to an established flow */
	if (f->state != DT_FLOW_ESTABLISHED || (p->flags & (SYN | ACK | RST)) != SYN)
		s->seen_ns = now_ns;
	if (p->flags & (SYN | RST))
		return;
	if (after(end + !!(p->flags & FIN), s->end) > 0)
		s->end = end + !!(p->flags & FIN);
	if (p->flags & ACK) {
		window = (uint32_t)p->window << (s->wscale == WSCALE_ABSENT ? 0 : s->wscale);
		if (after(p->ack, s->acked) > 0)
			s->acked = p->ack;
		if (after(p->ack + window, s->bound) > 0)
			s->bound = p->ack + window;
		if (window > s->window)
			s->window = window;
	}
	if (p->flags & FIN) {
		s->fin = true;
		s->fin_end = end + 1;
	} else if (s->fin && after(end, s->fin_end) > 0) {
		s->fin = false;
	}
	if (s->fin && other->fin && s->acked == other->fin_end && other->acked == s->fin_end &&
	    f->state == DT_FLOW_ESTABLISHED)
		change(f, DT_FLOW_CLOSING, now_ns);
}

/* --- the start of a flow ------------------------------------------------------------------------- */

static void quotas(const struct model *m, unsigned client, unsigned *live, unsigned *half_open, unsigned *all)
{
	*live = *half_open = *all = 0;
	for (const struct model_flow *f = m->flows; f < m->flows + MODEL_FLOWS; f++) {
		if (!f->is_there || f->state == DT_FLOW_ENDED)
			continue;
		(*all)++;
		*live += f->client == client;
		*half_open += f->client == client && f->state == DT_FLOW_HALF_OPEN;
	}
}

static bool sources_are_taken(const struct model *m, unsigned server)
{
	unsigned taken = 0;

	for (const struct model_flow *f = m->flows; f < m->flows + MODEL_FLOWS; f++)
		taken += f->is_there && f->server == server && f->state != DT_FLOW_REFUSED;
	return taken >= MODEL_SOURCES;
}

/* Starts a flow. 0, or the counter of why not. */
static unsigned start(struct model *m, const struct model_packet *p, struct model_flow **flow, int64_t now_ns)
{
	const struct model_lease *lease = &m->leases[p->client][p->lease];
	const struct model_client *client = &m->clients[p->client];
	struct model_flow *f = *flow;
	unsigned live, half_open, all;

	if (m->daemon_away)
		return DT_NAT_DROP_NO_DAEMON;
	if (!lease->is_there || lease->is_over)
		return DT_NAT_DROP_NO_LEASE;
	if (!client->is_there)
		return DT_NAT_DROP_REVOKED;
	if (!client->plain && !joins(p->spec))
		return DT_NAT_DROP_GATE_SYN;
	if (p->spec->payload)
		return DT_NAT_DROP_SYN_DATA;
	if (client->denied[lease->server])
		return DT_NAT_DROP_DESTINATION;
	if (p->spec->hops <= 1)
		return DT_NAT_DROP_TTL;
	if (f && f->server != lease->server)
		return DT_NAT_DROP_STALE;
	if (f && f->state != DT_FLOW_ENDED)
		change(f, DT_FLOW_ENDED, now_ns);
	quotas(m, p->client, &live, &half_open, &all);
	if (live >= client->max_flows)
		return DT_NAT_DROP_MAX_FLOWS;
	if (half_open >= client->max_half_open)
		return DT_NAT_DROP_HALF_OPEN;
	if (all >= m->max_flows)
		return DT_NAT_DROP_MAX_FLOWS;
	if (!f) {
		if (sources_are_taken(m, lease->server))
			return DT_NAT_DROP_NO_PORT;
		for (f = m->flows; f->is_there; f++)
			;
		memset(f, 0, sizeof(*f));
		*f = (struct model_flow){.is_there = true,
					 .client = p->client,
					 .sport = p->sport,
					 .lease = p->lease,
					 .server = lease->server,
					 .syn_again_ns = NEVER};
	}
	f->plain = client->plain;
	f->no_answer = false;
	f->reset[0] = f->reset[1] = f->side[0].fin = f->side[1].fin = false;
	f->side[0].seen_ns = f->side[1].seen_ns = now_ns;
	change(f, DT_FLOW_HALF_OPEN, now_ns);
	side_begin(&f->side[DT_DIR_UP], p->spec);
	m->counters[DT_NAT_FLOWS_STARTED]++;
	*flow = f;
	return 0;
}

/* --- the life of a flow -------------------------------------------------------------------------- */

static bool answers(const struct model_side *up, const struct packet_spec *p)
{
	return p->flags & ACK && after(p->ack, up->start) >= 0 && after(p->ack, up->end) <= 0;
}

static unsigned handshake(struct model_flow *f, enum dt_flow_dir dir, const struct packet_spec *p, int64_t now_ns)
{
	struct model_side *up = &f->side[DT_DIR_UP];

	if (p->flags & RST) {
		if (dir == DT_DIR_UP && p->payload)
			return DT_NAT_DROP_SYN_DATA;
		if (dir == DT_DIR_UP ? after(p->seq, up->start - 1) < 0 || after(p->seq, up->end) > 0 : !answers(up, p))
			return DT_NAT_DROP_WINDOW;
		f->reset[dir] = f->no_answer = true;
		change(f, DT_FLOW_CLOSING, now_ns);
		return 0;
	}
	if ((p->flags & (SYN | FIN | ACK)) != (dir == DT_DIR_UP ? SYN : SYN | ACK))
		return DT_NAT_DROP_GATE_STATE;
	if (dir == DT_DIR_UP) {
		if (!f->plain && !joins(p))
			return DT_NAT_DROP_GATE_SYN;
		if (p->payload)
			return DT_NAT_DROP_SYN_DATA;
		side_begin(up, p);
		return 0;
	}
	if (!answers(up, p))
		return DT_NAT_DROP_WINDOW;
	if (!f->plain && !joins(p)) {
		change(f, DT_FLOW_REFUSED, now_ns);
		return DT_NAT_PASS_REFUSED;
	}
	sides_open(f, p);
	change(f, DT_FLOW_ESTABLISHED, now_ns);
	return 0;
}

/* Anyone can send a SYN to an established flow: one each half second is forwarded. */
static unsigned syn_again(struct model_flow *f, const struct packet_spec *p, int64_t now_ns)
{
	if (p->payload)
		return DT_NAT_DROP_SYN_DATA;
	if (now_ns - f->syn_again_ns < SYN_AGAIN_NS)
		return DT_NAT_DROP_WINDOW;
	f->syn_again_ns = now_ns;
	return 0;
}

static unsigned life(struct model_flow *f, enum dt_flow_dir dir, const struct packet_spec *p, int64_t now_ns)
{
	if (f->state == DT_FLOW_REFUSED)
		return DT_NAT_PASS_REFUSED;
	if (f->state == DT_FLOW_HALF_OPEN)
		return handshake(f, dir, p, now_ns);
	if (f->no_answer)
		return DT_NAT_DROP_GATE_STATE;
	if (p->flags & RST) {
		if (!admits(f, dir, p))
			return DT_NAT_DROP_WINDOW;
		if (p->seq == f->side[dir].end || p->seq == f->side[!dir].acked) {
			f->reset[dir] = true;
			if (f->state == DT_FLOW_ESTABLISHED)
				change(f, DT_FLOW_CLOSING, now_ns);
		}
		return 0;
	}
	if (p->flags & SYN) {
		if ((p->flags & (SYN | FIN | ACK)) != (dir == DT_DIR_UP ? SYN : SYN | ACK))
			return DT_NAT_DROP_GATE_STATE;
		if (!f->plain && !joins(p))
			return dir == DT_DIR_UP ? DT_NAT_DROP_GATE_SYN : DT_NAT_DROP_GATE_STATE;
		if (dir == DT_DIR_UP)
			return syn_again(f, p, now_ns);
	}
	return admits(f, dir, p) ? 0 : DT_NAT_DROP_WINDOW;
}

static enum model_fate fate_of(unsigned counter)
{
	switch (counter) {
	case DT_NAT_PASS_NO_FLOW:
	case DT_NAT_PASS_REFUSED:
	case DT_NAT_PASS_EXPIRED:
	case DT_NAT_PASS_DEAD:
		return MODEL_PASS;
	case DT_NAT_DROP_TTL:
	case DT_NAT_DROP_TOO_BIG:
		return MODEL_ANSWER;
	default:
		return MODEL_DROP;
	}
}

static unsigned outcome(struct model *m, const struct model_packet *p, int64_t now_ns, struct model_flow **flow)
{
	const struct packet_spec *s = p->spec;
	bool syn = (s->flags & (SYN | ACK | RST | FIN)) == SYN, over;
	struct model_flow *f = *flow = model_find(m, p);
	unsigned counter, headers = s->family == 4 ? 20 : 40;

	if (m->daemon_dead)
		return DT_NAT_PASS_DEAD;
	over = f && now_ns > model_end(m, f);
	if (!f || over || (f->state >= DT_FLOW_CLOSING && syn && p->dir == DT_DIR_UP)) {
		if (!syn || (f && p->dir == DT_DIR_DOWN))
			return f ? DT_NAT_PASS_EXPIRED : DT_NAT_PASS_NO_FLOW;
		if (!f && p->dir == DT_DIR_DOWN)
			return DT_NAT_PASS_NO_FLOW;
		if (f && f->state == DT_FLOW_REFUSED)
			return over ? DT_NAT_DROP_STALE : DT_NAT_PASS_REFUSED;
		if (f && now_ns > model_end(m, f) + RESTART_NS)
			return DT_NAT_DROP_STALE;
		counter = start(m, p, flow, now_ns);
		if (counter)
			return counter;
		f = *flow;
	} else {
		counter = life(f, p->dir, s, now_ns);
		if (counter)
			return counter;
		if (s->hops <= 1)
			return DT_NAT_DROP_TTL;
	}
	if (headers + packet_tcp_len(s) + s->payload > MODEL_MTU)
		return DT_NAT_DROP_TOO_BIG;
	note(f, p->dir, s, now_ns);
	return p->dir == DT_DIR_UP ? DT_NAT_FORWARDED_UP : DT_NAT_FORWARDED_DOWN;
}

enum model_fate model_run(struct model *m, const struct model_packet *p, int64_t now_ns, unsigned *counter,
			  struct model_flow **flow)
{
	*counter = outcome(m, p, now_ns, flow);
	m->counters[*counter]++;
	return *counter <= DT_NAT_FORWARDED_DOWN ? MODEL_FORWARD : fate_of(*counter);
}
