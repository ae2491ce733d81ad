/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/conf/client_conf.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/config_place.h"
#include "base/host.h"
#include "base/keyfile.h"
#include "pm/conf/parse.h"

#define CONTROL_PATH_MAX 107 /* sizeof(sun_path) - 1 */
#define STATE_PATH_MAX 4080  /* leaves room for ".damaged" within PATH_MAX */

/* --- [client] ---------------------------------------------------------------------------------- */

static void *client_open(struct dt_config *c, void *root, const char *name)
{
	return ((struct dt_client_parse *)root)->config;
}

static void take_private_key(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	dt_keyfile_take(c, value, &config->keys);
}

static void take_max_detours(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	dt_config_unsigned(c, value, 0, DT_MAX_DETOURS_LIMIT, &config->max_detours);
}

static void take_tunnel_table(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	/* the kernel uses 253 to 255 itself */
	dt_config_unsigned(c, value, 256, 2000000000, &config->tunnel_table);
}

static void take_tunnel_priority(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	dt_config_unsigned(c, value, 1, 32765, &config->tunnel_priority);
}

static void take_control(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	if (dt_config_path(c, value, CONTROL_PATH_MAX, &config->control))
		dt_config_place_socket(c, value);
}

static void take_metrics(struct dt_config *c, void *section, const char *value)
{
	dt_web_place_take(c, value, &((struct dt_client_config *)section)->metrics);
}

static void take_state(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	if (dt_config_path(c, value, STATE_PATH_MAX, &config->state))
		dt_config_place_file(c, value, false);
}

static void take_log_level(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	dt_config_log_level(c, value, &config->log_level);
}

static void take_detour_after(struct dt_config *c, void *section, const char *value)
{
	dt_detour_after_parse(c, value, &((struct dt_client_config *)section)->after);
}

static void take_interface(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;
	char *pattern = NULL;

	if (!dt_config_device(c, value, &pattern))
		return;
	dt_config_place_interface(c, value);
	if (!dt_config_append(c, &config->interfaces, &config->ninterfaces, sizeof(pattern), &pattern))
		free(pattern);
}

static void take_choose(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	if (strcmp(value, "order") != 0 && strcmp(value, "measured") != 0)
		dt_config_error(c, "\"%s\" is not one of order, measured", value);
	config->choose_measured = strcmp(value, "measured") == 0;
}

static void take_convert(struct dt_config *c, void *section, const char *value)
{
	((struct dt_client_parse *)c->root)->convert_pos = c->pos;
	dt_convert_mode_parse(c, value, &((struct dt_client_config *)section)->convert);
}

static const struct dt_config_key client_keys[] = {
	{"private-key-file", DT_CONFIG_ONE, true, take_private_key},
	{"max-detours", DT_CONFIG_ONE, false, take_max_detours},
	{"control", DT_CONFIG_ONE, false, take_control},
	{"metrics", DT_CONFIG_ONE, false, take_metrics},
	{"tunnel-table", DT_CONFIG_ONE, false, take_tunnel_table},
	{"tunnel-priority", DT_CONFIG_ONE, false, take_tunnel_priority},
	{"log-level", DT_CONFIG_ONE, false, take_log_level},
	{"choose", DT_CONFIG_ONE, false, take_choose},
	{"interfaces", DT_CONFIG_LIST, false, take_interface},
	{"detour-after", DT_CONFIG_LIST, false, take_detour_after},
	{"state", DT_CONFIG_ONE, false, take_state},
	{"convert", DT_CONFIG_ONE, false, take_convert},
};

/* --- [relay NAME] ------------------------------------------------------------------------------ */

/* A section's handle is the parse, not its relay: the array of relays moves when it grows. */
static struct dt_relay_conf *last_relay(void *section)
{
	struct dt_client_config *config = ((struct dt_client_parse *)section)->config;

	return &config->relays[config->nrelays - 1];
}

static void *relay_open(struct dt_config *c, void *root, const char *name)
{
	struct dt_client_parse *p = root;
	struct dt_relay_conf relay = {.carrier = DT_CARRIER_NAT};
	struct dt_relay_places none = {0};

	relay.name = dt_config_copy(c, name);
	if (!relay.name || !dt_config_append(c, &p->config->relays, &p->config->nrelays, sizeof(relay), &relay)) {
		free(relay.name);
		return NULL;
	}
	return dt_config_append(c, &p->relay_pos, &p->nrelay_pos, sizeof(none), &none) ? p : NULL;
}

