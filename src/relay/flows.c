/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/flows.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/clock.h"

#define BATCH 1024
#define READ_TRIES 1000
/* A down entry without its up entry is what a crash between two insertions leaves. */
#define ORPHAN_NS (30 * DT_SEC)

struct client {
	uint64_t id;
	struct dt_client_ended ended; /* as in the map; we are its only writer */
	bool changed;
	uint64_t live_up, live_down; /* bytes, at the last sample */
	/* while recounting: */
	uint64_t live, half_open; /* flows */
	struct dt_client_usage usage;
	uint64_t read_ns; /* when usage was read */
	UT_hash_handle hh;
};

struct dt_flows {
	struct dt_dataplane *dataplane;
	int fd;
	struct client *clients;
	struct dt_nat_config config;
	uint64_t open; /* at the last sweep */
	dt_flow_ended_fn ended;
	void *ended_data;
	dt_flow_answered_fn answered;
	void *answered_data;
	uint64_t swept_ns;
};

/* --- walking the map --------------------------------------------------------------------------- */

typedef int (*walk_fn)(struct dt_flows *f, const struct dt_flow_key *key, const struct dt_flow *flow, void *data);

/* Calls fn for every entry; entries that come and go meanwhile may be seen or not. */
static int walk(struct dt_flows *f, walk_fn fn, void *data)
{
	static struct dt_flow_key keys[BATCH];
	static struct dt_flow values[BATCH];
	uint32_t room = BATCH;
	uint32_t token, *in = NULL;
	bool more = true;

	while (more) {
		uint32_t count = room;
		int err = bpf_map_lookup_batch(f->fd, in, &token, keys, values, &count, NULL);

		if (err < 0 && err != -ENOENT && errno != ENOENT)
			return -errno;
		more = err == 0;
		for (uint32_t i = 0; i < count; i++) {
			int verdict = fn(f, &keys[i], &values[i], data);

			if (verdict)
				return verdict;
		}
		in = &token;
	}
	return 0;
}

static void peer_key(struct dt_flow_key *key, const struct dt_flow *flow)
{
	memset(key, 0, sizeof(*key));
	key->src = flow->new_dst;
	key->dst = flow->new_src;
	key->sport_be16 = flow->new_dport_be16;
	key->dport_be16 = flow->new_sport_be16;
}

static struct client *client_find(struct dt_flows *f, uint64_t id)
{
	struct client *c;

	HASH_FIND(hh, f->clients, &id, sizeof(id), c);
	return c;
}

static void ended_store(struct dt_flows *f, struct client *c)
{
	bpf_map_update_elem(dt_dataplane_fd(f->dataplane, DT_MAP_ENDED), &c->id, &c->ended, BPF_ANY);
	c->changed = false;
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
	err = bpf_map_update_elem(dt_dataplane_fd(f->dataplane, DT_MAP_USAGE), &client_id, &zero, BPF_NOEXIST);
	if (err == 0 || err == -EEXIST || errno == EEXIST)
		err = 0;
	if (err == 0 && bpf_map_lookup_elem(dt_dataplane_fd(f->dataplane, DT_MAP_ENDED), &client_id, &c->ended) < 0)
		err = bpf_map_update_elem(dt_dataplane_fd(f->dataplane, DT_MAP_ENDED), &client_id, &c->ended, BPF_ANY);
	if (err) {
		free(c);
		return err;
	}
	HASH_ADD(hh, f->clients, id, sizeof(c->id), c);
	return 0;
}

/* Was it there at the moment the client's usage was read? Flows begin, change and begin again while we walk. */
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
	struct client *c = client_find(f, flow->client_id), *all = client_find(f, 0);

	if (flow->dir != DT_DIR_UP || flow->state == DT_FLOW_ENDED)
		return 0;
	recount_for(all, flow);
	if (c)
		recount_for(c, flow);
	return 0;
}

/* Reads a client's usage at a moment at which nothing began. */
static bool usage_read(const struct dt_flows *f, struct client *c)
{
	int fd = dt_dataplane_fd(f->dataplane, DT_MAP_USAGE);
	struct dt_client_usage before;

	for (int i = 0; i < READ_TRIES; i++) {
		if (bpf_map_lookup_elem(fd, &c->id, &before) < 0)
			return false;
		c->read_ns = dt_now_ns();
		if (bpf_map_lookup_elem(fd, &c->id, &c->usage) < 0)
			return false;
		if (before.started == c->usage.started)
			break;
	}
	return true;
}

