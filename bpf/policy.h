/* SPDX-License-Identifier: GPL-2.0-only */
/* To which servers a client may open flows. */
#ifndef DETOURD_BPF_POLICY_H
#define DETOURD_BPF_POLICY_H

#include "tables.h"

static __always_inline bool policy_has(struct dt_policy_key *key, __u64 client_id, __u16 kind)
{
	key->client_id = client_id;
	key->kind = kind;
	return bpf_map_lookup_elem(&policy, key) != NULL;
}

/*
 * Is the server in "scratch" permitted to the client? The relay's lists first: deny, allow, built-in deny, in this order;
 * what none of them has is permitted. Then the client's own lists, which can only forbid more.
 */
VERIFIED_ONCE bool destination_permitted(__u64 client_id, __u32 generation)
{
	struct scratch *s;
	__u32 zero = 0;

	s = bpf_map_lookup_elem(&scratch, &zero);
	if (!s)
		return false;
	s->policy.prefixlen = DT_POLICY_PREFIX_BASE + 128;
	s->policy.generation = generation;
	s->policy.family = ip_is_v4(&s->server) ? 4 : 6;
	s->policy.ip = s->server;
	if (policy_has(&s->policy, 0, DT_POLICY_DENY))
		return false;
	if (!policy_has(&s->policy, 0, DT_POLICY_ALLOW) && policy_has(&s->policy, 0, DT_POLICY_BUILTIN))
		return false;
	if (policy_has(&s->policy, client_id, DT_POLICY_DENY))
		return false;
	if (policy_has(&s->policy, client_id, DT_POLICY_ALLOW))
		return true;
	/* does the client have an allow list at all? see struct dt_policy_key */
	s->policy.family = 0;
	return !policy_has(&s->policy, client_id, DT_POLICY_ALLOW);
}

#endif
