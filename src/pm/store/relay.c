/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/relay.h"

#include <utlist.h>

#include "pm/store/pm.h"

bool dt_relay_link_is_primary(const struct dt_relay_link *link)
{
	return link->relay->links == link;
}

struct dt_ip dt_relay_link_nat_address(const struct dt_relay_link *link)
{
	const struct dt_message *own = dt_client_link_last_reply(link->proto);
	const struct dt_message *primary = dt_client_link_last_reply(link->relay->links->proto);
	bool v4 = dt_ip_is_v4(&link->remote.ip);
	const struct dt_ip *named = v4 ? &own->nat4 : &own->nat6;

	if (!dt_ip_is_unset(named))
		return *named;
	named = v4 ? &primary->nat4 : &primary->nat6;
	if (!dt_relay_link_is_primary(link) &&
	    dt_ip_family(&link->relay->links->remote.ip) != dt_ip_family(&link->remote.ip) && !dt_ip_is_unset(named))
		return *named;
	return link->remote.ip;
}

struct dt_pm_relay *dt_pm_relay_at(const struct dt_pm *pm, size_t index)
{
	struct dt_pm_relay *relay = pm->relays;

	while (relay && relay->index != index)
		relay = relay->next;
	return relay;
}

enum dt_carrier dt_pm_relay_carrier(const struct dt_pm_relay *relay, int carrier, uint64_t now_ns)
{
	enum dt_carrier wanted = carrier < 0 ? relay->conf->carrier : (enum dt_carrier)carrier;

	if (wanted == DT_CARRIER_AUTO)
		return now_ns < relay->nat_blocked_ns ? DT_CARRIER_WIREGUARD : DT_CARRIER_NAT;
	return wanted;
}

enum dt_client_link_state dt_pm_relay_state(const struct dt_pm_relay *relay)
{
	return relay->links ? dt_client_link_state(relay->links->proto) : DT_LINK_CONNECTING;
}

bool dt_pm_relay_draining(const struct dt_pm_relay *relay)
{
	return relay->links && dt_client_link_draining(relay->links->proto);
}

/* The relay's address for a link from this local address; port 0: none, see *why. */
static struct dt_endpoint link_remote(const struct dt_pm_relay *relay, const struct dt_ip *local, const char **why)
{
	const struct dt_relay_link *primary = relay->links;
	const struct dt_message *reply = dt_client_link_last_reply(primary->proto);
	struct dt_endpoint remote = primary->remote;

	if (dt_ip_family(&remote.ip) == dt_ip_family(local))
		return remote;
	remote = dt_ip_is_v4(local) ? reply->control4 : reply->control6;
	if (remote.port == 0)
		*why = dt_client_link_state(primary->proto) != DT_LINK_UP ? "not up"
		       : dt_ip_is_v4(local)				  ? "the relay has no IPv4 address"
									  : "the relay has no IPv6 address";
	return remote;
}

struct dt_relay_link *dt_relay_link_find(const struct dt_pm_relay *relay, const struct dt_ip *local,
					 struct dt_endpoint *remote, const char **why)
{
	struct dt_relay_link *link;

	*remote = (struct dt_endpoint){0};
	*why = "";
	if (!relay->links) {
		*why = relay->problem;
		return NULL;
	}
	DL_FOREACH(relay->links, link)
		if (dt_ip_equal(dt_relay_link_is_primary(link) ? &link->local.ip : &link->bound, local)) {
			*remote = link->remote;
			return link;
		}
	*remote = link_remote(relay, local, why);
	return NULL;
}
