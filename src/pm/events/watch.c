/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/events/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/minmax.h"
#include "net/tcp_probe.h"
#include "pm/act/end.h"
#include "pm/decide/fading.h"
#include "pm/decide/liveness.h"
#include "pm/decide/pace.h"
#include "pm/kernel/answers.h"
#include "pm/kernel/pulse.h"
#include "pm/kernel/track.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/subflow.h"
#include "pm/store/tally.h"
#include "pm/store/todo.h"
#include "pm/store/tunnel.h"

#define EVERY_MS 5
#define EVERY_MAX_MS 500
#define EARLY_NS (1 * DT_MS) /* timers have milliseconds */
#define DROWSY_EVERY_MS 100  /* connections that may receive more data */
/* A turn may cost at most 1/COST of the time until the next. */
#define COST 50
/* How long data is waited for by other paths, after one died. Later data is not what that one held. */
#define GAP_MAX_NS (10 * DT_SEC)
#define GAP_EVERY_MS 20 /* with one subflow left, which is watched for nothing else */
/* Most subflows of one connection; the kernel allows fewer. */
#define MEMBERS_MAX (DT_FADING_MEMBERS_MAX - 1)

#define PATHS 1024
#define SLOW_HOLD_NS (10 * DT_SEC)
#define SLOW_MAX_NS (500 * DT_MS)
#define RTT_SETTLED_ARRIVALS 32
/* wireguard-go is a program among others: on a busy host it waits for a processor so long now and then. */
#define PROGRAM_NS (200 * DT_MS)

/*
 * A pair of addresses: when something last came from there, on any subflow, and the longest time that took lately. Pairs
 * with the same hash overwrite each other, which does no harm.
 */
struct heard {
	struct dt_ip local, remote;
	uint64_t at_ns;
	uint64_t slow_ns, slow_set_ns;
};

struct dt_watched {
	struct dt_connection *connection;
	uint64_t looked_ns; /* last time */
	uint64_t every_ns;  /* until the next time */
	struct dt_watched *prev, *next;
};

struct member {
	struct dt_connection *connection;
	struct dt_subflow *subflow; /* NULL: the initial one */
};

struct dt_watch {
	struct dt_pm *pm;
	struct dt_answers *answers; /* NULL: this kernel cannot keep them away from TCP */
	struct dt_tcp_prober prober;
	uv_timer_t timer;
	uint64_t due_ns; /* when it expires; long ago: it does not run */
	struct dt_watched *watched;
	struct member *members; /* of this turn; pulses[i] is of members[i] */
	struct dt_pulse *pulses;
	size_t used, room;
	/* how much of this turn went into ending subflows, which others that are dying must not wait for */
	uint64_t ends_ns;
	struct heard paths[PATHS];
};

static struct dt_liveness *liveness_of(const struct member *m)
{
	return m->subflow ? &m->subflow->liveness : &m->connection->direct_liveness;
}

static struct dt_pace *pace_of(const struct member *m)
{
	return m->subflow ? &m->subflow->pace : &m->connection->direct_pace;
}

static void turn_due(uv_timer_t *timer);

static void turn_arm(struct dt_watch *w, uint64_t in_ms)
{
	w->due_ns = dt_now_ns() + in_ms * DT_MS;
	dt_timer_arm(&w->timer, turn_due, in_ms, 0);
}

/* The connection is looked at soon. */
static void turn_hurry(struct dt_watch *w)
{
	if (!uv_is_active((uv_handle_t *)&w->timer) || w->due_ns > dt_now_ns() + EVERY_MS * DT_MS)
		turn_arm(w, EVERY_MS);
}

