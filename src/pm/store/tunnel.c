/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/tunnel.h"

#include "pm/store/pm.h"
#include "pm/store/relay.h"

bool dt_pm_tunnels_have(const struct dt_pm *pm, const struct dt_ip *ip)
{
	for (const struct dt_pm_relay *relay = pm->relays; relay; relay = relay->next) {
		const struct dt_pm_tunnel *t = relay->tunnel;

		if (t && t->state == DT_TUNNEL_READY &&
		    (dt_ip_equal(&t->given.ip4, ip) || dt_ip_equal(&t->given.ip6, ip)))
			return true;
	}
	return false;
}

bool dt_pm_tunnel_address(const struct dt_pm_tunnel *t, unsigned family, struct dt_ip *out)
{
	const struct dt_ip *ip = family == 4 ? &t->given.ip4 : &t->given.ip6;

	if (t->state != DT_TUNNEL_READY || *t->problem || dt_ip_is_unset(ip))
		return false;
	*out = *ip;
	return true;
}
