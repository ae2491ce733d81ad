/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/acl.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/bpf.h"
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

static bool list_has(const struct dt_acl_list *list, enum dt_policy_kind kind, const struct dt_ip *server)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->entries[i].kind == kind && dt_prefix_contains(&list->entries[i].prefix, server))
			return true;
	return false;
}

bool dt_acl_permits(const struct dt_acl *acl, uint64_t client_id, const struct dt_ip *server)
{
	const struct dt_acl_client *c;

	if (list_has(&acl->relay, DT_POLICY_DENY, server))
		return false;
	if ((own_has(&acl->own, server) || list_has(&acl->relay, DT_POLICY_BUILTIN, server)) &&
	    !list_has(&acl->relay, DT_POLICY_ALLOW, server))
		return false;
	c = client_find(acl, client_id);
	if (!c)
		return true;
	return !list_has(&c->list, DT_POLICY_DENY, server) &&
	       (!c->has_allow || list_has(&c->list, DT_POLICY_ALLOW, server));
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

static int list_put(int fd, uint32_t generation, uint64_t client_id, const struct dt_acl_list *list, bool there)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < list->count; i++)
		err = entry_put(fd, generation, client_id, &list->entries[i],
				dt_prefix_family(&list->entries[i].prefix), there);
	return err;
}

static int own_put(int fd, uint32_t generation, const struct dt_ip *ip, bool there)
{
	struct dt_acl_entry e = {DT_POLICY_BUILTIN, {*ip, 128}};

	return entry_put(fd, generation, 0, &e, dt_ip_family(ip), there);
}

/* Says that the client has an allow list at all. */
static const struct dt_acl_entry marker = {.kind = DT_POLICY_ALLOW};

static int client_put(int fd, uint32_t generation, const struct dt_acl_client *c, bool there)
{
	int err = list_put(fd, generation, c->id, &c->list, there);

	return err || !c->has_allow ? err : entry_put(fd, generation, c->id, &marker, 0, there);
}

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

/* Are the lists the same, of the relay and of each client that both have? */
static bool lists_equal(const struct dt_acl *old, const struct dt_acl *fresh)
{
	const struct dt_acl_client *was;

	if (!list_equal(&old->relay, &fresh->relay) || !dt_acl_own_equal(&old->own, &fresh->own))
		return false;
	for (const struct dt_acl_client *c = fresh->clients; c; c = c->hh.next) {
		was = client_find(old, c->id);
		if (was && !list_equal(&was->list, &c->list))
			return false;
	}
	return true;
}

bool dt_acl_clients_replace(const struct dt_acl *old, const struct dt_acl *fresh, int map_fd, uint32_t generation)
{
	int err = 0;

	if (!lists_equal(old, fresh))
		return false;
	for (const struct dt_acl_client *c = old->clients; err == 0 && c; c = c->hh.next)
		if (!client_find(fresh, c->id))
			err = client_put(map_fd, generation, c, false);
	for (const struct dt_acl_client *c = fresh->clients; err == 0 && c; c = c->hh.next)
		if (!client_find(old, c->id))
			err = client_put(map_fd, generation, c, true);
	return err == 0;
}

int dt_acl_store(const struct dt_acl *acl, int map_fd, uint32_t generation)
{
	int err = list_put(map_fd, generation, 0, &acl->relay, true);

	for (size_t i = 0; err == 0 && i < acl->own.count; i++)
		err = own_put(map_fd, generation, &acl->own.list[i], true);
	for (const struct dt_acl_client *c = acl->clients; err == 0 && c; c = c->hh.next)
		err = client_put(map_fd, generation, c, true);
	return err;
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

struct prune {
	int fd;
	uint32_t generation;
};

static int entry_prune(const void *key, void *data)
{
	const struct prune *p = data;
	struct dt_policy_key entry;

	memcpy(&entry, key, sizeof(entry));
	return entry.generation == p->generation ? 0 : dt_bpf_map_delete(p->fd, key);
}

int dt_acl_prune(int map_fd, uint32_t generation)
{
	struct prune prune = {map_fd, generation};

	return dt_bpf_map_walk(map_fd, sizeof(struct dt_policy_key), entry_prune, &prune);
}
