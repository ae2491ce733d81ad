/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections on which something moves are looked at every few milliseconds, all of them in one call, so that a subflow
 * whose path dies is given up before the application has waited long. Those on which nothing moves cost nothing: what
 * track.bpf hears of them, a new subflow or taking stock puts them on the list again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/loop.h"
#include "net/tcp_probe.h"
#include "pm/pm.h"
#include "pm/pulse.h"

#define EVERY_MS 5
#define EVERY_MAX_MS 500
/* Looking takes at most one part in so many of the time. */
#define COST 50
/* Of one connection; more than the kernel allows. */
#define MEMBERS_MAX 32

/* When something last came from there, on whatever subflow, and how long it took at most lately. Those that share an entry take turns: no harm. */
#define PATHS 1024
#define SLOW_HOLD_NS (10 * DT_SEC)
struct heard {
	struct dt_ip local, remote;
	uint64_t at_ns;
	uint64_t slow_ns, slow_set_ns;
};

struct member {
	struct dt_connection *connection;
	struct dt_subflow *subflow; /* NULL: the initial one */
};

struct dt_watch {
	struct dt_pm *pm;
	struct dt_pulse_reader *reader;
	struct dt_tcp_prober prober;
	uv_timer_t timer;
	struct dt_connection *watched;
	struct member *members; /* of this turn; pulses run parallel */
	struct dt_pulse *pulses;
	size_t used, room;
	struct heard paths[PATHS];
};

static struct dt_liveness *liveness_of(const struct member *m)
{
	return m->subflow ? &m->subflow->liveness : &m->connection->direct_liveness;
}

static void turn_due(uv_timer_t *timer);

void dt_watch_wake(struct dt_connection *c)
{
	struct dt_watch *w = c->pm->watch;

	if (!w || c->watched || c->foreign || !c->subflows)
		return;
	c->watched = true;
	DL_APPEND2(w->watched, c, watch_prev, watch_next);
	if (!uv_is_active((uv_handle_t *)&w->timer))
		dt_timer_arm(&w->timer, turn_due, EVERY_MS, 0);
}

void dt_watch_forget(struct dt_connection *c)
{
	if (!c->watched)
		return;
	c->watched = false;
	DL_DELETE2(c->pm->watch->watched, c, watch_prev, watch_next);
}

void dt_watch_timed_out(struct dt_connection *c, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow *s = dt_subflow_find(c, local, remote);

	if (s)
		dt_liveness_timed_out(&s->liveness);
	else if (dt_endpoint_equal(&c->local, local) && dt_endpoint_equal(&c->remote, remote))
		dt_liveness_timed_out(&c->direct_liveness);
	dt_watch_wake(c);
}

/* --- gathering --------------------------------------------------------------------------------- */

static bool room_make(struct dt_watch *w)
{
	size_t room = w->room ? w->room * 2 : 64;
	struct member *members;
	struct dt_pulse *pulses;

	if (w->used < w->room)
		return true;
	members = realloc(w->members, room * sizeof(*members));
	if (members)
		w->members = members;
	pulses = realloc(w->pulses, room * sizeof(*pulses));
	if (pulses)
		w->pulses = pulses;
	if (!members || !pulses)
		return false;
	w->room = room;
	return true;
}

static void member_add(struct dt_watch *w, struct dt_connection *c, struct dt_subflow *s,
		       const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	if (!room_make(w))
		return;
	w->members[w->used] = (struct member){c, s};
	w->pulses[w->used] = (struct dt_pulse){.key = dt_track_key(local, remote), .device = c->device};
	w->used++;
}

static void members_gather(struct dt_watch *w)
{
	struct dt_connection *c, *tmp;

	w->used = 0;
	DL_FOREACH_SAFE2(w->watched, c, tmp, watch_next) {
		size_t first = w->used;
		struct dt_subflow *s;

		if (c->direct_established)
			member_add(w, c, NULL, &c->local, &c->remote);
		DL_FOREACH(c->subflows, s)
			if (s->state == DT_SUBFLOW_ESTABLISHED && w->used - first < MEMBERS_MAX)
				member_add(w, c, s, &s->local, &s->remote);
		if (w->used - first < 2) { /* nowhere else to go */
			w->used = first;
			dt_watch_forget(c);
		}
	}
}