/* Right by its form, yet no host can have it. */
static void address_judge(struct dt_config *c, const struct dt_ip *ip)
{
	struct dt_ip any4 = dt_ip_from_v4(0);
	bool multicast = dt_ip_is_v4(ip) ? ip->b[12] >= 224 : ip->b[0] == 0xff;
	char text[DT_IP_STRLEN];

	if (dt_ip_is_unset(ip) || dt_ip_equal(ip, &any4) || multicast)
		dt_config_error(c, "%s is no address of a host: name the relay's", dt_ip_format(ip, text));
}

static struct dt_relay_places *last_places(void *section)
{
	struct dt_client_parse *p = section;

	return &p->relay_pos[p->nrelay_pos - 1];
}

static void take_endpoint(struct dt_config *c, void *section, const char *value)
{
	struct dt_relay_conf *relay = last_relay(section);
	struct dt_port_range port;
	struct dt_host host;
	struct dt_ip numeric;
	int err = dt_host_parse(&host, value);

	last_places(section)->endpoint = c->pos;
	if (err == 0 && dt_ip_parse(&numeric, host.name) == 0)
		address_judge(c, &numeric);
	if (err == -ERANGE)
		dt_config_ports(c, strrchr(value, ':') + 1, &port);
	else if (err)
		dt_config_error(c, "\"%s\" is not ADDRESS:PORT, [IPV6]:PORT or HOST:PORT", value);
	if (err)
		return;
	relay->host = dt_config_copy(c, host.name);
	relay->port = host.port;
}

static void take_public_key(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_parse *p = section;
	struct dt_relay_conf *relay = last_relay(section);

	dt_config_public_key_take(c, &p->relay_keys, "relay", relay->name, value, relay->public_key);
}

static void take_carrier(struct dt_config *c, void *section, const char *value)
{
	dt_carrier_parse(c, value, &last_relay(section)->carrier);
}

static void take_wireguard_device(struct dt_config *c, void *section, const char *value)
{
	last_places(section)->device = c->pos;
	dt_config_wireguard_device(c, value, &last_relay(section)->wireguard_device);
}

static void take_relay_backup(struct dt_config *c, void *section, const char *value)
{
	dt_config_bool(c, value, &last_relay(section)->backup);
}

static const struct dt_config_key relay_keys[] = {
	{"endpoint", DT_CONFIG_ONE, true, take_endpoint},
	{"public-key", DT_CONFIG_ONE, true, take_public_key},
	{"carrier", DT_CONFIG_ONE, false, take_carrier},
	{"backup", DT_CONFIG_ONE, false, take_relay_backup},
	{"wireguard-device", DT_CONFIG_ONE, false, take_wireguard_device},
};

/* --- [interface NAME] -------------------------------------------------------------------------- */

static void *interface_open(struct dt_config *c, void *root, const char *name)
{
	struct dt_client_parse *p = root;
	struct dt_interface_conf interface = {0};

	interface.name = dt_config_copy(c, name);
	if (!dt_config_append(c, &p->config->interface_confs, &p->config->ninterface_confs, sizeof(interface),
			      &interface)) {
		free(interface.name);
		return NULL;
	}
	return dt_config_append(c, &p->interface_pos, &p->ninterface_pos, sizeof(c->pos), &c->pos) ? p : NULL;
}

static void take_interface_backup(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = ((struct dt_client_parse *)section)->config;

	dt_config_bool(c, value, &config->interface_confs[config->ninterface_confs - 1].backup);
}

static const struct dt_config_key interface_keys[] = {
	{"backup", DT_CONFIG_ONE, false, take_interface_backup},
};

/* --- the whole file ---------------------------------------------------------------------------- */

#define KEYS(array) array, sizeof(array) / sizeof((array)[0])

