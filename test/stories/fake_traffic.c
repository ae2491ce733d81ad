/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What moves on sockets, and how the path manager sees it: sock_diag, pulses, and segments of its own. Each socket has a
 * rate in either direction, which a story sets; what moved is counted when somebody looks.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define SEGMENT 1448.0
#define RTO_NS (250 * DT_MS)
/* Without acknowledgements a window is sent, no more. */
#define WINDOW 65536.0
/* What looking at one socket takes. */
#define LOOK_NS 400

void sock_settle(struct sock *s)
{
	double seconds = (double)(world_now() - s->updated_ns) / DT_SEC;

	s->updated_ns = world_now();
	if (s->state != BPF_TCP_ESTABLISHED || (!s->down_bps && !s->up_bps))
		return;
	if (!sock_is_alive(s) || s->loses)
		s->stalled = true; /* until it, or the server, sends anew */
	if (!s->stalled) {
		s->received += (double)s->down_bps / 8 * seconds;
		s->acked += (double)s->up_bps / 8 * seconds;
		return;
	}
	s->stuck += (double)s->up_bps / 8 * seconds;
	if (s->stuck > WINDOW)
		s->stuck = WINDOW;
}

void socks_settle(void)
{
	for (struct sock *s = world.socks; s; s = s->hh.next)
		sock_settle(s);
}

/* --- sock_diag --------------------------------------------------------------------------------- */

static struct dt_tcp_sample sample_of(struct sock *s)
{
	sock_settle(s);
	return (struct dt_tcp_sample){.local = s->local,
				      .remote = s->remote,
				      .state = s->state,
				      .mptcp = true,
				      .srtt_us = (uint32_t)(sock_rtt_ns(s) / DT_US),
				      .retransmits = s->rtos,
				      .backoff = (uint8_t)s->backoff,
				      .bytes_acked = (uint64_t)s->acked,
				      .bytes_received = (uint64_t)s->received};
}

int dt_sock_diag_get(struct dt_netlink *nl, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		     uint32_t device, struct dt_tcp_sample *out)
{
	struct sock *s = sock_find(local, remote);

	if (!s || s->connection->device != device)
		return -ENOENT;
	*out = sample_of(s);
	return 0;
}

int dt_sock_diag_dump(struct dt_netlink *nl, dt_tcp_sample_fn fn, void *data)
{
	int err = 0;

	for (struct sock *s = world.socks; err == 0 && s; s = s->hh.next) {
		struct dt_tcp_sample sample = sample_of(s);

		err = fn(&sample, data);
	}
	for (size_t i = 0; err == 0 && i < world.nothers; i++)
		err = fn(&world.others[i], data);
	return err;
}

int dt_sock_diag_dump_closing(struct dt_netlink *nl, dt_tcp_sample_fn fn, void *data)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < world.nclosing; i++)
		err = fn(&world.closing[i], data);
	return err;
}

/* --- pulses ------------------------------------------------------------------------------------ */

struct dt_pulse_reader {
	int unused;
};

