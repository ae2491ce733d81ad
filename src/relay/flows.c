/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/flows.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bpf.h"
#include "base/clock.h"
#include "base/hash.h"

#define BATCH 1024
#define READ_TRIES 1000
/* A crash between the two insertions of a flow leaves a down entry without its up entry. */
#define ORPHAN_NS (30 * DT_SEC)

/* From sweep to sweep. */
struct rates {
	uint64_t at_ns;		       /* of the last sweep; 0: there was none */
	uint64_t bytes_up, bytes_down; /* until then */
	uint64_t up_bps, down_bps;
};

struct client {
	uint64_t id;
	struct dt_client_ended ended; /* as in the map; we are its only writer */
	bool changed;
	uint64_t bytes_up, bytes_down;	   /* at the last sample */
	uint64_t sampled_up, sampled_down; /* of live flows, so far in this one */
	uint64_t swept_up, swept_down;	   /* of live flows, so far in this sweep */
	struct rates rates;
	/* used by recount(): */
	uint64_t live, half_open; /* flows */
	struct dt_client_usage usage;
	uint64_t read_ns; /* when usage was read */
	UT_hash_handle hh;
};

/* Where a walk over the map goes on. */
struct position {
	uint32_t token;
	bool begun;
};

/* One pass over the flows. */
struct sweep {
	bool active;
	struct position at;
	uint64_t now_ns;
	dt_flow_doomed_fn doomed;
	void *data;
	size_t count; /* of the doomed */
	uint64_t open;
};

struct dt_flows {
	struct dt_flow_maps maps;
	struct client *clients;
	struct client *all; /* the relay as a whole, id 0 */
	struct dt_nat_config config;
	uint64_t open; /* at the last complete sweep */
	bool open_known;
	dt_flow_ended_fn ended;
	void *ended_data;
	dt_flow_answered_fn answered;
	void *answered_data;
	dt_flow_refused_fn refused;
	void *refused_data;
	uint64_t swept_ns;
	struct sweep sweep;
	bool sampling;
	struct position sample_at;
};

/* --- walking the map --------------------------------------------------------------------------- */

typedef int (*walk_fn)(struct dt_flows *f, const struct dt_flow_key *key, const struct dt_flow *flow, void *data);

/* Calls fn for the next entries. 1: there are more; 0: that was all; the map's error, or fn's negative result. */
static int walk_some(struct dt_flows *f, struct position *at, walk_fn fn, void *data)
{
	static struct dt_flow_key keys[BATCH];
	static struct dt_flow values[BATCH];
	uint32_t next, count = BATCH;
	int err = bpf_map_lookup_batch(f->maps.flows_fd, at->begun ? &at->token : NULL, &next, keys, values, &count,
				       NULL);

	if (err < 0 && err != -ENOENT)
		return err;
	for (uint32_t i = 0; i < count; i++) {
		int verdict = fn(f, &keys[i], &values[i], data);

		if (verdict < 0)
			return verdict;
	}
	at->token = next;
	at->begun = true;
	return err == 0;
}

/* Calls fn for every entry; those that come or go meanwhile may be missed. The map's error, or fn's negative result. */
static int walk(struct dt_flows *f, walk_fn fn, void *data)
{
	struct position at = {0};
	int more;

	do
		more = walk_some(f, &at, fn, data);
	while (more > 0);
	return more;
}

static void peer_key(struct dt_flow_key *key, const struct dt_flow *flow)
{
	memset(key, 0, sizeof(*key));
	key->src = flow->new_dst;
	key->dst = flow->new_src;
	key->sport_be16 = flow->new_dport_be16;
	key->dport_be16 = flow->new_sport_be16;
}

/* The down entry of an up entry. False: there is none; a refused flow's source port may be another flow's by now. */
static bool down_find(const struct dt_flows *f, const struct dt_flow_key *up_key, const struct dt_flow_key *down_key,
		      struct dt_flow *out)
{
	struct dt_flow_key its_up;

	if (bpf_map_lookup_elem(f->maps.flows_fd, down_key, out) < 0)
		return false;
	peer_key(&its_up, out);
	return memcmp(&its_up, up_key, sizeof(its_up)) == 0;
}

static struct client *client_find(struct dt_flows *f, uint64_t id)
{
	struct client *c;

	HASH_FIND(hh, f->clients, &id, sizeof(id), c);
	return c;
}

/* What could not be stored is tried again by the next sweep. */
static int ended_store(struct dt_flows *f, struct client *c)
{
	int err = bpf_map_update_elem(f->maps.ended_fd, &c->id, &c->ended, BPF_ANY);

	c->changed = err != 0;
	return err;
}