static const struct dt_config_section sections[] = {
	{"client", false, KEYS(client_keys), client_open, NULL, false},
	{"relay", true, KEYS(relay_keys), relay_open, NULL, true},
	{"rule", true, KEYS(dt_rule_keys), dt_rule_open, NULL, false},
	{"interface", true, KEYS(interface_keys), interface_open, NULL, false},
	{"mptcp", false, KEYS(dt_mptcp_keys), dt_mptcp_open, NULL, false},
};

static const struct dt_config_foreign relay_file = {"relay", "this is a relay's file: use --relay"};

static void interfaces_check(struct dt_config *c, const struct dt_client_parse *p)
{
	for (size_t i = 0; i < p->ninterface_pos; i++)
		if (!dt_interface_is_named(p->config, p->config->interface_confs[i].name))
			dt_config_error_at(c, p->interface_pos[i], "no entry of interfaces in [client] matches %s",
					   p->config->interface_confs[i].name);
}

/* Two relays on one port, or two tunnels in one device, cannot both work. */
static void relays_check(struct dt_config *c, const struct dt_client_parse *p)
{
	const struct dt_relay_conf *relays = p->config->relays;

	for (size_t i = 0; i < p->nrelay_pos; i++)
		for (size_t k = 0; k < i; k++) {
			const struct dt_relay_conf *a = &relays[i], *b = &relays[k];

			if (a->host && b->host && a->port == b->port && strcasecmp(a->host, b->host) == 0)
				dt_config_warn_at(c, p->relay_pos[i].endpoint,
						  "[relay %s] has the same endpoint: one of their keys is wrong",
						  b->name);
			if (a->wireguard_device && b->wireguard_device &&
			    strcmp(a->wireguard_device, b->wireguard_device) == 0)
				dt_config_error_at(c, p->relay_pos[i].device, "[relay %s] has the same device",
						   b->name);
		}
}

static struct dt_client_config *config_new(struct dt_config *c)
{
	struct dt_client_config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->max_detours = DT_MAX_DETOURS_DEFAULT;
	config->choose_measured = true;
	config->tunnel_table = DT_TUNNEL_TABLE_DEFAULT;
	config->tunnel_priority = DT_TUNNEL_PRIORITY_DEFAULT;
	config->log_level = DT_LOG_INFO;
	config->control = dt_config_copy(c, DT_CLIENT_CONTROL_PATH);
	return config;
}

static void whole_check(struct dt_config *c)
{
	struct dt_client_parse *p = c->root;

	dt_rules_resolve_relays(c, p);
	if (c->read_files)
		dt_config_public_keys_check_own(c, &p->relay_keys, &p->config->keys, "the client's");
	interfaces_check(c, p);
	relays_check(c, p);
	dt_rules_warn(c, p);
	if (!p->config->after.given) {
		p->config->after.ms = DT_DETOUR_AFTER_MS_DEFAULT;
		p->config->after.bytes = DT_DETOUR_AFTER_BYTES_DEFAULT;
	}
}

static int config_read(struct dt_client_config **out, const struct dt_config_source *from)
{
	struct dt_client_parse p = {0};
	struct dt_config c = {KEYS(sections), .root = &p, .foreign = &relay_file};
	int err;

	p.config = config_new(&c);
	if (!p.config)
		return -ENOMEM;
	err = dt_config_read(&c, from, whole_check);
	dt_rules_parse_fini(&p);
	dt_config_public_keys_fini(&p.relay_keys);
	free(p.interface_pos);
	free(p.relay_pos);
	if (err)
		dt_client_config_free(p.config);
	else
		*out = p.config;
	return err;
}

static int file_read(struct dt_client_config **out, struct dt_config_source *from)
{
	char beside[PATH_MAX];
	int err = dt_config_beside(from->name, beside, sizeof(beside));

	from->beside = beside;
	from->errors = stderr;
	return err ? err : config_read(out, from);
}

int dt_client_config_load(struct dt_client_config **out, const char *path)
{
	return file_read(out, &(struct dt_config_source){.name = path});
}

int dt_client_config_judge(struct dt_client_config **out, const char *path, bool strict)
{
	return file_read(out, &(struct dt_config_source){.name = path, .judge = true, .strict = strict});
}

int dt_client_config_parse(struct dt_client_config **out, const char *name, const char *text, size_t len, FILE *errors)
{
	return config_read(out, &(struct dt_config_source){.name = name, .text = text, .len = len, .errors = errors});
}
