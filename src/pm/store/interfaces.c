/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/interfaces.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "pm/conf/client_conf.h"
#include "pm/store/pm.h"
#include "pm/store/tunnel.h"

bool dt_interfaces_backup(const struct dt_pm *pm, const char *name)
{
	const struct dt_client_config *config = pm->config;

	for (size_t i = 0; i < config->ninterface_confs; i++)
		if (strcmp(config->interface_confs[i].name, name) == 0)
			return config->interface_confs[i].backup;
	return false;
}

static bool has_interface(const struct dt_plain_source *sources, size_t count, uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (sources[i].ifindex == ifindex)
			return true;
	return false;
}

static bool source_take(const struct dt_pm *pm, const struct dt_rt_address *a, unsigned family, size_t rank,
			struct dt_plain_source *out)
{
	const struct dt_rt_link *link = dt_network_link(&pm->network, a->ifindex);

	if (!link || !(link->flags & IFF_RUNNING) || a->scope != RT_SCOPE_UNIVERSE || dt_ip_family(&a->ip) != family ||
	    a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED | IFA_F_DEPRECATED) ||
	    dt_interface_rank(pm->config, link->name) != rank || dt_pm_tunnels_have(pm, &a->ip))
		return false;
	out->ip = a->ip;
	out->ifindex = a->ifindex;
	out->backup = dt_interfaces_backup(pm, link->name);
	memcpy(out->interface, link->name, sizeof(link->name));
	return true;
}

size_t dt_interfaces_sources(const struct dt_pm *pm, unsigned family, struct dt_plain_source out[DT_PLAIN_SOURCES_MAX])
{
	const struct dt_network *n = &pm->network;
	size_t count = 0;

	for (size_t rank = 0; rank < pm->config->ninterfaces; rank++)
		for (size_t i = 0; i < n->naddresses && count < DT_PLAIN_SOURCES_MAX; i++)
			if (!has_interface(out, count, n->addresses[i].ifindex))
				count += source_take(pm, &n->addresses[i], family, rank, &out[count]);
	return count;
}

void dt_interfaces_name(const struct dt_pm *pm, const struct dt_ip *ip, char out[IF_NAMESIZE])
{
	const struct dt_network *n = &pm->network;

	out[0] = '\0';
	for (size_t i = 0; i < n->naddresses; i++) {
		const struct dt_rt_link *link = dt_network_link(n, n->addresses[i].ifindex);

		if (link && dt_ip_equal(&n->addresses[i].ip, ip))
			memcpy(out, link->name, IF_NAMESIZE);
	}
}