static int all_ended_store(struct dt_flows *f)
{
	struct client *c, *tmp;
	int err = 0, failed;

	HASH_ITER(hh, f->clients, c, tmp) {
		failed = c->changed ? ended_store(f, c) : 0;
		err = err ? err : failed;
	}
	return err;
}

/* --- clients ----------------------------------------------------------------------------------- */

int dt_flows_client_add(struct dt_flows *f, uint64_t client_id)
{
	struct dt_client_usage zero = {0};
	struct client *c = client_find(f, client_id);
	int err;

	if (c)
		return 0;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->id = client_id;
	err = bpf_map_update_elem(f->maps.usage_fd, &client_id, &zero, BPF_NOEXIST);
	if (err == -EEXIST)
		err = 0;
	if (err == 0 && bpf_map_lookup_elem(f->maps.ended_fd, &client_id, &c->ended) < 0)
		err = bpf_map_update_elem(f->maps.ended_fd, &client_id, &c->ended, BPF_ANY);
	if (err) {
		free(c);
		return err;
	}
	HASH_ADD(hh, f->clients, id, sizeof(c->id), c);
	return 0;
}

/* Counts the flow if it was there when the client's usage was read: flows begin, change and restart during the walk. */
static void recount_for(struct client *c, const struct dt_flow *flow)
{
	bool changed_since = (int64_t)(flow->changed_ns - c->read_ns) > 0;

	if ((int64_t)(flow->started_ns - c->read_ns) > 0)
		return;
	c->live++;
	c->half_open += flow->state == DT_FLOW_HALF_OPEN ||
			(changed_since && (flow->state == DT_FLOW_ESTABLISHED || flow->state == DT_FLOW_REFUSED));
}

static int recount_take(struct dt_flows *f, const struct dt_flow_key *key, const struct dt_flow *flow, void *data)
{
	struct client *c = client_find(f, flow->client_id);

	if (flow->dir != DT_DIR_UP || flow->state == DT_FLOW_ENDED)
		return 0;
	recount_for(f->all, flow);
	if (c)
		recount_for(c, flow);
	return 0;
}

/* Reads a client's usage at a moment when no flow began. */
static int usage_read(const struct dt_flows *f, struct client *c)
{
	int fd = f->maps.usage_fd;
	struct dt_client_usage before;
	int err = 0;

	for (int i = 0; err == 0 && i < READ_TRIES; i++) {
		err = bpf_map_lookup_elem(fd, &c->id, &before);
		c->read_ns = dt_now_ns();
		if (err == 0)
			err = bpf_map_lookup_elem(fd, &c->id, &c->usage);
		if (err == 0 && before.started == c->usage.started)
			break;
	}
	return err;
}

static int usage_key_take(const void *key, void *data)
{
	uint64_t id;

	memcpy(&id, key, sizeof(id));
	return dt_flows_client_add(data, id);
}

/*
 * A crash between deleting a flow and counting it leaves "ended" too small. This sets it from the flows that exist,
 * while packets go on. A flow that restarted since the usage was read existed before, in the same entries.
 */
static int recount(struct dt_flows *f)
{
	int usage_fd = f->maps.usage_fd;
	int err = dt_bpf_map_walk(usage_fd, sizeof(uint64_t), usage_key_take, f);
	struct dt_client_usage after;
	struct client *c, *tmp;

	HASH_ITER(hh, f->clients, c, tmp)
		err = err ? err : usage_read(f, c);
	if (err == 0)
		err = walk(f, recount_take, NULL);
	HASH_ITER(hh, f->clients, c, tmp) {
		if (err == 0)
			err = bpf_map_lookup_elem(usage_fd, &c->id, &after);
		if (err)
			return err;
		c->live += after.restarted - c->usage.restarted;
		c->ended.flows = c->usage.started - c->usage.restarted - c->live;
		c->ended.half_open = c->usage.started - c->usage.established - c->half_open;
		err = ended_store(f, c);
	}
	return err;
}

int dt_flows_new(struct dt_flows **out, const struct dt_flow_maps *maps)
{
	struct dt_flows *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->maps = *maps;
	err = dt_flows_client_add(f, 0);
	f->all = client_find(f, 0);
	if (err == 0)
		err = recount(f);
	if (err) {
		dt_flows_free(f);
		return err;
	}
	*out = f;
	return 0;
}

void dt_flows_free(struct dt_flows *f)
{
	struct client *c, *tmp;

	if (!f)
		return;
	HASH_ITER(hh, f->clients, c, tmp) {
		HASH_DELETE(hh, f->clients, c);
		free(c);
	}
	free(f);
}

