/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/arrivals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/hash.h"
#include "base/clock.h"
#include "base/minmax.h"

/* A socket counts as moving for this long after its byte counts last grew. */
#define MOVING_NS (10 * DT_SEC)

struct socket_entry {
	struct dt_subflow_key tuple;
	uint32_t device; /* index of the device that it is bound to; 0: none */
	struct dt_arrival arrival;
	uint64_t sampled_ns; /* 0: never */
	unsigned sweep;	     /* number of the last sweep that saw it */
	struct dt_moved *sum;
	bool older; /* than this run of the daemon: what it had moved before its first sample does not count */
	bool moving;
	struct socket_entry *prev, *next; /* in the list of moving ones */
	UT_hash_handle hh;
};

struct dt_arrivals {
	struct dt_pulse_reader *pulses; /* NULL: none */
	struct dt_netlink *diag;
	const struct dt_track *track;
	struct socket_entry *sockets;
	struct socket_entry *moving;
	unsigned moving_count;
	struct dt_moved *direct;
	unsigned sweep; /* 0: before the first is over */
};

static struct socket_entry *entry_find(const struct dt_arrivals *a, const struct dt_subflow_key *tuple)
{
	struct socket_entry *e;

	HASH_FIND(hh, a->sockets, tuple, sizeof(*tuple), e);
	return e;
}

static void moving_set(struct dt_arrivals *a, struct socket_entry *e, bool moving)
{
	if (e->moving == moving)
		return;
	e->moving = moving;
	if (moving) {
		DL_APPEND(a->moving, e);
		a->moving_count++;
	} else {
		DL_DELETE(a->moving, e);
		a->moving_count--;
	}
}

static void entry_free(struct dt_arrivals *a, struct socket_entry *e)
{
	moving_set(a, e, false);
	HASH_DELETE(hh, a->sockets, e);
	free(e);
}

/* A count that has become smaller is that of a new socket with the same four-tuple. */
static uint64_t growth(uint64_t before, uint64_t now)
{
	return now < before ? now : now - before;
}

static uint64_t rate_bps(uint64_t bytes, uint64_t ns)
{
	return ns ? (uint64_t)((double)bytes * 8 * DT_SEC / (double)ns) : 0;
}

static void sum_grow(struct socket_entry *e, uint64_t received, uint64_t acked)
{
	if (e->older && e->sampled_ns == 0)
		return;
	e->sum->down += growth(e->arrival.bytes_received, received);
	e->sum->up += growth(e->arrival.bytes_acked, acked);
}

static void sample_take(struct dt_arrivals *a, struct socket_entry *e, uint64_t received, uint64_t acked,
			uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - e->sampled_ns, grown = growth(e->arrival.bytes_received, received);
	bool first = e->sampled_ns == 0;

	e->arrival.rate_bps = first ? 0 : rate_bps(grown, passed_ns);
	e->arrival.sent_bps = first ? 0 : rate_bps(growth(e->arrival.bytes_acked, acked), passed_ns);
	if (!first && (grown || acked != e->arrival.bytes_acked))
		e->arrival.moved_ns = now_ns;
	sum_grow(e, received, acked);
	e->arrival.bytes_received = received;
	e->arrival.bytes_acked = acked;
	e->sampled_ns = now_ns;
	moving_set(a, e, first || (e->arrival.moved_ns && now_ns - e->arrival.moved_ns < MOVING_NS));
}

/* Finds or adds. NULL: out of memory; the next sweep tries again. */
static struct socket_entry *entry_at(struct dt_arrivals *a, const struct dt_subflow_key *tuple, uint32_t device)
{
	struct socket_entry *e = entry_find(a, tuple);

	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return NULL;
		e->tuple = *tuple;
		e->sum = a->direct;
		HASH_ADD(hh, a->sockets, tuple, sizeof(e->tuple), e);
	}
	e->device = device;
	e->sweep = a->sweep;
	return e;
}

void dt_arrivals_seen(struct dt_arrivals *a, const struct dt_subflow_record *r, uint64_t now_ns)
{
	struct socket_entry *e;

	if (r->flags & DT_RECORD_SERVER_SIDE)
		return;
	e = entry_at(a, &r->key, r->device);
	if (e && e->sampled_ns == 0 && a->sweep == 0)
		e->older = true;
	if (e)
		sample_take(a, e, r->bytes_received, r->bytes_acked, now_ns);
}

void dt_arrivals_expect(struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			uint32_t device)
{
	struct dt_subflow_key tuple = dt_track_key(local, remote);
	struct socket_entry *e = entry_at(a, &tuple, device);

	if (e)
		moving_set(a, e, true);
}