int dt_pulse_reader_open(struct dt_pulse_reader **out, int answers)
{
	if (world.no_pulse)
		return -EPERM;
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void dt_pulse_reader_close(struct dt_pulse_reader *r)
{
	free(r);
}

struct dt_answers {
	int unused;
};

int dt_answers_open(struct dt_answers **out)
{
	if (world.no_answers)
		return -EPERM;
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void dt_answers_close(struct dt_answers *a)
{
	free(a);
}

int dt_answers_fd(const struct dt_answers *a)
{
	return 0;
}

void dt_answers_expect(struct dt_answers *a, const struct dt_subflow_key *key, uint32_t seq)
{
}

void dt_answers_rest(struct dt_answers *a)
{
}

/* What one subflow should have brought is missing, and another one brings more. */
static bool data_is_missing(const struct connection *c)
{
	bool stalled = false, moving = false;

	for (const struct sock *s = c->socks; s; s = s->next) {
		stalled = stalled || (s->down_bps && s->stalled);
		moving = moving || (s->down_bps && !s->stalled);
	}
	return stalled && moving;
}

static void pulse_fill(struct dt_pulse *p, struct sock *s)
{
	sock_settle(s);
	p->state = s->state;
	p->srtt_us = (uint32_t)(sock_rtt_ns(s) / DT_US);
	p->rttvar_us = p->srtt_us / 8;
	p->data_segs_in = (uint32_t)(s->received / SEGMENT);
	p->segs_in = 2 + p->data_segs_in + (uint32_t)(s->acked / SEGMENT / 2) + s->probes_answered;
	p->data_segs_out = (uint32_t)((s->acked + s->stuck) / SEGMENT) + s->rtos;
	p->delivered = (uint32_t)(s->acked / SEGMENT);
	p->packets_out = s->up_bps || s->stuck > 0 ? 10 : 0;
	p->snd_una = (uint32_t)s->acked;
	p->rcv_nxt = (uint32_t)s->received;
	p->bytes_received = s->received;
	p->bytes_acked = s->acked;
	p->timestamps = 1;
	p->data_hole = data_is_missing(s->connection);
}

/* The path manager looks the more seldom, the longer it takes. */
int dt_pulse_read(struct dt_pulse_reader *r, struct dt_pulse *pulses, size_t count)
{
	world_spend(count * LOOK_NS);
	world.looks++;
	for (size_t i = 0; i < count; i++) {
		struct sock *s;

		HASH_FIND(hh, world.socks, &pulses[i].key, sizeof(pulses[i].key), s);
		pulses[i].state = 0;
		if (s && s->connection->device == pulses[i].device)
			pulse_fill(&pulses[i], s);
	}
	return 0;
}

/* --- probes ------------------------------------------------------------------------------------ */

int dt_tcp_prober_open(struct dt_tcp_prober *p)
{
	*p = (struct dt_tcp_prober){.fd4 = -1, .fd6 = -1};
	return world.no_prober ? -EPERM : 0;
}

void dt_tcp_prober_close(struct dt_tcp_prober *p)
{
	*p = (struct dt_tcp_prober){.fd4 = -1, .fd6 = -1};
}

static void probe_answered(void *data)
{
	struct sock *s = sock_of(data);

	free(data);
	if (s && sock_is_alive(s))
		s->probes_answered++;
}

int dt_tcp_prober_send(const struct dt_tcp_prober *p, const struct dt_tcp_probe *probe)
{
	const struct sock *s = sock_find(&probe->local, &probe->remote);
	char via[48];

	world.probes++;
	if (!s)
		return 0;
	tell("> probe %s connection=%u", sock_via(s, via), s->connection->number);
	if (sock_is_alive(s))
		world_after(sock_rtt_ns(s), probe_answered, sock_ref(s));
	return 0;
}

/* --- time-outs of whoever sends --------------------------------------------------------------- */

static void rto_due(void *data);

static void rto_arm(struct sock *s, unsigned step)
{
	struct sock_ref *ref = sock_ref(s);

	ref->step = step;
	world_after(RTO_NS << step, rto_due, ref);
}

static void rto_due(void *data)
{
	struct sock *s = sock_of(data);
	unsigned step = ((struct sock_ref *)data)->step;

	free(data);
	if (!s)
		return;
	sock_settle(s);
	if (!s->down_bps && !s->up_bps) {
		s->watched = s->stalled = false;
		return;
	}
	if (s->stalled && sock_is_alive(s) && !s->loses) { /* what is sent now comes through */
		s->stalled = false;
		s->acked += s->stuck;
		s->stuck = 0;
		s->backoff = 0;
	}
	if (!s->stalled) {
		rto_arm(s, 0);
		return;
	}
	if (s->up_bps) {
		s->rtos++;
		s->backoff++;
		track_note(s, DT_SUBFLOW_TIMED_OUT);
	}
	rto_arm(s, step < 6 ? step + 1 : step);
}

void sock_flow(struct sock *s, uint64_t down_bps, uint64_t up_bps)
{
	bool wakes = !s->up_bps && up_bps; /* told at a round trip's measurement, which a receiver has none of */

	sock_settle(s);
	s->down_bps = down_bps;
	s->up_bps = up_bps;
	if (wakes)
		track_note(s, DT_SUBFLOW_AWOKE);
	if ((down_bps || up_bps) && !s->watched) {
		s->watched = true;
		rto_arm(s, 0);
	}
}