/* --- sweep ------------------------------------------------------------------------------------- */

static uint64_t last_seen(const struct dt_flow *up, const struct dt_flow *down)
{
	return down && down->seen_ns > up->seen_ns ? down->seen_ns : up->seen_ns;
}

/* FIN both ways: only late segments can follow. */
static bool is_finished(const struct dt_flow *up, const struct dt_flow *down)
{
	return down && up->flags & down->flags & DT_FLOW_FIN;
}

static uint64_t flow_end(const struct dt_flows *f, const struct dt_flow *up, const struct dt_flow *down)
{
	switch ((enum dt_flow_state)up->state) {
	case DT_FLOW_HALF_OPEN:
	case DT_FLOW_REFUSED:
		return up->changed_ns + f->config.half_open_ns;
	case DT_FLOW_ESTABLISHED:
		if (is_finished(up, down))
			return last_seen(up, down) + f->config.closing_ns;
		return last_seen(up, down) + f->config.idle_ns;
	case DT_FLOW_CLOSING:
		return up->changed_ns + f->config.closing_ns;
	case DT_FLOW_ENDED:
		break;
	}
	return up->changed_ns;
}

static void ended_add(struct client *c, const struct dt_flow *up, const struct dt_flow *down)
{
	if (!c)
		return;
	if (up->state != DT_FLOW_ENDED) {
		c->ended.flows++;
		c->ended.half_open += up->state == DT_FLOW_HALF_OPEN;
	}
	c->ended.bytes_up += up->bytes;
	c->ended.bytes_down += down ? down->bytes : 0;
	c->changed = true;
}

static const char *end_word(const struct dt_flow *up, const struct dt_flow *down)
{
	switch ((enum dt_flow_state)up->state) {
	case DT_FLOW_HALF_OPEN:
		return "unanswered";
	case DT_FLOW_ESTABLISHED:
		return is_finished(up, down) ? "closed" : "idle";
	case DT_FLOW_CLOSING:
		return (up->flags | (down ? down->flags : 0)) & DT_FLOW_RESET ? "reset" : "closed";
	case DT_FLOW_REFUSED:
		return "refused";
	case DT_FLOW_ENDED:
		return "replaced";
	}
	return "ended";
}

static struct dt_flow_view view_of(const struct dt_flow_key *key, const struct dt_flow *up, const struct dt_flow *down)
{
	return (struct dt_flow_view){
		.client = {key->src, ntohs(key->sport_be16)},
		.relay = {key->dst, ntohs(key->dport_be16)},
		.source = {up->new_src, ntohs(up->new_sport_be16)},
		.server = {up->new_dst, ntohs(up->new_dport_be16)},
		.up = up,
		.down = down,
	};
}

/* why: NULL if its time has come. */
static int flow_delete(struct dt_flows *f, const struct dt_flow_key *key, const struct dt_flow_key *down_key,
		       const char *why, uint64_t now_ns)
{
	struct dt_flow up, down, *has_down;
	struct dt_flow_view view;
	uint64_t ended_ns = now_ns;
	int err = bpf_map_lookup_and_delete_elem(f->maps.flows_fd, key, &up);

	if (err)
		return err == -ENOENT ? 0 : err;
	has_down = down_find(f, key, down_key, &down) &&
				   bpf_map_lookup_and_delete_elem(f->maps.flows_fd, down_key, &down) == 0
			   ? &down
			   : NULL;
	ended_add(client_find(f, up.client_id), &up, has_down);
	ended_add(f->all, &up, has_down);
	if (!f->ended)
		return 0;
	view = view_of(key, &up, has_down);
	if (!why) {
		why = end_word(&up, has_down);
		ended_ns = up.state == DT_FLOW_ESTABLISHED || up.state == DT_FLOW_HALF_OPEN ? last_seen(&up, has_down)
											    : up.changed_ns;
	}
	f->ended(&view, why, ended_ns, now_ns, f->ended_data);
	return 0;
}

/* What is left where a crash came between the two insertions of a flow. */
static int orphan_delete(struct dt_flows *f, const struct dt_flow_key *key, const struct dt_flow *down,
			 const struct dt_flow_key *up_key, uint64_t now_ns)
{
	struct dt_flow up;

	if (now_ns > down->seen_ns + ORPHAN_NS && bpf_map_lookup_elem(f->maps.flows_fd, up_key, &up) == -ENOENT)
		return dt_bpf_map_delete(f->maps.flows_fd, key);
	return 0;
}

