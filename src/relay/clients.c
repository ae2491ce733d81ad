/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may use the relay: the [client NAME] sections in force, and those who joined by invitation, their keys and limits.
 * Where both have a name or a key, the section counts. A client that a reload leaves out, or that is revoked, loses its
 * rights and its leases, and is dropped. Its flows are ended in steps after that; until then its name stays known.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/bpf.h"
#include "base/clock.h"
#include "relay/relay.h"
#include "relay/report.h"

#define REQUESTS_MORE 100
/* What the holder of an invitation may ask: enough for a join. */
#define HOLDER_REQUESTS 5

static struct dt_client_limits limits_of(const struct dt_peer_conf *conf)
{
	/* a handshake is short: an eighth of the flows, but at least 64, may be half-open */
	uint32_t half_open = conf->max_flows / 8 > 64 ? conf->max_flows / 8 : 64;

	return (struct dt_client_limits){
		.max_flows = conf->max_flows,
		.max_half_open = half_open < conf->max_flows ? half_open : conf->max_flows,
		.max_new_flows = conf->max_new_flows,
		.rate = conf->max_rate_bps / 8,
		.bucket_ns = dt_rate_bucket_ns(conf->max_rate_bps),
		.flags = conf->plain_tcp ? DT_CLIENT_PLAIN_TCP : 0,
	};
}

static void converter_limit(struct dt_relay *r, const struct dt_relay_client *c)
{
	const struct dt_converter_limits limits = {.max_connections = c->conf->max_flows,
						   .max_new = c->conf->max_new_flows,
						   .rate = c->conf->max_rate_bps / 8};

	if (c->conf->convert)
		dt_converters_limit(r->converters, c->id, &limits);
}

/* Sets its limits, of the flags only these, and lets it in. Logs why it failed. */
static int client_permit(struct dt_relay *r, struct dt_relay_client *c, uint32_t flags)
{
	struct dt_client_limits limits = limits_of(c->conf);
	int err = dt_flows_client_add(r->flows, c->id);

	limits.flags &= flags;

	/* detourd asks for each lease less often than once a second */
	converter_limit(r, c);
	dt_relay_peer_limit(c->peer, c->conf->max_leases + REQUESTS_MORE, 2 * (c->conf->max_leases + REQUESTS_MORE));
	if (err == 0 && memcmp(&limits, &c->limits, sizeof(limits)) != 0)
		err = bpf_map_update_elem(dt_dataplane_fd(r->dataplane, DT_MAP_CLIENTS), &c->id, &limits, BPF_ANY);
	if (err) {
		dt_log_err("client %s: cannot set its limits: %s", c->conf->name, strerror(-err));
		return err;
	}
	c->limits = limits;
	c->state = DT_CLIENT_PERMITTED;
	return 0;
}

const struct dt_relay_client *dt_relay_client_find(const struct dt_relay *r, uint64_t id)
{
	struct dt_relay_client *c;

	HASH_FIND(hh, r->clients, &id, sizeof(id), c);
	return c;
}

const struct dt_peer_conf *dt_relay_client_conf(const struct dt_relay *r, uint64_t id)
{
	const struct dt_relay_client *c = dt_relay_client_find(r, id);

	return c ? c->conf : NULL;
}

/* A client that a reload took away. */
struct dt_relay_gone {
	uint64_t id;
	char *name;
	UT_hash_handle hh;
};

static void gone_note(struct dt_relay *r, const struct dt_relay_client *c)
{
	struct dt_relay_gone *gone;

	HASH_FIND(hh, r->gone, &c->id, sizeof(c->id), gone);
	if (gone)
		return;
	gone = calloc(1, sizeof(*gone));
	if (!gone)
		return;
	gone->id = c->id;
	gone->name = strdup(c->conf->name);
	HASH_ADD(hh, r->gone, id, sizeof(gone->id), gone);
}

void dt_relay_gone_forget(struct dt_relay *r)
{
	struct dt_relay_gone *gone, *tmp;

	HASH_ITER(hh, r->gone, gone, tmp) {
		HASH_DELETE(hh, r->gone, gone);
		free(gone->name);
		free(gone);
	}
}

const char *dt_relay_client_name(const struct dt_relay *r, uint64_t id)
{
	const struct dt_peer_conf *conf = dt_relay_client_conf(r, id);
	const struct dt_relay_gone *gone;

	if (conf)
		return conf->name;
	HASH_FIND(hh, r->gone, &id, sizeof(id), gone);
	return gone ? gone->name : NULL;
}

