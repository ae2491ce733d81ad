/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/config.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/keyfile.h"
#include "pm/config_parse.h"

#define CONTROL_PATH_MAX 107 /* sun_path */
#define STATE_PATH_MAX 4080  /* PATH_MAX, and room for .damaged */
#define HOST_MAX 253	     /* RFC 1035 */

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

	/* 253 to 255 are the kernel's */
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

	dt_config_path(c, value, CONTROL_PATH_MAX, &config->control);
}

static void take_state(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	dt_config_path(c, value, STATE_PATH_MAX, &config->state);
}

static void take_log_level(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	dt_config_log_level(c, value, &config->log_level);
}

static uint64_t *part_ms(struct dt_detour_after *after)
{
	return &after->ms;
}

static uint64_t *part_bytes(struct dt_detour_after *after)
{
	return &after->bytes;
}

void dt_detour_after_parse(struct dt_config *c, const char *value, struct dt_detour_after *after)
{
	static const struct {
		const char *name;
		uint64_t *(*part)(struct dt_detour_after *after);
		unsigned factor;
	} units[] = {{"ms", part_ms, 1},
		     {"s", part_ms, 1000},
		     {"B", part_bytes, 1},
		     {"kB", part_bytes, 1000},
		     {"MB", part_bytes, 1000000}};
	char *unit;
	unsigned long number = strtoul(value, &unit, 10);

	if (!after->given) {
		after->given = true;
		after->ms = after->bytes = UINT64_MAX;
	}
	if (strcmp(value, "0") == 0) {
		if (after->ms != UINT64_MAX || after->bytes != UINT64_MAX)
			dt_config_error(c, "there is a %s already", after->ms != UINT64_MAX ? "time" : "size");
		after->ms = after->bytes = 0;
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (value[0] >= '0' && value[0] <= '9' && number <= 1000000000 && strcmp(unit, units[i].name) == 0) {
			if (*units[i].part(after) != UINT64_MAX)
				dt_config_error(c, "there is a %s already", units[i].part == part_ms ? "time" : "size");
			*units[i].part(after) = (uint64_t)number * units[i].factor;
			return;
		}
	dt_config_error(c, "\"%s\" is no time (500ms, 2s) or size (256kB, 1MB)", value);
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
	if (!dt_config_append(c, &config->interfaces, &config->ninterfaces, sizeof(pattern), &pattern))
		free(pattern);
}

static void take_choose(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_config *config = section;

	if (strcmp(value, "order") != 0 && strcmp(value, "measured") != 0)
		dt_config_error(c, "\"%s\" is none of order, measured", value);
	config->choose_measured = strcmp(value, "measured") == 0;
}

static const struct dt_config_key client_keys[] = {
	{"private-key-file", DT_CONFIG_ONE, true, take_private_key},
	{"max-detours", DT_CONFIG_ONE, false, take_max_detours},
	{"control", DT_CONFIG_ONE, false, take_control},
	{"tunnel-table", DT_CONFIG_ONE, false, take_tunnel_table},
	{"tunnel-priority", DT_CONFIG_ONE, false, take_tunnel_priority},
	{"log-level", DT_CONFIG_ONE, false, take_log_level},
	{"choose", DT_CONFIG_ONE, false, take_choose},
	{"interfaces", DT_CONFIG_LIST, false, take_interface},
	{"detour-after", DT_CONFIG_LIST, false, take_detour_after},
	{"state", DT_CONFIG_ONE, false, take_state},
};

/* --- [relay NAME] ------------------------------------------------------------------------------ */

/* Relays grow in an array, so a section is handed on as its parse, and the last relay is the one at hand. */
static struct dt_relay_conf *last_relay(void *section)
{
	struct dt_client_config *config = ((struct dt_client_parse *)section)->config;

	return &config->relays[config->nrelays - 1];
}

static void *relay_open(struct dt_config *c, void *root, const char *name)
{
	static const struct dt_config_pos nowhere;
	struct dt_client_parse *p = root;
	struct dt_relay_conf relay = {.carrier = DT_CARRIER_NAT};

	relay.name = dt_config_copy(c, name);
	if (!dt_config_append(c, &p->config->relays, &p->config->nrelays, sizeof(relay), &relay)) {
		free(relay.name);
		return NULL;
	}
	return dt_config_append(c, &p->relay_key_pos, &p->nrelay_key_pos, sizeof(nowhere), &nowhere) ? p : NULL;
}

static bool host_valid(const char *host, size_t len)
{
	if (len == 0 || len > HOST_MAX || host[0] == '-' || host[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", host[i]))
			return false;
	return true;
}

static void take_endpoint(struct dt_config *c, void *section, const char *value)
{
	struct dt_relay_conf *relay = last_relay(section);
	const char *colon = strrchr(value, ':');
	struct dt_endpoint numeric;
	struct dt_port_range port;
	struct dt_ip ip;
	char host[HOST_MAX + 1];
	size_t len;

	if (dt_endpoint_parse(&numeric, value) == 0 && numeric.port) {
		char text[DT_IP_STRLEN];

		relay->host = dt_config_copy(c, dt_ip_format(&numeric.ip, text));
		relay->port = numeric.port;
		return;
	}
	len = colon ? (size_t)(colon - value) : 0;
	if (!colon || !host_valid(value, len) || strchr(colon, '-')) {
		dt_config_error(c, "\"%s\" is no ADDRESS:PORT, [IPV6]:PORT or HOST:PORT", value);
		return;
	}
	memcpy(host, value, len);
	host[len] = '\0';
	/* 300.1.2.3 is no address, and no name either */
	if (host[strspn(host, "0123456789.")] == '\0' && dt_ip_parse(&ip, host) < 0) {
		dt_config_error(c, "\"%s\" is no ADDRESS:PORT, [IPV6]:PORT or HOST:PORT", value);
		return;
	}
	if (!dt_config_ports(c, colon + 1, &port))
		return;
	relay->host = dt_config_copy(c, host);
	relay->port = port.min;
}

static void take_public_key(struct dt_config *c, void *section, const char *value)
{
	struct dt_client_parse *p = section;

	if (dt_config_key32(c, value, last_relay(section)->public_key))
		p->relay_key_pos[p->nrelay_key_pos - 1] = c->pos;
}

bool dt_carrier_parse(struct dt_config *c, const char *value, enum dt_carrier *out)
{
	static const char *const names[] = {
		[DT_CARRIER_NAT] = "nat", [DT_CARRIER_WIREGUARD] = "wireguard", [DT_CARRIER_AUTO] = "auto"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(value, names[i]) == 0) {
			*out = (enum dt_carrier)i;
			return true;
		}
	dt_config_error(c, "\"%s\" is none of nat, wireguard, auto", value);
	return false;
}

static void take_carrier(struct dt_config *c, void *section, const char *value)
{
	dt_carrier_parse(c, value, &last_relay(section)->carrier);
}

static void take_wireguard_device(struct dt_config *c, void *section, const char *value)
{
	dt_config_device(c, value, &last_relay(section)->wireguard_device);
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

/* --- the whole --------------------------------------------------------------------------------- */

#define KEYS(array) array, sizeof(array) / sizeof((array)[0])

static const struct dt_config_section sections[] = {
	{"client", false, KEYS(client_keys), client_open, NULL},
	{"relay", true, KEYS(relay_keys), relay_open, NULL},
	{"rule", true, KEYS(dt_rule_keys), dt_rule_open, NULL},
	{"interface", true, KEYS(interface_keys), interface_open, NULL},
	{"mptcp", false, KEYS(dt_mptcp_keys), dt_mptcp_open, NULL},
};

static void relays_judge(struct dt_config *c, const struct dt_client_parse *p)
{
	const struct dt_client_config *config = p->config;

	for (size_t i = 0; i < config->nrelays; i++) {
		const uint8_t *key = config->relays[i].public_key;

		if (!p->relay_key_pos[i].line)
			continue;
		if (c->read_files && memcmp(key, config->keys.public, DT_KEY_LEN) == 0)
			dt_config_error_at(c, p->relay_key_pos[i],
					   "this is the client's own public key, not the relay's");
		for (size_t k = 0; k < i; k++)
			if (p->relay_key_pos[k].line && memcmp(key, config->relays[k].public_key, DT_KEY_LEN) == 0) {
				dt_config_error_at(c, p->relay_key_pos[i], "[relay %s] has this public key already",
						   config->relays[k].name);
				break;
			}
	}
}

static void interfaces_judge(struct dt_config *c, const struct dt_client_parse *p)
{
	for (size_t i = 0; i < p->ninterface_pos; i++)
		if (!dt_interface_is_named(p->config, p->config->interface_confs[i].name))
			dt_config_error_at(c, p->interface_pos[i], "interfaces in [client] does not name %s",
					   p->config->interface_confs[i].name);
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

static int config_finish(struct dt_config *c, struct dt_client_parse *p, struct dt_client_config **out,
			 const char *name, FILE *errors)
{
	size_t problems;

	dt_rules_resolve_relays(c, p);
	relays_judge(c, p);
	interfaces_judge(c, p);
	if (!p->config->after.given) {
		p->config->after.ms = DT_DETOUR_AFTER_MS_DEFAULT;
		p->config->after.bytes = DT_DETOUR_AFTER_BYTES_DEFAULT;
	}
	problems = c->nproblems;
	dt_config_report(c, name, errors);
	dt_rules_parse_fini(p);
	free(p->relay_key_pos);
	free(p->interface_pos);
	if (problems) {
		dt_client_config_free(p->config);
		return -EINVAL;
	}
	*out = p->config;
	return 0;
}

int dt_client_config_load(struct dt_client_config **out, const char *path)
{
	struct dt_client_parse p = {0};
	struct dt_config c = {KEYS(sections), .root = &p, .read_files = true};

	p.config = config_new(&c);
	if (!p.config)
		return -ENOMEM;
	dt_config_load(&c, path);
	return config_finish(&c, &p, out, path, stderr);
}

int dt_client_config_parse(struct dt_client_config **out, const char *name, const char *text, size_t len, FILE *errors)
{
	struct dt_client_parse p = {0};
	struct dt_config c = {KEYS(sections), .root = &p};

	p.config = config_new(&c);
	if (!p.config)
		return -ENOMEM;
	dt_config_parse(&c, text, len);
	return config_finish(&c, &p, out, name, errors);
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
	free(config->state);
	free(config);
}
