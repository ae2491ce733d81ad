/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/acl.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bpf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/special.h"

/* --- a client's lists -------------------------------------------------------------------------- */

struct dt_acl_client {
	uint64_t id;
	struct dt_acl_list list;
	bool has_allow;
	UT_hash_handle hh;
};

static struct dt_acl_client *client_find(const struct dt_acl *acl, uint64_t id)
{
	struct dt_acl_client *c;

	HASH_FIND(hh, acl->clients, &id, sizeof(id), c);
	return c;
}

static struct dt_acl_client *client_make(struct dt_acl *acl, uint64_t id)
{
	struct dt_acl_client *c = client_find(acl, id);

	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->id = id;
	HASH_ADD(hh, acl->clients, id, sizeof(c->id), c);
	return c;
}

void dt_acl_fini(struct dt_acl *acl)
{
	struct dt_acl_client *c, *tmp;

	HASH_ITER(hh, acl->clients, c, tmp) {
		HASH_DELETE(hh, acl->clients, c);
		free(c->list.entries);
		free(c);
	}
	free(acl->relay.entries);
	dt_acl_own_fini(&acl->own);
	memset(acl, 0, sizeof(*acl));
}

int dt_acl_add(struct dt_acl *acl, uint64_t client_id, enum dt_policy_kind kind, const struct dt_prefix *prefix)
{
	struct dt_acl_client *c = client_id ? client_make(acl, client_id) : NULL;
	struct dt_acl_list *list = c ? &c->list : &acl->relay;
	struct dt_acl_entry entry = {kind, *prefix};

	if (client_id && !c)
		return -ENOMEM;
	if (!dt_array_append(&list->entries, &list->count, sizeof(entry), &entry))
		return -ENOMEM;
	if (c && kind == DT_POLICY_ALLOW)
		c->has_allow = true;
	return 0;
}

int dt_acl_add_builtin(struct dt_acl *acl)
{
	size_t count;
	const struct dt_prefix *all = dt_special_prefixes(&count);
	int err = 0;

	for (size_t i = 0; err == 0 && i < count; i++)
		err = dt_acl_add(acl, 0, DT_POLICY_BUILTIN, &all[i]);
	return err;
}

/* --- own addresses ----------------------------------------------------------------------------- */

static int ip_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct dt_ip));
}

static bool own_has(const struct dt_acl_own *own, const struct dt_ip *ip)
{
	return own->count && bsearch(ip, own->list, own->count, sizeof(*ip), ip_compare);
}

int dt_acl_own_add(struct dt_acl_own *own, const struct dt_ip *ip)
{
	size_t at = own->count;

	if (dt_special_has(ip) || own_has(own, ip))
		return 0;
	if (!dt_array_append(&own->list, &own->count, sizeof(*ip), ip))
		return -ENOMEM;
	while (at > 0 && ip_compare(ip, &own->list[at - 1]) < 0) {
		own->list[at] = own->list[at - 1];
		at--;
	}
	own->list[at] = *ip;
	return 0;
}

bool dt_acl_own_equal(const struct dt_acl_own *a, const struct dt_acl_own *b)
{
	return a->count == b->count && (a->count == 0 || memcmp(a->list, b->list, a->count * sizeof(*a->list)) == 0);
}

void dt_acl_own_fini(struct dt_acl_own *own)
{
	free(own->list);
	memset(own, 0, sizeof(*own));
}

/* --- the verdict ------------------------------------------------------------------------------- */

static const struct dt_prefix *list_find(const struct dt_acl_list *list, enum dt_policy_kind kind,
					 const struct dt_ip *server)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].kind == kind && dt_prefix_contains(&list->entries[i].prefix, server))
			return &list->entries[i].prefix;
	return NULL;
}

enum dt_acl_verdict dt_acl_judge(const struct dt_acl *acl, uint64_t client_id, const struct dt_ip *server,
				 const struct dt_prefix **rule)
{
	const struct dt_acl_client *c = client_find(acl, client_id);

	*rule = list_find(&acl->relay, DT_POLICY_DENY, server);
	if (*rule)
		return DT_ACL_DENY;
	if (!list_find(&acl->relay, DT_POLICY_ALLOW, server)) {
		if (own_has(&acl->own, server))
			return DT_ACL_OWN;
		*rule = list_find(&acl->relay, DT_POLICY_BUILTIN, server);
		if (*rule)
			return DT_ACL_BUILTIN;
	}
	if (!c)
		return DT_ACL_PERMITTED;
	*rule = list_find(&c->list, DT_POLICY_DENY, server);
	if (*rule)
		return DT_ACL_CLIENT_DENY;
	return !c->has_allow || list_find(&c->list, DT_POLICY_ALLOW, server) ? DT_ACL_PERMITTED : DT_ACL_CLIENT_ALLOW;
}