bool dt_relay_client_converts(const struct dt_relay *r, uint64_t id)
{
	const struct dt_peer_conf *conf = dt_relay_client_conf(r, id);

	return conf && conf->convert && dt_relay_client_permitted(id, (void *)r);
}

void dt_relay_converter_apply(struct dt_relay *r)
{
	bool wanted = false;

	for (size_t i = 0; i < r->config->nclients; i++)
		wanted = wanted || r->config->clients[i].convert;
	for (const struct dt_relay_client *c = r->clients; c; c = c->hh.next)
		wanted = wanted || c->conf->convert;
	dt_converters_source_ports(r->converters, r->config->source_ports);
	dt_converters_want(r->converters, wanted);
}

bool dt_relay_client_permitted(uint64_t id, void *relay)
{
	const struct dt_relay_client *c = dt_relay_client_find(relay, id);

	return c && c->state == DT_CLIENT_PERMITTED;
}

/*
 * It waits: client_permit() lets it in. invitation: NULL, or the one that conf is of. Logs why it failed.
 */
static int client_add(struct dt_relay *r, const struct dt_peer_conf *conf, struct dt_invitation *invitation)
{
	struct dt_relay_client *c = calloc(1, sizeof(*c));
	int err = c ? 0 : -ENOMEM;

	if (err == 0) {
		c->conf = conf;
		c->invitation = invitation;
		err = dt_relay_proto_peer_add(r->proto, conf->public_key, c, &c->peer);
	}
	if (err) {
		dt_log_err("client %s: %s", conf->name, strerror(-err));
		free(c);
		return err;
	}
	c->id = dt_relay_peer_id(c->peer);
	HASH_ADD(hh, r->clients, id, sizeof(c->id), c);
	return 0;
}

static void client_drop(struct dt_relay *r, struct dt_relay_client *c)
{
	HASH_DELETE(hh, r->clients, c);
	dt_relay_proto_peer_remove(r->proto, c->peer);
	free(c);
}

/* Takes the limits of a client that is gone or revoked: BPF opens no flow for a client without limits. */
static int limits_delete(const struct dt_relay *r, uint64_t id)
{
	dt_bpf_map_delete(dt_dataplane_fd(r->dataplane, DT_MAP_SHARES), &id);
	return dt_bpf_map_delete(dt_dataplane_fd(r->dataplane, DT_MAP_CLIENTS), &id);
}

static int limits_prune_one(const void *key, void *relay)
{
	uint64_t id;

	memcpy(&id, key, sizeof(id));
	return dt_relay_client_permitted(id, relay) ? 0 : limits_delete(relay, id);
}

static int limits_fail(int err)
{
	if (err)
		dt_log_err("cannot take the permission from clients that are gone: %s", strerror(-err));
	return err;
}

/* --- shares of the source ports ---------------------------------------------------------------- */

/*
 * Half of the source ports towards each server are divided among the clients, the other half is for whoever needs it. With
 * more clients than that has ports, all is for all.
 */
struct shares {
	unsigned base, own; /* the first port that is some client's, and how many each has */
	unsigned next;	    /* of the next client */
};

static struct shares shares_divide(const struct dt_relay *r, const struct dt_port_range *range)
{
	unsigned size = range->max - range->min + 1U, count = 0;
	struct shares s;

	for (const struct dt_relay_client *c = r->clients; c; c = c->hh.next)
		count += c->state == DT_CLIENT_PERMITTED;
	s.own = count ? size / 2 / count : 0;
	s.base = s.next = size - s.own * count;
	return s;
}

/* Gives the next client its share. */
static int share_store(struct dt_relay *r, struct shares *s, struct dt_relay_client *c)
{
	int fd = dt_dataplane_fd(r->dataplane, DT_MAP_SHARES), err;
	struct dt_port_share share = {0};

	if (c->state != DT_CLIENT_PERMITTED)
		return 0;
	if (s->own)
		share = (struct dt_port_share){(uint16_t)s->base, (uint16_t)s->next, (uint16_t)s->own, 0};
	s->next += s->own;
	if (c->share_known && memcmp(&share, &c->share, sizeof(share)) == 0)
		return 0;
	err = s->own ? bpf_map_update_elem(fd, &c->id, &share, BPF_ANY) : dt_bpf_map_delete(fd, &c->id);
	c->share_known = err == 0;
	c->share = share;
	return err;
}

static int shares_fail(int err)
{
	if (err)
		dt_log_err("cannot divide the source ports among the clients: %s", strerror(-err));
	return err;
}

/* --- holders of invitations -------------------------------------------------------------------- */