/* --- paths ------------------------------------------------------------------------------------- */

static struct heard *path_of(struct dt_watch *w, const struct dt_subflow_key *key)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < 4; i++)
		hash = (hash ^ key->local.w[i] ^ key->remote.w[i] * 31) * 0x9e3779b1;
	return &w->paths[hash >> 16 & (PATHS - 1)];
}

/* NULL: not known. */
static struct heard *path_known(struct dt_watch *w, const struct dt_subflow_key *key)
{
	struct heard *h = path_of(w, key);

	return dt_ip_equal(&h->local, &key->local) && dt_ip_equal(&h->remote, &key->remote) ? h : NULL;
}

static void path_heard(struct dt_watch *w, const struct dt_subflow_key *key, uint64_t slow_ns, uint64_t now_ns)
{
	struct heard *h = path_known(w, key);

	if (!h) {
		h = path_of(w, key);
		*h = (struct heard){.local = key->local, .remote = key->remote};
	}
	h->at_ns = now_ns;
	if (slow_ns >= h->slow_ns || now_ns - h->slow_set_ns >= SLOW_HOLD_NS) {
		h->slow_ns = slow_ns;
		h->slow_set_ns = now_ns;
	}
}

static void members_sample(struct dt_watch *w, uint64_t now_ns)
{
	for (size_t i = 0; i < w->used; i++) {
		struct dt_liveness *l = liveness_of(&w->members[i]);

		if (!w->pulses[i].state)
			continue; /* just closed */
		dt_liveness_sample(l, &w->pulses[i], now_ns);
		if (l->heard_ns == now_ns)
			path_heard(w, &w->pulses[i].key,
				   l->harmless_ns > l->rtt_us * DT_US ? l->harmless_ns : l->rtt_us * DT_US, now_ns);
	}
}

/* --- acting ------------------------------------------------------------------------------------ */

static void member_probe(struct dt_watch *w, const struct member *m, const struct dt_pulse *p, bool with_byte)
{
	struct dt_tcp_probe probe = {
		.local = {p->key.local, p->key.lport},
		.remote = {p->key.remote, p->key.rport},
		.device = p->device,
		.snd_una = p->snd_una,
		.rcv_nxt = p->rcv_nxt,
		.timestamps = p->timestamps,
		.tsval = p->tsval,
		.tsecr = p->tsecr,
		.with_byte = with_byte,
	};
	int err = dt_tcp_prober_send(&w->prober, &probe);

	w->pm->counters[DT_PM_PROBES]++;
	if (err)
		dt_log_debug("cannot probe a subflow: %s connection=%llu", strerror(-err),
			     (unsigned long long)m->connection->number);
}

static void member_give_up(const struct member *m, uint64_t now_ns)
{
	const struct dt_liveness *l = liveness_of(m);
	struct dt_connection *c = m->connection;

	c->pm->counters[DT_PM_GIVEN_UP]++;
	dt_log_debug("nothing comes through: given up via=%s connection=%llu silent_ms=%llu "
		     "probing_ms=%llu rtt_ms=%u unacknowledged=%s",
		     m->subflow ? dt_subflow_via(m->subflow) : "direct", (unsigned long long)c->number,
		     (unsigned long long)((now_ns - l->silent_ns) / DT_MS),
		     (unsigned long long)((now_ns - l->asked_ns) / DT_MS), l->rtt_us / 1000, l->waiting ? "yes" : "no");
	if (m->subflow)
		dt_subflow_give_up(m->subflow, DT_END_DEAD, now_ns);
	else
		dt_subflow_give_up_direct(c, DT_END_DEAD);
}