/*
 * A crash between deleting a flow and counting it makes "ended" too small: set it from what is there, while packets go
 * on. What began anew since the usage was read was there before, on the same entries.
 */
static int recount(struct dt_flows *f)
{
	int usage_fd = dt_dataplane_fd(f->dataplane, DT_MAP_USAGE), err;
	struct dt_client_usage after;
	struct client *c, *tmp;
	uint64_t key, next;
	bool first = true;

	while (bpf_map_get_next_key(usage_fd, first ? NULL : &key, &next) == 0) {
		first = false;
		key = next;
		err = dt_flows_client_add(f, key);
		if (err)
			return err;
	}
	HASH_ITER(hh, f->clients, c, tmp)
		usage_read(f, c);
	err = walk(f, recount_take, NULL);
	if (err)
		return err;
	HASH_ITER(hh, f->clients, c, tmp) {
		if (bpf_map_lookup_elem(usage_fd, &c->id, &after) < 0)
			continue;
		c->live += after.restarted - c->usage.restarted;
		c->ended.flows = c->usage.started - c->usage.restarted - c->live;
		c->ended.half_open = c->usage.started - c->usage.established - c->half_open;
		ended_store(f, c);
	}
	return 0;
}

int dt_flows_new(struct dt_flows **out, struct dt_dataplane *dataplane, uint64_t now_ns)
{
	struct dt_flows *f = calloc(1, sizeof(*f));
	int err;

	if (!f)
		return -ENOMEM;
	f->dataplane = dataplane;
	f->fd = dt_dataplane_fd(dataplane, DT_MAP_FLOWS);
	err = dt_flows_client_add(f, 0);
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

struct sweep {
	uint64_t now_ns;
	dt_flow_doomed_fn doomed;
	void *data;
	size_t count;
	uint64_t open;
};

static uint64_t last_seen(const struct dt_flow *up, const struct dt_flow *down)
{
	return down && down->seen_ns > up->seen_ns ? down->seen_ns : up->seen_ns;
}

/* FIN both ways: what is left is late segments. */
static bool is_finished(const struct dt_flow *up, const struct dt_flow *down)
{
	return down && up->flags & down->flags & DT_FLOW_FIN;
}

static uint64_t flow_end(const struct dt_flows *f, const struct dt_flow *up, const struct dt_flow *down)
{
	switch ((enum dt_flow_state)up->state) {
	case DT_FLOW_HALF_OPEN:
		return up->changed_ns + f->config.half_open_ns;
	case DT_FLOW_ESTABLISHED:
		if (is_finished(up, down))
			return last_seen(up, down) + f->config.closing_ns;
		return last_seen(up, down) + f->config.idle_ns;
	case DT_FLOW_CLOSING:
	case DT_FLOW_REFUSED:
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
static void flow_delete(struct dt_flows *f, const struct dt_flow_key *key, const struct dt_flow_key *down_key,
			const char *why, uint64_t now_ns)
{
	struct dt_flow up, down, *has_down;
	struct dt_flow_view view;
	uint64_t ended_ns = now_ns;

	if (bpf_map_lookup_and_delete_elem(f->fd, key, &up) < 0)
		return;
	has_down = bpf_map_lookup_and_delete_elem(f->fd, down_key, &down) == 0 ? &down : NULL;
	ended_add(client_find(f, up.client_id), &up, has_down);
	ended_add(client_find(f, 0), &up, has_down);
	if (!f->ended)
		return;
	view = view_of(key, &up, has_down);
	if (!why) {
		why = end_word(&up, has_down);
		ended_ns = up.state == DT_FLOW_ESTABLISHED || up.state == DT_FLOW_HALF_OPEN ? last_seen(&up, has_down)
											    : up.changed_ns;
	}
	f->ended(&view, why, ended_ns, now_ns, f->ended_data);
}

static int sweep_take(struct dt_flows *f, const struct dt_flow_key *key, const struct dt_flow *flow, void *data)
{
	struct sweep *s = data;
	struct dt_flow_key other_key;
	struct dt_flow other, *down = NULL;
	const char *why = NULL;

	peer_key(&other_key, flow);
	if (flow->dir == DT_DIR_DOWN) {
		if (s->now_ns > flow->seen_ns + ORPHAN_NS && bpf_map_lookup_elem(f->fd, &other_key, &other) < 0)
			bpf_map_delete_elem(f->fd, key);
		return 0;
	}
	if (bpf_map_lookup_elem(f->fd, &other_key, &other) == 0)
		down = &other;
	if (s->doomed) {
		struct dt_flow_view view = view_of(key, flow, down);

		why = s->doomed(&view, s->data);
	}
	/* changed_ns of an established flow is when the answer to its SYN came by */
	if (f->answered && flow->state == DT_FLOW_ESTABLISHED && flow->changed_ns > f->swept_ns) {
		struct dt_flow_view view = view_of(key, flow, down);

		f->answered(&view, flow->changed_ns - flow->started_ns, f->answered_data);
	}
	if (why || s->now_ns > flow_end(f, flow, down) + DT_FLOW_SWEEP_NS) {
		flow_delete(f, key, &other_key, why, s->now_ns);
		s->count += why != NULL;
	} else {
		s->open += (flow->state == DT_FLOW_HALF_OPEN || flow->state == DT_FLOW_ESTABLISHED) &&
			   !is_finished(flow, down);
	}
	return 0;
}

size_t dt_flows_sweep(struct dt_flows *f, uint64_t now_ns, dt_flow_doomed_fn doomed, void *data)
{
	struct sweep s = {now_ns, doomed, data, 0, 0};
	struct client *c, *tmp;

	f->config = *dt_dataplane_config(f->dataplane);
	walk(f, sweep_take, &s);
	HASH_ITER(hh, f->clients, c, tmp)
		if (c->changed)
			ended_store(f, c);
	f->open = s.open;
	f->swept_ns = now_ns;
	return s.count;
}

uint64_t dt_flows_open(const struct dt_flows *f)
{
	return f->open;
}

void dt_flows_on_answer(struct dt_flows *f, dt_flow_answered_fn answered, void *data)
{
	f->answered = answered;
	f->answered_data = data;
}

void dt_flows_on_end(struct dt_flows *f, dt_flow_ended_fn ended, void *data)
{
	f->ended = ended;
	f->ended_data = data;
}

void dt_flows_prune(struct dt_flows *f, bool (*keep)(uint64_t client_id, void *data), void *data)
{
	struct client *c, *tmp;
	struct dt_flow_totals totals;

	HASH_ITER(hh, f->clients, c, tmp) {
		if (c->id == 0 || keep(c->id, data))
			continue;
		dt_flows_totals(f, c->id, &totals);
		if (totals.flows)
			continue;
		bpf_map_delete_elem(dt_dataplane_fd(f->dataplane, DT_MAP_USAGE), &c->id);
		bpf_map_delete_elem(dt_dataplane_fd(f->dataplane, DT_MAP_ENDED), &c->id);
		HASH_DELETE(hh, f->clients, c);
		free(c);
	}
}

/* --- totals ------------------------------------------------------------------------------------ */

static int sample_take(struct dt_flows *f, const struct dt_flow_key *key, const struct dt_flow *flow, void *data)
{
	struct client *both[] = {client_find(f, flow->client_id), client_find(f, 0)};

	for (int i = 0; i < 2; i++) {
		if (!both[i])
			continue;
		if (flow->dir == DT_DIR_UP)
			both[i]->live_up += flow->bytes;
		else
			both[i]->live_down += flow->bytes;
	}
	return 0;
}

void dt_flows_sample(struct dt_flows *f)
{
	struct client *c, *tmp;

	HASH_ITER(hh, f->clients, c, tmp) {
		c->live_up = 0;
		c->live_down = 0;
	}
	walk(f, sample_take, NULL);
}

void dt_flows_totals(struct dt_flows *f, uint64_t client_id, struct dt_flow_totals *out)
{
	struct client *c = client_find(f, client_id);
	struct dt_client_usage usage;

	memset(out, 0, sizeof(*out));
	if (!c || bpf_map_lookup_elem(dt_dataplane_fd(f->dataplane, DT_MAP_USAGE), &client_id, &usage) < 0)
		return;
	out->flows = usage.started - usage.restarted - c->ended.flows;
	if ((int64_t)out->flows < 0) /* a flow is counted in before it is there, and out after it has gone */
		out->flows = 0;
	out->rate_dropped = usage.rate_dropped[DT_DIR_UP] + usage.rate_dropped[DT_DIR_DOWN];
	out->bytes_up = c->ended.bytes_up + c->live_up;
	out->bytes_down = c->ended.bytes_down + c->live_down;
}
