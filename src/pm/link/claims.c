/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/link/claims.h"

#include <string.h>

#include "base/special.h"
#include "net/network.h"
#include "proto/message.h"

static const char *const never[] = {"0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8", NULL};
static const char *const own_host[] = {"127.0.0.0/8", "169.254.0.0/16", "::1/128", "fe80::/10", NULL};

static bool is_in(const char *const *prefixes, const struct dt_ip *ip)
{
	struct dt_prefix prefix;

	for (; *prefixes; prefixes++)
		if (dt_prefix_parse(&prefix, *prefixes) == 0 && dt_prefix_contains(&prefix, ip))
			return true;
	return false;
}

/* The default route, or parts of it: VPNs route halves of the address space. */
static bool is_default(const struct dt_rt_route *r)
{
	return dt_prefix_family(&r->to) == 4 ? r->to.len < 96 + 8 : r->to.len <= 3;
}

static bool is_onlink(const struct dt_network *n, const struct dt_ip *ip)
{
	for (size_t i = 0; i < n->naddresses; i++) {
		const struct dt_rt_address *a = &n->addresses[i];
		struct dt_prefix net = {a->ip, (uint8_t)(a->prefix_len + (dt_ip_is_v4(&a->ip) ? 96 : 0))};

		if (dt_prefix_contains(&net, ip))
			return true;
	}
	for (size_t i = 0; i < n->nroutes; i++) {
		const struct dt_rt_route *r = &n->routes[i];

		if (!is_default(r) && dt_ip_is_unset(&r->via) && dt_prefix_contains(&r->to, ip))
			return true;
	}
	return false;
}

enum dt_nearness dt_nearness(const struct dt_network *network, const struct dt_ip *ip)
{
	if (is_in(never, ip))
		return DT_NEAR_NEVER;
	if (is_in(own_host, ip) || dt_network_is_local(network, ip))
		return DT_NEAR_HOST;
	if (is_onlink(network, ip))
		return DT_NEAR_ONLINK;
	return dt_special_has(ip) ? DT_NEAR_SPECIAL : DT_NEAR_GLOBAL;
}

/* ip was named. False: it may not be, and is unset now. */
static bool address_check(const struct dt_network *network, const struct dt_ip *endpoint, struct dt_ip *ip,
			  struct dt_ip *worst)
{
	enum dt_nearness is;

	if (dt_ip_is_unset(ip) || dt_ip_equal(ip, endpoint))
		return true;
	is = dt_nearness(network, ip);
	if (is != DT_NEAR_NEVER && is <= dt_nearness(network, endpoint))
		return true;
	*worst = *ip;
	memset(ip, 0, sizeof(*ip));
	return false;
}

unsigned dt_claims_check(const struct dt_network *network, const struct dt_ip *endpoint, struct dt_message *reply,
			 struct dt_ip *worst)
{
	struct dt_ip *nat[] = {&reply->nat4, &reply->nat6};
	struct dt_endpoint *control[] = {&reply->control4, &reply->control6};
	unsigned refused = 0;

	for (size_t i = 0; i < 2; i++) {
		refused += !address_check(network, endpoint, nat[i], worst);
		/* a port without an address leads nowhere */
		if (!address_check(network, endpoint, &control[i]->ip, worst))
			refused++;
		if (dt_ip_is_unset(&control[i]->ip))
			control[i]->port = 0;
	}
	return refused;
}
