/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/special.h"

#include <assert.h>
#include <stddef.h>

static const struct {
	const char *text, *name;
} ranges[] = {
	{"0.0.0.0/8", "this network"},
	{"10.0.0.0/8", "private"},
	{"100.64.0.0/10", "shared (carrier NAT), cloud metadata among it"},
	{"127.0.0.0/8", "loopback"},
	{"169.254.0.0/16", "link-local, cloud metadata"},
	{"172.16.0.0/12", "private"},
	{"192.0.0.0/24", "protocol assignments"},
	{"192.0.2.0/24", "documentation"},
	{"192.31.196.0/24", "AS112"},
	{"192.52.193.0/24", "AMT"},
	{"192.88.99.0/24", "6to4 relays"},
	{"192.168.0.0/16", "private"},
	{"192.175.48.0/24", "AS112"},
	{"198.18.0.0/15", "benchmarking"},
	{"198.51.100.0/24", "documentation"},
	{"203.0.113.0/24", "documentation"},
	{"224.0.0.0/4", "multicast"},
	{"240.0.0.0/4", "reserved, broadcast"},
	{"168.63.129.16/32", "a cloud's metadata service"},
	{"::/96", "unspecified, loopback, IPv4-compatible"},
	{"::ffff:0:0:0/96", "IPv4-translated (SIIT)"},
	{"64:ff9b::/96", "NAT64"},
	{"64:ff9b:1::/48", "local NAT64"},
	{"100::/64", "discard"},
	{"100:0:0:1::/64", "dummy prefix"},
	{"2001::/23", "protocol assignments, Teredo, ORCHID"},
	{"2001:db8::/32", "documentation"},
	{"2002::/16", "6to4"},
	{"2620:4f:8000::/48", "AS112"},
	{"3fff::/20", "documentation"},
	{"5f00::/16", "segment routing"},
	{"fc00::/7", "unique local, cloud metadata"},
	{"fe80::/10", "link-local"},
	{"fec0::/10", "site-local"},
	{"ff00::/8", "multicast"},
};

#define COUNT (sizeof(ranges) / sizeof(ranges[0]))

/* The prefixes, parsed when they are first asked for. */
const struct dt_prefix *dt_special_prefixes(size_t *count)
{
	static struct dt_prefix prefixes[COUNT];
	static bool done;

	for (size_t i = 0; !done && i < COUNT; i++) {
		int err = dt_prefix_parse(&prefixes[i], ranges[i].text);

		assert(err == 0);
		(void)err;
	}
	done = true;
	*count = COUNT;
	return prefixes;
}

bool dt_special_covers(const struct dt_prefix *prefix)
{
	size_t count;
	const struct dt_prefix *special = dt_special_prefixes(&count);

	for (size_t i = 0; i < count; i++)
		if (special[i].len <= prefix->len && dt_prefix_contains(&special[i], &prefix->ip))
			return true;
	return false;
}

const struct dt_prefix *dt_special_find(const struct dt_ip *ip, const char **name)
{
	size_t count;
	const struct dt_prefix *special = dt_special_prefixes(&count);

	for (size_t i = 0; i < count; i++)
		if (dt_prefix_contains(&special[i], ip)) {
			*name = ranges[i].name;
			return &special[i];
		}
	return NULL;
}

bool dt_special_has(const struct dt_ip *ip)
{
	struct dt_prefix host = {*ip, 128};

	return dt_special_covers(&host);
}
