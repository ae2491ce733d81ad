/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/arrivals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/clock.h"

/* Moving: it grew within this time. */
#define MOVING_NS (2 * DT_ARRIVALS_SWEEP_MS * DT_MS)

struct socket_entry {
	struct dt_subflow_key tuple;
	struct dt_arrival arrival;
	uint64_t sampled_ns;
	unsigned sweep; /* that last saw it */
	bool ours; /* a subflow of this host's own connections; others are kept so as not to be asked after again */
	bool moving;
	struct socket_entry *prev, *next; /* among the moving */
	UT_hash_handle hh;
};

struct dt_arrivals {
	struct dt_netlink *diag;
	const struct dt_track *track;
	struct socket_entry *sockets;
	struct socket_entry *moving;
	unsigned sweep;
	uint64_t now_ns; /* of the sweep under way */
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
	if (moving)
		DL_APPEND(a->moving, e);
	else
		DL_DELETE(a->moving, e);
}

static void entry_free(struct dt_arrivals *a, struct socket_entry *e)
{
	moving_set(a, e, false);
	HASH_DELETE(hh, a->sockets, e);
	free(e);
}

static void sample_take(struct dt_arrivals *a, struct socket_entry *e, uint64_t bytes, uint64_t now_ns)
{
	uint64_t grown = bytes - e->arrival.bytes_received, passed_ns = now_ns - e->sampled_ns;

	if (bytes < e->arrival.bytes_received) /* another socket on the same four-tuple */
		grown = bytes;
	e->arrival.rate_bps =
		e->sampled_ns && passed_ns ? (uint64_t)((double)grown * 8 * DT_SEC / (double)passed_ns) : 0;
	e->arrival.bytes_received = bytes;
	if (grown)
		e->arrival.moved_ns = now_ns;
	e->sampled_ns = now_ns;
	moving_set(a, e, e->arrival.moved_ns && now_ns - e->arrival.moved_ns < MOVING_NS);
}

static int socket_seen(const struct dt_tcp_sample *sample, void *data)
{
	struct dt_subflow_key tuple = dt_track_key(&sample->local, &sample->remote);
	struct dt_arrivals *a = data;
	struct socket_entry *e = entry_find(a, &tuple);
	struct dt_subflow_stats stats;

	if (!e) {
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		e->tuple = tuple;
		e->ours = dt_track_get(a->track, &sample->local, &sample->remote, &stats) == 0;
		HASH_ADD(hh, a->sockets, tuple, sizeof(e->tuple), e);
	}
	e->sweep = a->sweep;
	if (e->ours)
		sample_take(a, e, sample->bytes_received, a->now_ns);
	return 0;
}

int dt_arrivals_sweep(struct dt_arrivals *a, uint64_t now_ns)
{
	struct socket_entry *e, *tmp;
	int err;

	a->sweep++;
	a->now_ns = now_ns;
	err = dt_sock_diag_dump(a->diag, socket_seen, a);
	if (err && err != -EINTR)
		return err;
	/* of a dump that was cut short, what is missing may still be there */
	HASH_ITER(hh, a->sockets, e, tmp)
		if (e->sweep != a->sweep && (err == 0 || a->sweep - e->sweep > 2))
			entry_free(a, e);
	return 0;
}

void dt_arrivals_sample(struct dt_arrivals *a, uint64_t now_ns)
{
	struct socket_entry *e, *tmp;

	DL_FOREACH_SAFE(a->moving, e, tmp) {
		struct dt_endpoint local = {e->tuple.local, e->tuple.lport}, remote = {e->tuple.remote, e->tuple.rport};
		struct dt_tcp_sample sample;

		if (dt_sock_diag_get(a->diag, &local, &remote, &sample) == 0)
			sample_take(a, e, sample.bytes_received, now_ns);
		else
			entry_free(a, e);
	}
}

bool dt_arrivals_get(const struct dt_arrivals *a, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		     struct dt_arrival *out)
{
	struct dt_subflow_key tuple = dt_track_key(local, remote);
	const struct socket_entry *e = entry_find(a, &tuple);

	if (!e || !e->ours)
		return false;
	*out = e->arrival;
	return true;
}

int dt_arrivals_new(struct dt_arrivals **out, struct dt_netlink *diag, const struct dt_track *track)
{
	struct dt_arrivals *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->diag = diag;
	a->track = track;
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