/* Did the server end the flow by an RST, before data went either way? */
static bool is_refusal(const struct dt_flow_view *view)
{
	const struct dt_flow *up = view->up, *down = view->down;

	return up->state == DT_FLOW_CLOSING && down && down->flags & DT_FLOW_RESET && up->end == up->start &&
	       down->end == down->start;
}

/* Tells of the answer to its SYN, once. changed_ns is when the flow was established, or when that RST came by. */
static void answer_tell(struct dt_flows *f, const struct dt_flow_view *view)
{
	const struct dt_flow *up = view->up;

	if (up->changed_ns <= f->swept_ns || up->changed_ns > f->sweep.now_ns)
		return;
	if (f->answered && up->state == DT_FLOW_ESTABLISHED)
		f->answered(view, up->changed_ns - up->started_ns, f->answered_data);
	if (f->refused && is_refusal(view))
		f->refused(view, f->refused_data);
}

static bool is_open(const struct dt_flow *up, const struct dt_flow *down)
{
	return (up->state == DT_FLOW_HALF_OPEN || up->state == DT_FLOW_ESTABLISHED) && !is_finished(up, down);
}

/* A flow that stays counts for its client's rates. */
static void swept_add(struct client *c, const struct dt_flow *up, const struct dt_flow *down)
{
	if (!c)
		return;
	c->swept_up += up->bytes;
	c->swept_down += down ? down->bytes : 0;
}

/* A walk may miss entries while others come and go: then the count seems to fall. */
static uint64_t rate_bps(uint64_t before, uint64_t now, uint64_t ns)
{
	return now > before && ns ? (uint64_t)((double)(now - before) * 8 * DT_SEC / (double)ns) : 0;
}

static void rates_update(struct client *c, uint64_t now_ns)
{
	uint64_t up = c->ended.bytes_up + c->swept_up, down = c->ended.bytes_down + c->swept_down;
	struct rates *r = &c->rates;

	if (r->at_ns) {
		r->up_bps = rate_bps(r->bytes_up, up, now_ns - r->at_ns);
		r->down_bps = rate_bps(r->bytes_down, down, now_ns - r->at_ns);
	}
	r->bytes_up = up;
	r->bytes_down = down;
	r->at_ns = now_ns;
}

static void all_rates_update(struct dt_flows *f, uint64_t now_ns)
{
	struct client *c, *tmp;

	HASH_ITER(hh, f->clients, c, tmp)
		rates_update(c, now_ns);
}

static int sweep_take(struct dt_flows *f, const struct dt_flow_key *key, const struct dt_flow *flow, void *data)
{
	struct sweep *s = data;
	struct dt_flow_key other_key;
	struct dt_flow other, *down;
	struct dt_flow_view view;
	const char *why;
	int err;

	peer_key(&other_key, flow);
	if (flow->dir == DT_DIR_DOWN)
		return orphan_delete(f, key, flow, &other_key, s->now_ns);
	down = down_find(f, key, &other_key, &other) ? &other : NULL;
	view = view_of(key, flow, down);
	why = s->doomed ? s->doomed(&view, s->data) : NULL;
	answer_tell(f, &view);
	if (!why && s->now_ns <= flow_end(f, flow, down) + DT_FLOW_SWEEP_NS) {
		s->open += is_open(flow, down);
		swept_add(client_find(f, flow->client_id), flow, down);
		swept_add(f->all, flow, down);
		return 0;
	}
	err = flow_delete(f, key, &other_key, why, s->now_ns);
	s->count += err == 0 && why != NULL;
	return err;
}

void dt_flows_sweep_begin(struct dt_flows *f, uint64_t now_ns, dt_flow_doomed_fn doomed, void *data)
{
	struct client *c, *tmp;

	HASH_ITER(hh, f->clients, c, tmp)
		c->swept_up = c->swept_down = 0;
	f->config = *f->maps.config;
	f->sweep = (struct sweep){.active = true, .now_ns = now_ns, .doomed = doomed, .data = data};
}

static int sweep_end(struct dt_flows *f, int err)
{
	int store_err;

	f->sweep.active = false;
	f->open_known = err == 0;
	if (err == 0) {
		f->open = f->sweep.open;
		f->swept_ns = f->sweep.now_ns;
		all_rates_update(f, f->sweep.now_ns);
	}
	store_err = all_ended_store(f);
	return err ? err : store_err;
}

