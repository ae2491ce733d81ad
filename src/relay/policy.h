/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which destinations the relay carries: deny > allow > built-in deny > permit, then the client's own lists, which
 * only narrow. One table answers in user space (leases, renewals, reloads) and fills the BPF map (flow start).
 */
#ifndef DETOURD_RELAY_POLICY_H
#define DETOURD_RELAY_POLICY_H

#include "base/addr.h"

struct dt_policy_entry {
	uint64_t client_id; /* 0: the relay's */
	enum dt_policy_kind kind;
	struct dt_prefix prefix;
};

struct dt_policy {
	struct dt_policy_entry *entries;
	size_t count;
	size_t room;
};

/* Zeroed is a valid, empty table that permits everything. */
void dt_policy_fini(struct dt_policy *p);
/* All -ENOMEM. */
int dt_policy_add(struct dt_policy *p, uint64_t client_id, enum dt_policy_kind kind, const struct dt_prefix *prefix);
/* Denies ip alone, as built in: the relay's own addresses. */
int dt_policy_add_own(struct dt_policy *p, const struct dt_ip *ip);
/* Every special-purpose range of both families (IANA registries, RFC 6890) and IPv6 encodings of IPv4. */
int dt_policy_add_builtin(struct dt_policy *p);

bool dt_policy_permits(const struct dt_policy *p, uint64_t client_id, const struct dt_ip *server);

/* Fills the BPF map policy_fd under generation, and removes other generations with dt_policy_prune(). */
int dt_policy_store(const struct dt_policy *p, int policy_fd, uint32_t generation);
int dt_policy_prune(int policy_fd, uint32_t generation);

#endif