bool dt_acl_permits(const struct dt_acl *acl, uint64_t client_id, const struct dt_ip *server)
{
	const struct dt_prefix *rule;

	return dt_acl_judge(acl, client_id, server, &rule) == DT_ACL_PERMITTED;
}

void dt_acl_explain(const struct dt_acl *acl, uint64_t client_id, const char *client, const struct dt_ip *server,
		    char *out, size_t cap)
{
	char ip[DT_IP_STRLEN], prefix[DT_PREFIX_STRLEN] = "";
	const struct dt_prefix *rule;
	const char *name = "";
	enum dt_acl_verdict verdict = dt_acl_judge(acl, client_id, server, &rule);

	dt_ip_format(server, ip);
	if (rule)
		dt_prefix_format(rule, prefix);
	switch (verdict) {
	case DT_ACL_PERMITTED:
		snprintf(out, cap, "it is permitted");
		return;
	case DT_ACL_DENY:
		snprintf(out, cap, "deny = %s in [relay]", prefix);
		return;
	case DT_ACL_OWN:
		snprintf(out, cap, "it is this relay's own address, denied by default; allow = %s in [relay] opens it",
			 ip);
		return;
	case DT_ACL_BUILTIN:
		dt_special_find(server, &name);
		snprintf(out, cap, "%s (%s) is denied by default; allow = %s in [relay] opens it", prefix, name, ip);
		return;
	case DT_ACL_CLIENT_DENY:
		snprintf(out, cap, "deny = %s in [client %s]", prefix, client);
		return;
	case DT_ACL_CLIENT_ALLOW:
		snprintf(out, cap, "it is not in the allow list of [client %s]; allow = %s there opens it", client, ip);
		return;
	}
}

/* --- the BPF map ------------------------------------------------------------------------------- */

/* Stores an entry, or deletes it. family: 4 or 6; 0: of the marker. */
static int entry_put(int fd, uint32_t generation, uint64_t client_id, const struct dt_acl_entry *e, unsigned family,
		     bool there)
{
	struct dt_policy_key key = {
		.prefixlen = DT_POLICY_PREFIX_BASE + e->prefix.len,
		.generation = generation,
		.client_id = client_id,
		.kind = (uint16_t)e->kind,
		.family = (uint16_t)family,
		.ip = e->prefix.ip,
	};
	uint32_t one = 1;

	return there ? bpf_map_update_elem(fd, &key, &one, BPF_ANY) : dt_bpf_map_delete(fd, &key);
}

static int own_put(int fd, uint32_t generation, const struct dt_ip *ip, bool there)
{
	struct dt_acl_entry e = {DT_POLICY_BUILTIN, {*ip, 128}};

	return entry_put(fd, generation, 0, &e, dt_ip_family(ip), there);
}

/* Says that the client has an allow list at all. */
static const struct dt_acl_entry marker = {.kind = DT_POLICY_ALLOW};

static bool list_equal(const struct dt_acl_list *a, const struct dt_acl_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct dt_acl_entry *x = &a->entries[i], *y = &b->entries[i];

		if (x->kind != y->kind || x->prefix.len != y->prefix.len || !dt_ip_equal(&x->prefix.ip, &y->prefix.ip))
			return false;
	}
	return true;
}

void dt_acl_change_begin(struct dt_acl_change *c, const struct dt_acl *old, const struct dt_acl *fresh, int map_fd,
			 uint32_t generation)
{
	*c = (struct dt_acl_change){.old = old, .fresh = fresh, .map_fd = map_fd, .generation = generation};
}

/* The first client of this phase is the next. */
static void phase_begin(struct dt_acl_change *c, enum dt_acl_phase phase)
{
	c->phase = phase;
	c->client = phase == DT_ACL_DELETE ? c->old->clients : c->fresh->clients;
	c->entry = 0;
}

/* Stores the next entry of a list, or deletes it; *done: that was the last. A client's marker comes after its entries. */
static int next_put(struct dt_acl_change *c, uint32_t generation, uint64_t client_id, const struct dt_acl_list *list,
		    bool marked, bool there, bool *done)
{
	const struct dt_acl_entry *e = c->entry < list->count ? &list->entries[c->entry] : &marker;
	int err = 0;

	*done = ++c->entry >= list->count + marked;
	if (e != &marker || marked)
		err = entry_put(c->map_fd, generation, client_id, e, e == &marker ? 0 : dt_prefix_family(&e->prefix),
				there);
	if (*done)
		c->entry = 0;
	return err;
}

/* The next entry of the clients that "in" has and "but" has not (NULL: of all); *done: that was the last. */
static int clients_put(struct dt_acl_change *c, uint32_t generation, const struct dt_acl *but, bool there, bool *done)
{
	bool last = true;
	int err = 0;

	if (c->client && !(but && client_find(but, c->client->id)))
		err = next_put(c, generation, c->client->id, &c->client->list, c->client->has_allow, there, &last);
	if (c->client && last)
		c->client = c->client->hh.next;
	*done = !c->client;
	return err;
}

