/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes to the Internet, the addresses that the configuration names, and small MTUs. */
#include <arpa/inet.h>
#include <string.h>

#include "cli/doctor/context.h"

/* Of IPv6 (RFC 8200, section 5). */
#define MTU_MIN 1280

static bool is_default(const struct dt_rt_route *route)
{
	return route->to.len == (dt_prefix_family(&route->to) == 4 ? 96 : 0);
}

static void check_routes(struct dt_doctor *d)
{
	unsigned found = 0;

	for (size_t i = 0; i < d->network.nroutes; i++) {
		const struct dt_rt_link *link = dt_network_link(&d->network, d->network.routes[i].oif);

		if (!is_default(&d->network.routes[i]))
			continue;
		found++;
		if (link && link->mtu && link->mtu < MTU_MIN)
			dt_finding_add(&d->found, DT_FIND_MTU, link->name,
				       "the MTU of %s, a way to the Internet, is %u", link->name, link->mtu);
	}
	if (found)
		dt_finding_fine(&d->found, "route", "%u default routes", found);
	else
		dt_finding_add(&d->found, DT_FIND_NO_DEFAULT_ROUTE, NULL, "this host has no default route");
}

static bool is_unspecified(const struct dt_ip *ip)
{
	return dt_ip_is_unset(ip) || (dt_ip_is_v4(ip) && dt_ip_v4(ip) == 0);
}

/* RFC 1918, and RFC 6598's, which providers use behind NATs of their own. */
static bool is_private(const struct dt_ip *ip)
{
	static const char *const prefixes[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"};
	struct dt_prefix prefix;

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (dt_prefix_parse(&prefix, prefixes[i]) == 0 && dt_prefix_contains(&prefix, ip))
			return true;
	return false;
}

static bool names_address(const struct dt_relay_config *config)
{
	for (size_t i = 0; i < config->naddresses; i++)
		if (dt_ip_is_v4(&config->addresses[i].local))
			return true;
	return false;
}

/* Which address the relay would take for its own, and whether others can know it. */
static void check_private(struct dt_doctor *d)
{
	char text[DT_IP_STRLEN];
	struct dt_ip own = {0};

	if (names_address(d->server))
		return;
	for (size_t i = 0; i < d->server->nlisten && dt_ip_is_unset(&own); i++)
		if (dt_ip_is_v4(&d->server->listen[i].ip) && !is_unspecified(&d->server->listen[i].ip))
			own = d->server->listen[i].ip;
	if (dt_ip_is_unset(&own) && !dt_network_default_address(&d->network, 4, &own))
		return;
	if (is_private(&own))
		dt_finding_add(&d->found, DT_FIND_PRIVATE_ADDRESS, dt_ip_format(&own, text),
			       "the relay's address %s is private, and no address line names a public one", text);
}

static void check_addresses(struct dt_doctor *d)
{
	const struct dt_relay_config *config = d->server;
	char text[DT_IP_STRLEN], port[8], own_text[DT_IP_STRLEN];
	unsigned errors = d->found.count[DT_ERROR];
	struct dt_ip own;

	for (size_t i = 0; i < config->nlisten; i++) {
		const struct dt_ip *ip = &config->listen[i].ip;

		snprintf(port, sizeof(port), "%u", config->listen[i].port);
		if (!is_unspecified(ip) && !dt_network_is_local(&d->network, ip))
			dt_finding_add(&d->found, DT_FIND_LISTEN_ADDRESS, port,
				       "listen names %s, which is not an address of this host", dt_ip_format(ip, text));
	}
	for (size_t i = 0; i < config->naddresses; i++) {
		const struct dt_ip *ip = &config->addresses[i].local;

		if (dt_network_is_local(&d->network, ip))
			continue;
		if (!dt_network_default_address(&d->network, dt_ip_family(ip), &own))
			own = *ip;
		dt_finding_add(&d->found, DT_FIND_NAT_ADDRESS, dt_ip_format(&own, own_text),
			       "address names %s, which is not an address of this host", dt_ip_format(ip, text));
	}
	if (errors == d->found.count[DT_ERROR])
		dt_finding_fine(&d->found, "addresses", "the configuration names addresses of this host");
}

void dt_doctor_network(struct dt_doctor *d)
{
	if (!d->network.nlinks)
		return;
	check_routes(d);
	if (d->server) {
		check_addresses(d);
		check_private(d);
	}
}
