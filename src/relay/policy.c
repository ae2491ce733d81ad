/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/policy.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* IANA's special-purpose registries, multicast, and every known way to write IPv4 inside IPv6. */
static const char *const builtin[] = {
	"0.0.0.0/8",	     /* this network */
	"10.0.0.0/8",	     /* private */
	"100.64.0.0/10",     /* shared (carrier NAT), cloud metadata among it */
	"127.0.0.0/8",	     /* loopback */
	"169.254.0.0/16",    /* link-local, cloud metadata */
	"172.16.0.0/12",     /* private */
	"192.0.0.0/24",	     /* protocol assignments */
	"192.0.2.0/24",	     /* documentation */
	"192.31.196.0/24",   /* AS112 */
	"192.52.193.0/24",   /* AMT */
	"192.88.99.0/24",    /* 6to4 relays */
	"192.168.0.0/16",    /* private */
	"192.175.48.0/24",   /* AS112 */
	"198.18.0.0/15",     /* benchmarking */
	"198.51.100.0/24",   /* documentation */
	"203.0.113.0/24",    /* documentation */
	"224.0.0.0/4",	     /* multicast */
	"240.0.0.0/4",	     /* reserved, broadcast */
	"168.63.129.16/32",  /* a cloud's metadata service */
	"::/96",	     /* unspecified, loopback, IPv4-compatible */
	"::ffff:0:0:0/96",   /* IPv4-translated (SIIT) */
	"64:ff9b::/96",	     /* NAT64 */
	"64:ff9b:1::/48",    /* local NAT64 */
	"100::/64",	     /* discard */
	"100:0:0:1::/64",    /* dummy prefix */
	"2001::/23",	     /* protocol assignments, Teredo, ORCHID */
	"2001:db8::/32",     /* documentation */
	"2002::/16",	     /* 6to4 */
	"2620:4f:8000::/48", /* AS112 */
	"3fff::/20",	     /* documentation */
	"5f00::/16",	     /* segment routing */
	"fc00::/7",	     /* unique local, cloud metadata */
	"fe80::/10",	     /* link-local */
	"fec0::/10",	     /* site-local */
	"ff00::/8",	     /* multicast */
};

void dt_policy_fini(struct dt_policy *p)
{
	free(p->entries);
	memset(p, 0, sizeof(*p));
}

int dt_policy_add(struct dt_policy *p, uint64_t client_id, enum dt_policy_kind kind, const struct dt_prefix *prefix)
{
	struct dt_policy_entry *grown;
	size_t room;

	if (p->count == p->room) {
		room = p->room ? p->room * 2 : 64;
		grown = reallocarray(p->entries, room, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		p->entries = grown;
		p->room = room;
	}
	p->entries[p->count++] = (struct dt_policy_entry){client_id, kind, *prefix};
	return 0;
}

int dt_policy_add_own(struct dt_policy *p, const struct dt_ip *ip)
{
	struct dt_prefix prefix = {*ip, 128};

	return dt_policy_add(p, 0, DT_POLICY_BUILTIN, &prefix);
}

int dt_policy_add_builtin(struct dt_policy *p)
{
	struct dt_prefix prefix;
	int err;

	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
		err = dt_prefix_parse(&prefix, builtin[i]);
		assert(err == 0);
		err = dt_policy_add(p, 0, DT_POLICY_BUILTIN, &prefix);
		if (err)
			return err;
	}
	return 0;
}

bool dt_policy_permits(const struct dt_policy *p, uint64_t client_id, const struct dt_ip *server)
{
	bool allowed = false, built_in = false, client_allowed = false, client_has_allow = false;

	for (size_t i = 0; i < p->count; i++) {
		const struct dt_policy_entry *e = &p->entries[i];
		bool hit;

		if (e->client_id != 0 && e->client_id != client_id)
			continue;
		hit = dt_prefix_contains(&e->prefix, server);
		switch (e->kind) {
		case DT_POLICY_DENY:
			if (hit)
				return false;
			break;
		case DT_POLICY_ALLOW:
			if (e->client_id == 0) {
				allowed = allowed || hit;
			} else {
				client_has_allow = true;
				client_allowed = client_allowed || hit;
			}
			break;
		case DT_POLICY_BUILTIN:
			built_in = built_in || hit;
			break;
		}
	}
	return (allowed || !built_in) && (client_allowed || !client_has_allow);
}

static int entry_store(int fd, uint32_t generation, const struct dt_policy_entry *e, unsigned family)
{
	struct dt_policy_key key = {
		.prefixlen = DT_POLICY_PREFIX_BASE + e->prefix.len,
		.generation = generation,
		.client_id = e->client_id,
		.kind = (uint16_t)e->kind,
		.family = (uint16_t)family,
		.ip = e->prefix.ip,
	};
	uint32_t one = 1;

	return bpf_map_update_elem(fd, &key, &one, BPF_ANY);
}

int dt_policy_store(const struct dt_policy *p, int policy_fd, uint32_t generation)
{
	static const struct dt_prefix everything;
	int err = 0;

	for (size_t i = 0; err == 0 && i < p->count; i++) {
		const struct dt_policy_entry *e = &p->entries[i];

		err = entry_store(policy_fd, generation, e, dt_prefix_family(&e->prefix));
		if (err == 0 && e->client_id != 0 && e->kind == DT_POLICY_ALLOW) {
			/* says that the client has an allow list at all */
			struct dt_policy_entry marker = {e->client_id, DT_POLICY_ALLOW, everything};

			err = entry_store(policy_fd, generation, &marker, 0);
		}
	}
	return err;
}

int dt_policy_prune(int policy_fd, uint32_t generation)
{
	struct dt_policy_key key, next, *stale = NULL;
	size_t count = 0, room = 0;
	bool first = true;
	int err = 0;

	while (bpf_map_get_next_key(policy_fd, first ? NULL : &key, &next) == 0) {
		first = false;
		key = next;
		if (key.generation == generation)
			continue;
		if (count == room) {
			struct dt_policy_key *grown;

			room = room ? room * 2 : 256;
			grown = reallocarray(stale, room, sizeof(*grown));
			if (!grown) {
				err = -ENOMEM;
				break;
			}
			stale = grown;
		}
		stale[count++] = key;
	}
	for (size_t i = 0; i < count; i++)
		bpf_map_delete_elem(policy_fd, &stale[i]);
	free(stale);
	return err;
}