/* Has the next client, if both tables have it, the same lists in both? */
static bool is_next_equal(struct dt_acl_change *c, bool *done)
{
	const struct dt_acl_client *client = c->client, *was = client ? client_find(c->old, client->id) : NULL;

	c->client = client ? client->hh.next : NULL;
	*done = !c->client;
	return !was || list_equal(&was->list, &client->list);
}

/* One entry, or one look at a client. */
static int change_some(struct dt_acl_change *c)
{
	bool done = false;
	int err = 0;

	switch (c->phase) {
	case DT_ACL_COMPARE_RELAY:
		phase_begin(c, list_equal(&c->old->relay, &c->fresh->relay) ? DT_ACL_COMPARE : DT_ACL_STORE_RELAY);
		break;
	case DT_ACL_COMPARE:
		if (!is_next_equal(c, &done))
			phase_begin(c, DT_ACL_STORE_RELAY);
		else if (done)
			phase_begin(c, DT_ACL_DELETE);
		break;
	case DT_ACL_DELETE:
		err = clients_put(c, c->generation, c->fresh, false, &done);
		if (done)
			phase_begin(c, DT_ACL_ADD);
		break;
	case DT_ACL_ADD:
		err = clients_put(c, c->generation, c->old, true, &done);
		if (done)
			phase_begin(c, DT_ACL_IN_PLACE);
		break;
	case DT_ACL_STORE_RELAY:
		err = next_put(c, c->generation + 1, 0, &c->fresh->relay, false, true, &done);
		if (done)
			phase_begin(c, DT_ACL_STORE);
		return err;
	case DT_ACL_STORE:
		err = clients_put(c, c->generation + 1, NULL, true, &done);
		if (done)
			phase_begin(c, DT_ACL_STORED);
		return err;
	case DT_ACL_IN_PLACE:
	case DT_ACL_STORED:
		break;
	}
	/* what could not be done in place may be possible under another generation */
	if (err)
		phase_begin(c, DT_ACL_STORE_RELAY);
	return 0;
}

int dt_acl_change_step(struct dt_acl_change *c, uint64_t until_ns)
{
	int err = 0;

	while (err == 0 && c->phase < DT_ACL_IN_PLACE) {
		err = change_some(c);
		if (dt_now_ns() >= until_ns)
			break;
	}
	return err ? err : c->phase < DT_ACL_IN_PLACE;
}

int dt_acl_own_store(const struct dt_acl_own *own, int map_fd, uint32_t generation)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < own->count; i++)
		err = own_put(map_fd, generation, &own->list[i], true);
	return err;
}

int dt_acl_store(const struct dt_acl *acl, int map_fd, uint32_t generation)
{
	struct dt_acl_change c = {.fresh = acl, .map_fd = map_fd, .generation = generation - 1};
	int err;

	phase_begin(&c, DT_ACL_STORE_RELAY);
	err = dt_acl_change_step(&c, DT_NEVER);
	return err ? err : dt_acl_own_store(&acl->own, map_fd, generation);
}

int dt_acl_own_replace(struct dt_acl *acl, struct dt_acl_own *own, int map_fd, uint32_t generation, bool *added)
{
	struct dt_acl_own old = acl->own;
	int err = 0;

	*added = false;
	acl->own = *own;
	memset(own, 0, sizeof(*own));
	for (size_t i = 0; err == 0 && i < acl->own.count; i++) {
		if (own_has(&old, &acl->own.list[i]))
			continue;
		*added = true;
		err = own_put(map_fd, generation, &acl->own.list[i], true);
	}
	for (size_t i = 0; err == 0 && i < old.count; i++)
		if (!own_has(&acl->own, &old.list[i]))
			err = own_put(map_fd, generation, &old.list[i], false);
	dt_acl_own_fini(&old);
	return err;
}

int dt_acl_prune_step(struct dt_acl_prune *at, int map_fd, uint32_t generation, uint64_t until_ns)
{
	struct dt_policy_key key;
	int err = at->begun ? 0 : bpf_map_get_next_key(map_fd, NULL, &at->next), deleted = 0;

	at->begun = true;
	while (err == 0 && deleted == 0) {
		key = at->next;
		/* one step ahead: a map starts over when the key asked after is gone */
		err = bpf_map_get_next_key(map_fd, &key, &at->next);
		if (key.generation != generation)
			deleted = dt_bpf_map_delete(map_fd, &key);
		if (err == 0 && dt_now_ns() >= until_ns)
			break;
	}
	if (deleted < 0)
		return deleted;
	return err == 0 ? 1 : err == -ENOENT ? 0 : err;
}