int dt_relay_holder_add(struct dt_relay *r, struct dt_invitation *i)
{
	struct dt_relay_client *holder = calloc(1, sizeof(*holder));
	int err = holder ? dt_relay_proto_peer_add(r->proto, i->public_key, holder, &holder->peer) : -ENOMEM;

	if (err) {
		dt_log_err("invitation of %s: %s", i->conf.name, strerror(-err));
		free(holder);
		return err;
	}
	holder->conf = &i->conf;
	holder->invitation = i;
	holder->state = DT_CLIENT_PERMITTED;
	dt_relay_peer_limit(holder->peer, HOLDER_REQUESTS, 2 * HOLDER_REQUESTS);
	i->holder = holder;
	return 0;
}

static void holder_drop(struct dt_relay *r, struct dt_invitation *i)
{
	if (!i->holder)
		return;
	dt_relay_proto_peer_remove(r->proto, i->holder->peer);
	free(i->holder);
	i->holder = NULL;
}

void dt_relay_holders_prune(struct dt_relay *r)
{
	struct dt_invitation *i;

	/* a client that is about to be dropped may point to one */
	if (r->reload.phase != DT_RELOAD_IDLE)
		return;
	while ((i = dt_invitations_take_old(&r->invitations, dt_now_s()))) {
		holder_drop(r, i);
		dt_invitation_free(i);
	}
}

/* --- a new configuration ----------------------------------------------------------------------- */

/* Who should be a client: a section of the configuration, or who joined. */
struct section {
	const struct dt_peer_conf *conf;
	struct dt_invitation *invitation; /* NULL: of the configuration */
	bool known;			  /* a client has it already */
	bool shadowed;			  /* one of the configuration has the name or the key */
	UT_hash_handle hh;		  /* by public key */
	UT_hash_handle hh_name;
};

struct dt_relay_clients_change {
	struct dt_relay *r;
	const struct dt_relay_config *fresh;
	enum { INDEX, KNOWN, NEW, TAKEN, PERMIT, SHARES, READY, DROP, DONE } phase;
	struct section *index, *names, *all;
	size_t count;
	size_t section;			/* the next */
	struct dt_relay_client *client; /* the next */
	struct shares shares;
	int err; /* the first */
};

struct dt_relay_clients_change *dt_relay_clients_change_new(struct dt_relay *r, const struct dt_relay_config *fresh)
{
	struct dt_relay_clients_change *change = calloc(1, sizeof(*change));
	size_t most = fresh->nclients + 1;
	struct dt_invitation *i;

	DL_FOREACH(r->invitations.list, i)
		most++;
	if (change)
		change->all = calloc(most, sizeof(*change->all));
	/* revoked ones would keep pointing into the old configuration */
	if (!change || !change->all)
		dt_memory_exhausted("clients");
	change->r = r;
	change->fresh = fresh;
	change->count = fresh->nclients;
	DL_FOREACH(r->invitations.list, i)
		if (dt_invitation_state(i, 0) == DT_INVITATION_JOINED)
			change->all[change->count++].invitation = i;
	return change;
}

static void phase_begin(struct dt_relay_clients_change *change, int phase)
{
	change->phase = phase;
	change->section = 0;
	change->client = change->r->clients;
}

static void fail_note(struct dt_relay_clients_change *change, int err)
{
	change->err = change->err ? change->err : err;
}

static void section_index(struct dt_relay_clients_change *change, size_t i)
{
	struct section *section = &change->all[i], *same;

	section->conf = section->invitation ? &section->invitation->conf : &change->fresh->clients[i];
	if (section->invitation) {
		HASH_FIND(hh, change->index, section->conf->public_key, DT_KEY_LEN, same);
		if (!same)
			HASH_FIND(hh_name, change->names, section->conf->name, strlen(section->conf->name), same);
		section->shadowed = same;
	}
	if (section->shadowed) {
		dt_log_warn("%s joined by invitation, but the configuration has a [client] of this name or key, which "
			    "counts "
			    "instead; detourd revoke %s forgets the other",
			    section->conf->name, section->conf->name);
		return;
	}
	HASH_ADD_KEYPTR(hh, change->index, section->conf->public_key, DT_KEY_LEN, section);
	HASH_ADD_KEYPTR(hh_name, change->names, section->conf->name, strlen(section->conf->name), section);
}

static void known_take(struct dt_relay_clients_change *change, struct dt_relay_client *c)
{
	struct section *section;

	HASH_FIND(hh, change->index, c->conf->public_key, DT_KEY_LEN, section);
	if (!section) {
		c->state = DT_CLIENT_REVOKED;
		fail_note(change, limits_fail(limits_delete(change->r, c->id)));
		return;
	}
	section->known = true;
	c->conf = section->conf;
	c->invitation = section->invitation;
	/* plain TCP to the old list's destinations would be more than either configuration permits */
	if (c->state == DT_CLIENT_PERMITTED)
		fail_note(change, client_permit(change->r, c, c->limits.flags));
}