int dt_flows_sweep_step(struct dt_flows *f, uint64_t budget_ns)
{
	uint64_t until_ns = dt_now_ns() + budget_ns;
	int more = f->sweep.active;

	if (!more)
		return 0;
	if (f->sampling)
		return 1;
	do
		more = walk_some(f, &f->sweep.at, sweep_take, &f->sweep);
	while (more > 0 && dt_now_ns() < until_ns);
	return more > 0 ? 1 : sweep_end(f, more);
}

size_t dt_flows_sweep_doomed(const struct dt_flows *f)
{
	return f->sweep.count;
}

bool dt_flows_open(const struct dt_flows *f, uint64_t *count)
{
	*count = f->open;
	return f->open_known;
}

void dt_flows_on_answer(struct dt_flows *f, dt_flow_answered_fn answered, void *data)
{
	f->answered = answered;
	f->answered_data = data;
}

void dt_flows_on_refusal(struct dt_flows *f, dt_flow_refused_fn refused, void *data)
{
	f->refused = refused;
	f->refused_data = data;
}

void dt_flows_on_end(struct dt_flows *f, dt_flow_ended_fn ended, void *data)
{
	f->ended = ended;
	f->ended_data = data;
}

int dt_flows_prune(struct dt_flows *f, bool (*keep)(uint64_t client_id, void *data), void *data)
{
	struct client *c, *tmp;
	struct dt_flow_totals totals;
	int err;

	HASH_ITER(hh, f->clients, c, tmp) {
		if (c->id == 0 || keep(c->id, data))
			continue;
		err = dt_flows_totals(f, c->id, &totals);
		if ((err && err != -ENOENT) || totals.flows)
			continue;
		err = dt_bpf_map_delete(f->maps.usage_fd, &c->id);
		if (err == 0)
			err = dt_bpf_map_delete(f->maps.ended_fd, &c->id);
		if (err)
			return err;
		HASH_DELETE(hh, f->clients, c);
		free(c);
	}
	return 0;
}

/* --- totals ------------------------------------------------------------------------------------ */

static int sample_take(struct dt_flows *f, const struct dt_flow_key *key, const struct dt_flow *flow, void *data)
{
	struct client *both[] = {client_find(f, flow->client_id), f->all};

	for (int i = 0; i < 2; i++) {
		if (!both[i])
			continue;
		if (flow->dir == DT_DIR_UP)
			both[i]->sampled_up += flow->bytes;
		else
			both[i]->sampled_down += flow->bytes;
	}
	return 0;
}

void dt_flows_sample_begin(struct dt_flows *f)
{
	struct client *c, *tmp;

	HASH_ITER(hh, f->clients, c, tmp)
		c->sampled_up = c->sampled_down = 0;
	f->sampling = true;
	f->sample_at = (struct position){0};
}

/* Of all clients at once: a flow that ends later is in what ended, too. */
static void sample_end(struct dt_flows *f)
{
	struct client *c, *tmp;

	HASH_ITER(hh, f->clients, c, tmp) {
		c->bytes_up = c->ended.bytes_up + c->sampled_up;
		c->bytes_down = c->ended.bytes_down + c->sampled_down;
	}
	f->sampling = false;
}

int dt_flows_sample_step(struct dt_flows *f, uint64_t budget_ns)
{
	uint64_t until_ns = dt_now_ns() + budget_ns;
	int more = f->sampling;

	if (!more)
		return 0;
	do
		more = walk_some(f, &f->sample_at, sample_take, NULL);
	while (more > 0 && dt_now_ns() < until_ns);
	if (more <= 0)
		sample_end(f);
	return more;
}

void dt_flows_sample_cancel(struct dt_flows *f)
{
	f->sampling = false;
}

int dt_flows_totals(struct dt_flows *f, uint64_t client_id, struct dt_flow_totals *out)
{
	struct client *c = client_find(f, client_id);
	struct dt_client_usage usage;
	int err;

	memset(out, 0, sizeof(*out));
	if (!c)
		return -ENOENT;
	err = bpf_map_lookup_elem(f->maps.usage_fd, &client_id, &usage);
	if (err)
		return err;
	out->flows = usage.started - usage.restarted - c->ended.flows;
	if ((int64_t)out->flows < 0) /* a flow is counted in before it is there, and out after it has gone */
		out->flows = 0;
	out->rate_dropped = usage.rate_dropped[DT_DIR_UP] + usage.rate_dropped[DT_DIR_DOWN];
	out->bytes_up = c->bytes_up;
	out->bytes_down = c->bytes_down;
	out->up_bps = c->rates.up_bps;
	out->down_bps = c->rates.down_bps;
	out->swept_up = c->rates.bytes_up;
	out->swept_down = c->rates.bytes_down;
	return 0;
}
