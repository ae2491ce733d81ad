/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What follows the host's interfaces, addresses and routes: filters, NAT addresses, the tunnels' addresses. */
#include <errno.h>
#include <string.h>

#include "relay/relay.h"

void dt_relay_tunnels_apply(struct dt_relay *r)
{
	struct dt_ip source4 = {0}, source6 = {0}, public;

	if (!r->tunnels)
		return;
	dt_relay_address(r, 4, &source4, &public);
	dt_relay_address(r, 6, &source6, &public);
	dt_tunnels_sources(r->tunnels, &source4, &source6);
	dt_tunnels_route_mtu(r->tunnels, dt_network_default_mtu(&r->network));
}

int dt_relay_filters_apply(struct dt_relay *r)
{
	int err = dt_dataplane_attach(r->dataplane, &r->network, r->config->interface);

	if (r->tunnels)
		dt_tunnels_guard(r->tunnels, dt_dataplane_guards(r->dataplane, dt_tunnels_ifindex(r->tunnels)));
	return err;
}

void dt_relay_neighbours_check(struct dt_relay *r)
{
	int err = dt_dataplane_neighbours(r->dataplane, &r->network.request);

	if (err)
		dt_log_debug("cannot look for other programs on the interfaces: %s", strerror(-err));
}

/* No packet can arrive for an address that no interface has any more. */
static bool address_is_ours(const struct dt_ip *ip, void *data)
{
	const struct dt_relay *r = data;

	for (size_t i = 0; i < r->config->naddresses; i++)
		if (dt_ip_equal(&r->config->addresses[i].local, ip))
			return true;
	return dt_network_is_local(&r->network, ip);
}

int dt_relay_addresses_apply(struct dt_relay *r)
{
	struct dt_ip ip;
	int err;

	err = dt_dataplane_addresses_prune(r->dataplane, address_is_ours, r);
	for (size_t i = 0; err == 0 && i < r->config->naddresses; i++)
		err = dt_dataplane_address(r->dataplane, &r->config->addresses[i].local);
	for (unsigned family = 4; err == 0 && family <= 6; family += 2)
		if (dt_network_default_address(&r->network, family, &ip))
			err = dt_dataplane_address(r->dataplane, &ip);
	return err;
}

void dt_relay_host_apply(struct dt_relay *r)
{
	int err = dt_dataplane_routes(r->dataplane, &r->network);

	if (err)
		dt_log_err("cannot store the routes: %s", strerror(-err));
	dt_relay_filters_apply(r);
	err = dt_relay_addresses_apply(r);
	if (err)
		dt_log_err("cannot store the relay's addresses: %s", strerror(-err));
	dt_relay_tunnels_apply(r);
}
