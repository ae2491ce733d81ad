/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/events/endpoints.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "pm/conf/client_conf.h"
#include "pm/store/interfaces.h"
#include "pm/store/pm.h"

/* The best default route's address: connections start from there anyway. */
static bool is_default(const struct dt_pm *pm, const struct dt_ip *ip)
{
	char own[IF_NAMESIZE], best[IF_NAMESIZE];
	struct dt_ip address;

	if (!dt_network_default_address(&pm->network, dt_ip_family(ip), &address))
		return false;
	dt_interfaces_name(pm, ip, own);
	dt_interfaces_name(pm, &address, best);
	return strcmp(own, best) == 0;
}

static bool is_without_effect(const struct dt_pm *pm, const struct dt_mptcp_endpoint *e)
{
	char interface[IF_NAMESIZE];

	if (!(e->flags & (DT_MPTCP_ENDPOINT_SUBFLOW | DT_MPTCP_ENDPOINT_FULLMESH)) || is_default(pm, &e->at.ip))
		return false;
	dt_interfaces_name(pm, &e->at.ip, interface);
	return *interface && !dt_interface_is_named(pm->config, interface);
}

static void tell(const struct dt_pm *pm)
{
	char names[DT_MPTCP_ENDPOINTS_MAX * (IF_NAMESIZE + 2)] = "", name[IF_NAMESIZE + 2];

	for (size_t i = 0; i < pm->nunused_endpoints; i++) {
		char interface[IF_NAMESIZE];

		dt_interfaces_name(pm, &pm->unused_endpoints[i], interface);
		snprintf(name, sizeof(name), "%s%s", *names ? "," : "", interface);
		if (!strstr(names, interface))
			strncat(names, name, sizeof(names) - strlen(names) - 1);
	}
	dt_log_warn(
		"no subflow starts from endpoints of ip mptcp while detourd runs: to use these interfaces, name them "
		"in `interfaces` interfaces=%s",
		names);
}

void dt_endpoints_check(struct dt_pm *pm)
{
	struct dt_mptcp_endpoint all[DT_MPTCP_ENDPOINTS_MAX];
	struct dt_ip unused[DT_MPTCP_ENDPOINTS_MAX];
	size_t count = 0, nunused = 0;
	bool same;

	if (dt_mptcp_endpoints(&pm->mptcp, all, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (is_without_effect(pm, &all[i]))
			unused[nunused++] = all[i].at.ip;
	same = nunused == pm->nunused_endpoints &&
	       memcmp(unused, pm->unused_endpoints, nunused * sizeof(unused[0])) == 0;
	memcpy(pm->unused_endpoints, unused, nunused * sizeof(unused[0]));
	pm->nunused_endpoints = nunused;
	if (nunused && !same)
		tell(pm);
}