void dt_arrivals_assign(struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			uint32_t device, struct dt_moved *sum)
{
	struct dt_subflow_key tuple = dt_track_key(local, remote);
	struct socket_entry *e = entry_at(a, &tuple, device);

	if (e)
		e->sum = sum;
}

void dt_arrivals_finish(struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow_key tuple = dt_track_key(local, remote);
	struct socket_entry *e = entry_find(a, &tuple), unseen = {.sum = a->direct};
	struct dt_subflow_stats stats;

	if (dt_track_get(a->track, local, remote, &stats) < 0)
		return;
	e = e ? e : &unseen;
	/* smaller: as of a callback before the last sample */
	stats.bytes_received = dt_max_u64(stats.bytes_received, e->arrival.bytes_received);
	stats.bytes_acked = dt_max_u64(stats.bytes_acked, e->arrival.bytes_acked);
	sum_grow(e, stats.bytes_received, stats.bytes_acked);
	e->arrival.bytes_received = stats.bytes_received;
	e->arrival.bytes_acked = stats.bytes_acked;
	dt_track_forget(a->track, local, remote);
}

/* Its socket is not there. As long as track has its last numbers, dt_arrivals_finish() is still to come, and needs it. */
static void entry_gone(struct dt_arrivals *a, struct socket_entry *e)
{
	struct dt_endpoint local = {e->tuple.local, e->tuple.lport}, remote = {e->tuple.remote, e->tuple.rport};
	struct dt_subflow_stats stats;

	moving_set(a, e, false);
	e->arrival.rate_bps = e->arrival.sent_bps = 0;
	if (dt_track_get(a->track, &local, &remote, &stats) < 0)
		entry_free(a, e);
}

void dt_arrivals_end(struct dt_arrivals *a)
{
	struct socket_entry *e, *tmp;

	HASH_ITER(hh, a->sockets, e, tmp)
		if (e->sweep != a->sweep)
			entry_gone(a, e);
	a->sweep++;
}

/* pulses: one of each in the list of moving ones, in its order. */
static void pulses_take(struct dt_arrivals *a, const struct dt_pulse *pulses, uint64_t now_ns)
{
	struct socket_entry *e, *tmp;

	DL_FOREACH_SAFE(a->moving, e, tmp) {
		if (pulses->state)
			sample_take(a, e, pulses->bytes_received, pulses->bytes_acked, now_ns);
		else
			entry_gone(a, e);
		pulses++;
	}
}

/* All by few system calls. False: there is no reader, or it failed, and nothing was done. */
static bool pulses_sample(struct dt_arrivals *a, uint64_t now_ns)
{
	struct dt_pulse *pulses = a->pulses ? calloc(a->moving_count, sizeof(*pulses)) : NULL, *p = pulses;
	const struct socket_entry *e;
	bool read;

	if (!pulses)
		return false;
	DL_FOREACH(a->moving, e)
		*p++ = (struct dt_pulse){.key = e->tuple, .device = e->device};
	read = dt_pulse_read(a->pulses, pulses, a->moving_count) == 0;
	if (read)
		pulses_take(a, pulses, now_ns);
	free(pulses);
	return read;
}

void dt_arrivals_sample(struct dt_arrivals *a, uint64_t now_ns)
{
	struct socket_entry *e, *tmp;

	if (!a->moving || pulses_sample(a, now_ns))
		return;
	DL_FOREACH_SAFE(a->moving, e, tmp) {
		struct dt_endpoint local = {e->tuple.local, e->tuple.lport}, remote = {e->tuple.remote, e->tuple.rport};
		struct dt_tcp_sample sample;

		if (dt_sock_diag_get(a->diag, &local, &remote, e->device, &sample) == 0)
			sample_take(a, e, sample.bytes_received, sample.bytes_acked, now_ns);
		else
			entry_gone(a, e);
	}
}

bool dt_arrivals_get(const struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		     struct dt_arrival *out)
{
	struct dt_subflow_key tuple = dt_track_key(local, remote);
	const struct socket_entry *e = entry_find(a, &tuple);

	if (!e || (e->sampled_ns == 0 && !e->moving)) /* known by dt_arrivals_assign() alone */
		return false;
	*out = e->arrival;
	return true;
}

int dt_arrivals_new(struct dt_arrivals **out, struct dt_pulse_reader *pulses, struct dt_netlink *diag,
		    const struct dt_track *track, struct dt_moved *direct)
{
	struct dt_arrivals *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->pulses = pulses;
	a->diag = diag;
	a->track = track;
	a->direct = direct;
	*out = a;
	return 0;
}

void dt_arrivals_free(struct dt_arrivals *a)
{
	struct socket_entry *e, *tmp;

	if (!a)
		return;
	HASH_ITER(hh, a->sockets, e, tmp)
		entry_free(a, e);
	free(a);
}