static void section_take(struct dt_relay_clients_change *change, size_t i)
{
	const struct section *section = &change->all[i];

	if (!section->known && !section->shadowed)
		fail_note(change, client_add(change->r, section->conf, section->invitation));
}

bool dt_relay_clients_take_step(struct dt_relay_clients_change *change, uint64_t until_ns)
{
	struct dt_relay_client *c;

	do {
		bool by_section = change->phase != KNOWN;

		if (by_section ? change->section >= change->count : !change->client) {
			phase_begin(change, change->phase + 1);
		} else if (change->phase == INDEX) {
			section_index(change, change->section++);
		} else if (change->phase == NEW) {
			section_take(change, change->section++);
		} else {
			c = change->client;
			change->client = c->hh.next;
			known_take(change, c);
		}
	} while (change->phase < TAKEN && dt_now_ns() < until_ns);
	return change->phase < TAKEN;
}

bool dt_relay_clients_permit_step(struct dt_relay_clients_change *change, uint64_t until_ns)
{
	struct dt_relay_client *c;

	if (change->phase == TAKEN)
		phase_begin(change, PERMIT);
	do {
		c = change->client;
		if (!c) {
			phase_begin(change, change->phase + 1);
			change->shares = shares_divide(change->r, &change->fresh->source_ports);
			continue;
		}
		change->client = c->hh.next;
		if (change->phase == SHARES)
			fail_note(change, shares_fail(share_store(change->r, &change->shares, c)));
		else if (c->state != DT_CLIENT_REVOKED)
			fail_note(change, client_permit(change->r, c, UINT32_MAX));
	} while (change->phase < READY && dt_now_ns() < until_ns);
	return change->phase < READY;
}

bool dt_relay_clients_drop_step(struct dt_relay_clients_change *change, uint64_t until_ns)
{
	struct dt_relay_client *c;

	if (change->phase < DROP)
		phase_begin(change, DROP);
	while ((c = change->client)) {
		change->client = c->hh.next;
		if (c->state == DT_CLIENT_REVOKED) {
			gone_note(change->r, c);
			client_drop(change->r, c);
		}
		if (dt_now_ns() >= until_ns)
			break;
	}
	return change->client;
}

int dt_relay_clients_change_free(struct dt_relay_clients_change *change)
{
	int err = change ? change->err : 0;

	if (!change)
		return 0;
	HASH_CLEAR(hh, change->index);
	HASH_CLEAR(hh_name, change->names);
	free(change->all);
	free(change);
	return err;
}

/* --- start and stop ---------------------------------------------------------------------------- */

int dt_relay_clients_open(struct dt_relay *r)
{
	struct dt_relay_clients_change *all = dt_relay_clients_change_new(r, r->config);
	struct dt_invitation *i;
	int err;

	while (dt_relay_clients_take_step(all, DT_NEVER))
		;
	while (dt_relay_clients_permit_step(all, DT_NEVER))
		;
	err = dt_relay_clients_change_free(all);
	DL_FOREACH(r->invitations.list, i)
		if (err == 0)
			err = dt_relay_holder_add(r, i);
	if (err)
		return err;
	return limits_fail(
		dt_bpf_map_walk(dt_dataplane_fd(r->dataplane, DT_MAP_CLIENTS), sizeof(uint64_t), limits_prune_one, r));
}

void dt_relay_clients_close(struct dt_relay *r)
{
	struct dt_invitation *i;

	while (r->clients)
		client_drop(r, r->clients);
	DL_FOREACH(r->invitations.list, i)
		holder_drop(r, i);
	dt_relay_gone_forget(r);
}

/* --- one of them ------------------------------------------------------------------------------- */

static struct dt_relay_client *client_by_key(const struct dt_relay *r, const uint8_t key[DT_KEY_LEN])
{
	for (struct dt_relay_client *c = r->clients; c; c = c->hh.next)
		if (memcmp(c->conf->public_key, key, DT_KEY_LEN) == 0)
			return c;
	return NULL;
}

static bool name_configured(const struct dt_relay *r, const char *name)
{
	for (size_t n = 0; n < r->config->nclients; n++)
		if (strcmp(r->config->clients[n].name, name) == 0)
			return true;
	return false;
}