/* The members from..to are one connection's. */
static void connection_judge(struct dt_watch *w, size_t from, size_t to, uint64_t now_ns)
{
	struct dt_connection *c = w->members[from].connection;
	struct dt_liveness *lives[MEMBERS_MAX + 1] = {NULL};
	enum dt_liveness_verdict verdicts[MEMBERS_MAX + 1];
	bool awake = false, planned = true;
	size_t at[MEMBERS_MAX + 1], count = 0;
	const struct heard *path;

	for (size_t i = from; i < to; i++) {
		if (!w->pulses[i].state)
			continue;
		lives[count] = liveness_of(&w->members[i]);
		path = path_known(w, &w->pulses[i].key);
		lives[count]->path_heard_ns = path ? path->at_ns : 0;
		lives[count]->path_slow_ns = path ? path->slow_ns : 0;
		at[count++] = i;
	}
	dt_liveness_judge(lives, verdicts, count, now_ns);
	for (size_t i = 0; i < count; i++) {
		awake = awake || dt_liveness_is_awake(lives[i], now_ns);
		switch (verdicts[i]) {
		case DT_LIVENESS_FINE:
			break;
		case DT_LIVENESS_PROBE:
		case DT_LIVENESS_PROBE_BYTE:
			member_probe(w, &w->members[at[i]], &w->pulses[at[i]], verdicts[i] == DT_LIVENESS_PROBE_BYTE);
			break;
		case DT_LIVENESS_DEAD:
			member_give_up(&w->members[at[i]], now_ns);
			planned = false;
			break;
		}
	}
	if (!awake)
		dt_watch_forget(c);
	if (!planned)
		dt_detours_plan(c);
}

static void turn_due(uv_timer_t *timer)
{
	struct dt_watch *w = timer->data;
	uint64_t begin_ns = dt_now_ns(), now_ns, every_ms;
	size_t from = 0, to;
	int err;

	members_gather(w);
	err = dt_pulse_read(w->reader, w->pulses, w->used);
	if (err) {
		dt_log_err("cannot look at subflows: %s; dead paths are left to the kernel", strerror(-err));
		return;
	}
	now_ns = dt_now_ns();
	members_sample(w, now_ns);
	for (; from < w->used; from = to) {
		for (to = from; to < w->used && w->members[to].connection == w->members[from].connection; to++)
			;
		connection_judge(w, from, to, now_ns);
	}
	if (!w->watched)
		return;
	every_ms = (dt_now_ns() - begin_ns) * COST / DT_MS;
	dt_timer_arm(timer, turn_due,
		     every_ms < EVERY_MS       ? EVERY_MS
		     : every_ms > EVERY_MAX_MS ? EVERY_MAX_MS
					       : every_ms,
		     0);
}

/* --- the whole --------------------------------------------------------------------------------- */

static void watch_free(struct dt_watch *w)
{
	dt_pulse_reader_close(w->reader);
	dt_tcp_prober_close(&w->prober);
	free(w->members);
	free(w->pulses);
	free(w);
}

static void timer_closed(uv_handle_t *handle)
{
	watch_free(handle->data);
}

void dt_watch_open(struct dt_pm *pm)
{
	struct dt_watch *w = calloc(1, sizeof(*w));
	int err;

	if (!w)
		return;
	w->pm = pm;
	err = dt_tcp_prober_open(&w->prober);
	if (err)
		dt_log_err("cannot open a raw socket: %s", strerror(-err));
	else
		err = dt_pulse_reader_open(&w->reader);
	if (err) {
		dt_log_warn("paths that die are left to the kernel");
		watch_free(w);
		return;
	}
	uv_timer_init(pm->loop, &w->timer);
	w->timer.data = w;
	pm->watch = w;
}

void dt_watch_close(struct dt_pm *pm)
{
	if (!pm->watch)
		return;
	uv_close((uv_handle_t *)&pm->watch->timer, timer_closed);
	pm->watch = NULL;
}
