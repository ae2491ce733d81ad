/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/conf/client_conf.h"

#include <fnmatch.h>
#include <sodium.h>
#include <stdlib.h>

const char *dt_carrier_name(enum dt_carrier carrier)
{
	switch (carrier) {
	case DT_CARRIER_NAT:
		return "nat";
	case DT_CARRIER_WIREGUARD:
		return "wireguard";
	case DT_CARRIER_AUTO:
		return "auto";
	case DT_CARRIER_DIRECT:
		return "direct";
	}
	return "";
}

size_t dt_interface_rank(const struct dt_client_config *config, const char *name)
{
	size_t i = 0;

	while (i < config->ninterfaces && fnmatch(config->interfaces[i], name, 0) != 0)
		i++;
	return i;
}

bool dt_interface_is_named(const struct dt_client_config *config, const char *name)
{
	return dt_interface_rank(config, name) < config->ninterfaces;
}

void dt_client_config_free(struct dt_client_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->nrelays; i++) {
		free(config->relays[i].name);
		free(config->relays[i].host);
		free(config->relays[i].wireguard_device);
	}
	for (size_t i = 0; i < config->nrules; i++) {
		free(config->rules[i].name);
		free(config->rules[i].destinations);
		free(config->rules[i].ports);
		free(config->rules[i].relays);
		dt_who_fini(&config->rules[i].who);
	}
	for (size_t i = 0; i < config->ninterfaces; i++)
		free(config->interfaces[i]);
	for (size_t i = 0; i < config->ninterface_confs; i++)
		free(config->interface_confs[i].name);
	dt_who_fini(&config->mptcp.chosen);
	dt_who_fini(&config->mptcp.except);
	free(config->interfaces);
	free(config->interface_confs);
	free(config->relays);
	free(config->rules);
	free(config->control);
	dt_web_place_fini(&config->metrics);
	free(config->state);
	sodium_memzero(&config->keys, sizeof(config->keys));
	free(config);
}
