/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which destinations the relay carries: deny beats allow, allow beats the built-in ranges, everything else is
 * permitted; a client's own lists only narrow that. One table answers in user space (leases, renewals, reloads) and
 * fills the BPF map (start of a flow).
 */
#ifndef DETOURD_RELAY_ACL_H
#define DETOURD_RELAY_ACL_H

#include "base/addr.h"

struct dt_acl_entry {
	enum dt_policy_kind kind;
	struct dt_prefix prefix;
};

struct dt_acl_list {
	struct dt_acl_entry *entries;
	size_t count;
};

/* The relay's own addresses, sorted, without those that a built-in range covers. Zeroed: none. */
struct dt_acl_own {
	struct dt_ip *list;
	size_t count;
};

struct dt_acl_client; /* a client's lists */

struct dt_acl {
	struct dt_acl_list relay;
	struct dt_acl_own own;
	struct dt_acl_client *clients; /* by id */
};

/* Zeroed is a valid, empty table that permits everything. */
void dt_acl_fini(struct dt_acl *acl);
/* All -ENOMEM. client_id 0: the relay's lists. */
int dt_acl_add(struct dt_acl *acl, uint64_t client_id, enum dt_policy_kind kind, const struct dt_prefix *prefix);
/*
 * Denies this address as the built-in ranges are denied: for the relay's own addresses. One that a built-in range covers is
 * left out, since it changes nothing.
 */
int dt_acl_own_add(struct dt_acl_own *own, const struct dt_ip *ip);
bool dt_acl_own_equal(const struct dt_acl_own *a, const struct dt_acl_own *b);
void dt_acl_own_fini(struct dt_acl_own *own);
/* Every special-purpose range of both families (IANA registries, RFC 6890) and IPv6 encodings of IPv4. */
int dt_acl_add_builtin(struct dt_acl *acl);

/* Whether a client may reach a server, or by which list it may not. */
enum dt_acl_verdict {
	DT_ACL_PERMITTED,
	DT_ACL_DENY,	     /* deny of the relay */
	DT_ACL_OWN,	     /* an address of the relay itself, which its allow does not name */
	DT_ACL_BUILTIN,	     /* a special-purpose range, likewise */
	DT_ACL_CLIENT_DENY,  /* deny of the client's section */
	DT_ACL_CLIENT_ALLOW, /* its allow does not name the server */
};

/* *rule: the entry that denies it; NULL: none does, or it is another's absence. */
enum dt_acl_verdict dt_acl_judge(const struct dt_acl *acl, uint64_t client_id, const struct dt_ip *server,
				 const struct dt_prefix **rule);
bool dt_acl_permits(const struct dt_acl *acl, uint64_t client_id, const struct dt_ip *server);
/* In words: the line of relay.conf that denies it, or what would open it. client: its name. Cut if cap is too small. */
void dt_acl_explain(const struct dt_acl *acl, uint64_t client_id, const char *client, const struct dt_ip *server,
		    char *out, size_t cap);

/*
 * A change of the BPF map from what it has under one generation ("old") to another table ("fresh"), in steps, so that tens
 * of thousands of entries do not keep the caller from other work. If the two differ only in which clients have lists, the
 * entries of these are deleted and added in place. Other lists of the same client, or of the relay, have to change in one
 * moment: then all of fresh is stored under the next generation, and the caller makes that one the valid one. The relay's
 * own addresses are left out: they may change meanwhile.
 */
enum dt_acl_phase {
	DT_ACL_COMPARE_RELAY,
	DT_ACL_COMPARE,
	DT_ACL_DELETE,
	DT_ACL_ADD,
	DT_ACL_STORE_RELAY,
	DT_ACL_STORE,
	DT_ACL_IN_PLACE, /* done: the map has fresh under the old generation */
	DT_ACL_STORED,	 /* done: under the next generation */
};
struct dt_acl_change {
	const struct dt_acl *old, *fresh;
	int map_fd;
	uint32_t generation; /* of old */
	enum dt_acl_phase phase;
	const struct dt_acl_client *client; /* the next */
	size_t entry;			    /* the next of its list */
};
/* Both tables, but for their own addresses, stay as they are until the change is done or dropped. */
void dt_acl_change_begin(struct dt_acl_change *c, const struct dt_acl *old, const struct dt_acl *fresh, int map_fd,
			 uint32_t generation);
/* Ends with the first entry at or after until_ns. 1: there is more to do; 0: done, see phase; the map's error. */
int dt_acl_change_step(struct dt_acl_change *c, uint64_t until_ns);
/* Adds the own addresses, or all entries, to the BPF map under this generation. The map's error. */
int dt_acl_own_store(const struct dt_acl_own *own, int map_fd, uint32_t generation);
int dt_acl_store(const struct dt_acl *acl, int map_fd, uint32_t generation);
/*
 * Takes other own addresses, in the table and, under this generation, in the map; *own is then empty. *added: addresses are
 * among them that were not ours before. The map's error: own addresses may be missing in the map.
 */
int dt_acl_own_replace(struct dt_acl *acl, struct dt_acl_own *own, int map_fd, uint32_t generation, bool *added);
/*
 * Deletes the entries of all other generations, in steps: *at is {0} at first. 1: there is more to do; 0: done; the map's
 * error.
 */
struct dt_acl_prune {
	bool begun;
	struct dt_policy_key next;
};
int dt_acl_prune_step(struct dt_acl_prune *at, int map_fd, uint32_t generation, uint64_t until_ns);

#endif