/* Why this key cannot join by this invitation; OK: it can, or it has. */
static uint8_t join_reason(const struct dt_relay *r, const struct dt_invitation *i, const uint8_t key[DT_KEY_LEN])
{
	switch (dt_invitation_state(i, dt_now_s())) {
	case DT_INVITATION_JOINED:
		return memcmp(i->conf.public_key, key, DT_KEY_LEN) == 0 ? DT_REASON_OK : DT_REASON_USED;
	case DT_INVITATION_EXPIRED:
		return DT_REASON_EXPIRED;
	case DT_INVITATION_WITHDRAWN:
		return DT_REASON_WITHDRAWN;
	case DT_INVITATION_OPEN:
		break;
	}
	if (name_configured(r, i->conf.name))
		return DT_REASON_WITHDRAWN;
	if (sodium_is_zero(key, DT_KEY_LEN) || dt_public_key_is_weak(key) || client_by_key(r, key) ||
	    memcmp(key, r->config->keys.public, DT_KEY_LEN) == 0)
		return DT_REASON_KEY;
	return DT_REASON_OK;
}

static int shares_store(struct dt_relay *r)
{
	struct shares shares = shares_divide(r, &r->config->source_ports);
	int err = 0;

	for (struct dt_relay_client *c = r->clients; err == 0 && c; c = c->hh.next)
		err = share_store(r, &shares, c);
	return shares_fail(err);
}

/* First in the file, then in force: a client that was told so stays one. Negative errno; logs. */
static int client_enrol(struct dt_relay *r, struct dt_invitation *i, const uint8_t key[DT_KEY_LEN])
{
	int err = dt_invitations_join(&r->invitations, i, key, dt_now_s());
	struct dt_relay_client *c;

	if (err) {
		dt_log_err("cannot write %s: %s", r->invitations.path, strerror(-err));
		return err;
	}
	err = client_add(r, &i->conf, i);
	c = client_by_key(r, key);
	if (err == 0)
		err = client_permit(r, c, UINT32_MAX);
	if (err == 0)
		err = shares_store(r);
	if (err == 0) {
		dt_relay_converter_apply(r);
		return 0;
	}
	if (c) {
		limits_delete(r, c->id);
		client_drop(r, c);
	}
	dt_invitations_unjoin(&r->invitations, i);
	return err;
}

uint8_t dt_relay_client_join(struct dt_relay *r, struct dt_relay_client *holder, const uint8_t key[DT_KEY_LEN],
			     const struct dt_endpoint *from)
{
	struct dt_invitation *i = holder->invitation;
	bool known = dt_invitation_state(i, 0) == DT_INVITATION_JOINED;
	uint8_t reason = join_reason(r, i, key);
	char text[DT_ENDPOINT_STRLEN], detail[128];
	uint64_t suppressed;

	if (reason == DT_REASON_OK && !known && client_enrol(r, i, key) < 0)
		reason = DT_REASON_STORE;
	if (reason == DT_REASON_OK) {
		r->counters[DT_RELAY_COUNT_JOINED] += !known;
		if (!known) {
			dt_relay_report(r, "client", "info", i->conf.name, from, NULL, "joined by invitation");
			dt_log_info("joined by invitation client=%s from=%s", i->conf.name,
				    dt_endpoint_format(from, text));
		}
		return reason;
	}
	snprintf(detail, sizeof(detail), "refused a join: %s", dt_reason_text(reason));
	dt_relay_report(r, "client", "warn", i->conf.name, from, NULL, detail);
	r->counters[DT_RELAY_COUNT_JOINS_REFUSED]++;
	if (dt_log_allowed(&r->join_log, dt_now_ns(), &suppressed))
		dt_log_info("refused a join: %s client=%s from=%s suppressed=%llu", dt_reason_text(reason),
			    i->conf.name, dt_endpoint_format(from, text), (unsigned long long)suppressed);
	return reason;
}

static struct dt_relay_client *client_of(const struct dt_relay *r, const struct dt_invitation *i)
{
	for (struct dt_relay_client *c = r->clients; c; c = c->hh.next)
		if (c->invitation == i)
			return c;
	return NULL;
}

bool dt_relay_client_revoke(struct dt_relay *r, const struct dt_invitation *i)
{
	struct dt_relay_client *c = client_of(r, i);

	if (!c)
		return false;
	c->state = DT_CLIENT_REVOKED;
	limits_fail(limits_delete(r, c->id));
	if (r->tunnels)
		dt_tunnels_keep_if(r->tunnels, dt_relay_client_permitted, r);
	shares_store(r);
	return true;
}

void dt_relay_client_drop(struct dt_relay *r, const struct dt_invitation *i)
{
	struct dt_relay_client *c = client_of(r, i);

	if (!c)
		return;
	gone_note(r, c);
	client_drop(r, c);
	dt_relay_converter_apply(r);
}