void dt_watch_wake(struct dt_connection *c)
{
	struct dt_watch *w = c->pm->watch;

	if (!w || c->foreign || !c->subflows)
		return;
	if (c->watched) {
		c->drowsy = false;
		c->watched->every_ns = EVERY_MS * DT_MS;
		turn_hurry(w);
		return;
	}
	c->watched = calloc(1, sizeof(*c->watched));
	if (!c->watched) {
		dt_log_err("out of memory: dead paths of a connection are left to the kernel");
		return;
	}
	c->watched->connection = c;
	c->watched->every_ns = EVERY_MS * DT_MS;
	c->drowsy = false;
	DL_APPEND(w->watched, c->watched);
	turn_hurry(w);
}

void dt_watch_forget(struct dt_connection *c)
{
	if (!c->watched)
		return;
	DL_DELETE(c->pm->watch->watched, c->watched);
	free(c->watched);
	c->watched = NULL;
}

void dt_watch_timed_out(struct dt_connection *c, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow *s = dt_connection_subflow(c, local, remote);

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

/* It still waits for data after one of its paths died. */
static bool gap_is_open(struct dt_connection *c, uint64_t now_ns)
{
	if (c->gap_of && now_ns - c->gap_died_ns > GAP_MAX_NS)
		c->gap_of = NULL;
	return c->gap_of;
}

static void members_gather(struct dt_watch *w, uint64_t now_ns)
{
	struct dt_watched *watched, *tmp;

	w->used = 0;
	DL_FOREACH_SAFE(w->watched, watched, tmp) {
		struct dt_connection *c = watched->connection;
		size_t first = w->used;
		struct dt_subflow *s;

		if (now_ns + EARLY_NS < watched->looked_ns + watched->every_ns)
			continue;
		watched->looked_ns = now_ns;
		if (c->direct_established)
			member_add(w, c, NULL, &c->local, &c->remote);
		DL_FOREACH(c->subflows, s)
			if (s->state == DT_SUBFLOW_ESTABLISHED && w->used - first < MEMBERS_MAX)
				member_add(w, c, s, &s->local, &s->remote);
		if (w->used - first < 2 && !gap_is_open(c, now_ns)) { /* no other subflow to send on */
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

/*
 * How long this path took, as the others may take it: until a probe was answered, or the round-trip time. A subflow's first
 * round-trip times do not count, for if its SYN-ACK was sent twice they are as long as that took.
 */
static uint64_t slow_ns(const struct dt_liveness *l)
{
	uint64_t rtt_ns = l->arrivals >= RTT_SETTLED_ARRIVALS ? l->rtt_us * DT_US : 0;

	return dt_min_u64(dt_max_u64(l->took_ns, rtt_ns), SLOW_MAX_NS);
}

static void members_sample(struct dt_watch *w, uint64_t now_ns)
{
	for (size_t i = 0; i < w->used; i++) {
		struct dt_liveness *l = liveness_of(&w->members[i]);

		if (!w->pulses[i].state)
			continue; /* closed a moment ago */
		dt_liveness_sample(l, &w->pulses[i], now_ns);
		dt_pace_sample(pace_of(&w->members[i]), &w->pulses[i], now_ns);
		if (l->heard_ns == now_ns)
			path_heard(w, &w->pulses[i].key, slow_ns(l), now_ns);
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
		.flow_label = p->flow_label,
		.timestamps = p->timestamps,
		.tsval = p->tsval,
		.tsecr = p->tsecr,
		.with_byte = with_byte || w->answers, /* the answer to any other probe reaches TCP */
	};
	int err;

	if (w->answers)
		dt_answers_expect(w->answers, &p->key, dt_tcp_probe_byte(p->snd_una));
	err = dt_tcp_prober_send(&w->prober, &probe);
	w->pm->counters[DT_PM_PROBES]++;
	if (err)
		dt_log_debug("cannot probe a subflow: %s connection=%llu", strerror(-err),
			     (unsigned long long)m->connection->number);
}

static struct dt_fading *fading_of(const struct member *m)
{
	return m->subflow ? &m->subflow->fading : &m->connection->direct_fading;
}

static void member_end(const struct member *m, enum dt_subflow_end end, uint64_t now_ns)
{
	uint64_t begin_ns = dt_now_ns();

	if (m->subflow)
		dt_subflow_give_up(m->subflow, end, now_ns);
	else
		dt_subflow_give_up_direct(m->connection, end);
	m->connection->pm->watch->ends_ns += dt_now_ns() - begin_ns;
	dt_todo_connection(m->connection, DT_CONNECTION_PLAN);
}

static bool passes_program(const struct member *m)
{
	const struct dt_pm_relay *relay = m->subflow ? m->subflow->relay : NULL;

	return relay && m->subflow->carrier == DT_CARRIER_WIREGUARD && relay->tunnel && relay->tunnel->wg.userspace;
}

/* The first of several that die together counts. */
static void gap_begin(const struct member *m, uint64_t now_ns)
{
	struct dt_connection *c = m->connection;

	if (gap_is_open(c, now_ns))
		return;
	c->gap_of = dt_tally_at(c->pm, m->subflow);
	c->gap_since_ns = liveness_of(m)->silent_ns;
	c->gap_died_ns = now_ns;
}

/* Members from up to, but not including, to: has one of them moved data since another died? */
static void gap_look(const struct dt_watch *w, size_t from, size_t to, uint64_t now_ns)
{
	struct dt_connection *c = w->members[from].connection;

	for (size_t i = from; i < to && gap_is_open(c, now_ns); i++)
		if (w->pulses[i].state && liveness_of(&w->members[i])->moved_ns > c->gap_died_ns) {
			dt_histogram_add(&c->gap_of->gap, &dt_gap_bounds, (double)(now_ns - c->gap_since_ns) / DT_SEC);
			c->gap_of = NULL;
		}
	if (c->watched && to - from < 2)
		c->watched->every_ns = GAP_EVERY_MS * DT_MS;
}

static void member_give_up(const struct member *m, uint64_t now_ns)
{
	const struct dt_liveness *l = liveness_of(m);
	struct dt_connection *c = m->connection;

	c->pm->counters[DT_PM_GIVEN_UP]++;
	gap_begin(m, now_ns);
	dt_fading_died(fading_of(m), now_ns);
	dt_log_debug("nothing comes through: given up via=%s connection=%llu silent_ms=%llu "
		     "probing_ms=%llu rtt_ms=%u unacknowledged=%s",
		     m->subflow ? dt_subflow_via(m->subflow) : "direct", (unsigned long long)c->number,
		     (unsigned long long)((now_ns - l->silent_ns) / DT_MS),
		     (unsigned long long)((now_ns - l->asked_ns) / DT_MS), l->rtt_us / 1000, l->waiting ? "yes" : "no");
	member_end(m, DT_END_DEAD, now_ns);
}

/* Members from up to, but not including, to: those of one connection. */
static void connection_check(struct dt_watch *w, size_t from, size_t to, uint64_t now_ns)
{
	struct dt_connection *c = w->members[from].connection;
	struct dt_liveness *lives[MEMBERS_MAX + 1] = {NULL};
	struct dt_fading_member fadings[MEMBERS_MAX + 1];
	enum dt_liveness_verdict verdicts[MEMBERS_MAX + 1];
	uint64_t every_ns = DROWSY_EVERY_MS * DT_MS;
	bool awake = false, drowsy = false;
	size_t at[MEMBERS_MAX + 1], count = 0;
	const struct heard *path;

	for (size_t i = from; i < to; i++) {
		if (!w->pulses[i].state)
			continue;
		lives[count] = liveness_of(&w->members[i]);
		path = path_known(w, &w->pulses[i].key);
		lives[count]->path_heard_ns = path ? path->at_ns : 0;
		lives[count]->path_slow_ns = path ? path->slow_ns : 0;
		lives[count]->program_ns = passes_program(&w->members[i]) ? PROGRAM_NS : 0;
		fadings[count] = (struct dt_fading_member){fading_of(&w->members[i]), lives[count], &w->pulses[i]};
		at[count++] = i;
	}
	dt_liveness_check(lives, verdicts, count, now_ns);
	if (dt_fading_check(fadings, count, now_ns))
		dt_todo_connection(c, DT_CONNECTION_PLAN);
	/* the initial one last: RM_ADDR of the others can be sent again */
	for (size_t i = count; i-- > 0;) {
		awake = awake || dt_liveness_is_awake(lives[i], now_ns);
		drowsy = drowsy || dt_liveness_is_drowsy(lives[i], now_ns);
		every_ns = dt_min_u64(every_ns, dt_liveness_look_ns(lives[i], now_ns));
		switch (verdicts[i]) {
		case DT_LIVENESS_FINE:
			break;
		case DT_LIVENESS_PROBE:
		case DT_LIVENESS_PROBE_BYTE:
			member_probe(w, &w->members[at[i]], &w->pulses[at[i]], verdicts[i] == DT_LIVENESS_PROBE_BYTE);
			break;
		case DT_LIVENESS_DEAD:
			member_give_up(&w->members[at[i]], now_ns);
			break;
		}
		if (fadings[i].fading->leave && verdicts[i] != DT_LIVENESS_DEAD)
			member_end(&w->members[at[i]], DT_END_LATE, now_ns);
		fadings[i].fading->leave = false;
	}
	if (!awake && !drowsy) {
		dt_watch_forget(c);
		return;
	}
	c->drowsy = !awake;
	c->watched->every_ns = awake ? every_ns : DROWSY_EVERY_MS * DT_MS;
}

/* How long until this connection is to be looked at; EVERY_MS at least. */
static uint64_t until_ms(const struct dt_watched *watched, uint64_t now_ns)
{
	uint64_t due_ns = watched->looked_ns + watched->every_ns;

	return due_ns <= now_ns + EVERY_MS * DT_MS ? EVERY_MS : (due_ns - now_ns) / DT_MS;
}

/* How long until the next turn, in ms. took_ns: this one. */
static uint64_t turn_every_ms(const struct dt_watch *w, uint64_t took_ns)
{
	uint64_t every_ms = took_ns * COST / DT_MS, least_ms = DROWSY_EVERY_MS, now_ns = dt_now_ns();
	const struct dt_watched *watched;

	DL_FOREACH(w->watched, watched)
		least_ms = dt_min_u64(least_ms, until_ms(watched, now_ns));
	return dt_max_u64(dt_min_u64(every_ms, EVERY_MAX_MS), least_ms);
}

static void turn_due(uv_timer_t *timer)
{
	struct dt_watch *w = timer->data;
	uint64_t begin_ns = dt_now_ns(), now_ns;
	size_t from = 0, to;
	int err;

	w->ends_ns = 0;
	members_gather(w, begin_ns);
	err = dt_pulse_read(w->pm->pulses, w->pulses, w->used);
	if (err) {
		dt_log_err("cannot read the state of subflows: %s; dead paths are left to the kernel", strerror(-err));
		return;
	}
	now_ns = dt_now_ns();
	members_sample(w, now_ns);
	for (; from < w->used; from = to) {
		for (to = from; to < w->used && w->members[to].connection == w->members[from].connection; to++)
			;
		if (w->members[from].connection->gap_of)
			gap_look(w, from, to, now_ns);
		if (to - from > 1)
			connection_check(w, from, to, now_ns);
	}
	if (!w->watched) {
		if (w->answers)
			dt_answers_rest(w->answers);
		return;
	}
	turn_arm(w, turn_every_ms(w, dt_now_ns() - begin_ns - w->ends_ns));
}

/* --- the whole --------------------------------------------------------------------------------- */

static void watch_free(struct dt_watch *w)
{
	dt_answers_close(w->answers);
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
	else if (dt_answers_open(&w->answers) == 0)
		err = dt_pulse_reader_open(&pm->pulses, dt_answers_fd(w->answers));
	else
		err = dt_pulse_reader_open(&pm->pulses, -1);
	if (err) {
		dt_log_warn("dead paths are left to the kernel");
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
