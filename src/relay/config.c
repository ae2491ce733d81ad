/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/config.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/config_keys.h"
#include "base/keyfile.h"

#define CONTROL_PATH_MAX 107 /* sun_path */
#define PINS_PATH_MAX 200
#define LOG_PATH_MAX 1000
#define DRAIN_TIMEOUT_DEFAULT_S 3600
#define DRAIN_TIMEOUT_MAX_S (7 * 24 * 3600)
#define MAX_LEASES_DEFAULT 65536
#define MAX_FLOWS_DEFAULT 131072
#define MAX_RATE_DEFAULT_BPS 40000000000ULL
#define CLIENT_MAX_LEASES_DEFAULT 256
#define CLIENT_MAX_FLOWS_DEFAULT 4096
#define CLIENT_MAX_NEW_FLOWS_DEFAULT 50
#define CLIENT_MAX_RATE_DEFAULT_BPS 10000000000ULL

struct parse {
	struct dt_relay_config *config;
	struct dt_config_pos ports_pos; /* of the later of the two ranges */
	struct dt_config_public_keys client_keys;
};

static void take_prefix(struct dt_config *c, const char *value, struct dt_prefix **list, size_t *count)
{
	struct dt_prefix prefix;

	if (dt_config_prefix(c, value, &prefix))
		dt_config_append(c, list, count, sizeof(prefix), &prefix);
}

/* --- [relay] ----------------------------------------------------------------------------------- */

static void *relay_open(struct dt_config *c, void *root, const char *name)
{
	return root;
}

static struct dt_relay_config *config_of(void *section)
{
	return ((struct parse *)section)->config;
}

static void take_private_key(struct dt_config *c, void *section, const char *value)
{
	dt_keyfile_take(c, value, &config_of(section)->keys);
}

static void take_listen(struct dt_config *c, void *section, const char *value)
{
	struct dt_relay_config *config = config_of(section);
	struct dt_endpoint e;

	if (!dt_config_endpoint(c, value, &e))
		return;
	for (size_t i = 0; i < config->nlisten; i++)
		if (dt_endpoint_equal(&config->listen[i], &e)) {
			dt_config_error(c, "duplicate address %s", value);
			return;
		}
	dt_config_append(c, &config->listen, &config->nlisten, sizeof(e), &e);
}

static void take_address(struct dt_config *c, void *section, const char *value)
{
	struct dt_relay_config *config = config_of(section);
	const char *as = strstr(value, " as ");
	struct dt_nat_address address;
	char *local;

	if (!as) {
		if (dt_config_ip(c, value, &address.local)) {
			address.public = address.local;
			dt_config_append(c, &config->addresses, &config->naddresses, sizeof(address), &address);
		}
		return;
	}
	local = dt_config_copy(c, value);
	if (!local)
		return;
	local[strcspn(local, " ")] = '\0';
	as += strlen(" as ");
	as += strspn(as, " ");
	if (dt_config_ip(c, local, &address.local) && dt_config_ip(c, as, &address.public)) {
		if (dt_ip_family(&address.local) != dt_ip_family(&address.public))
			dt_config_error(c, "%s and %s are of different families", local, as);
		else
			dt_config_append(c, &config->addresses, &config->naddresses, sizeof(address), &address);
	}
	free(local);
}

static void take_ports(struct dt_config *c, void *section, const char *value)
{
	struct parse *p = section;

	if (dt_config_ports(c, value, &p->config->ports))
		p->ports_pos = c->pos;
}

static void take_source_ports(struct dt_config *c, void *section, const char *value)
{
	struct parse *p = section;

	if (dt_config_ports(c, value, &p->config->source_ports))
		p->ports_pos = c->pos;
}

static void take_interface(struct dt_config *c, void *section, const char *value)
{
	struct dt_relay_config *config = config_of(section);

	char *copy = dt_config_copy(c, value);

	if (!copy)
		return;
	free(config->interface);
	config->interface = copy;
}

static void take_allow(struct dt_config *c, void *section, const char *value)
{
	take_prefix(c, value, &config_of(section)->allow, &config_of(section)->nallow);
}

static void take_deny(struct dt_config *c, void *section, const char *value)
{
	take_prefix(c, value, &config_of(section)->deny, &config_of(section)->ndeny);
}

static void take_max_leases(struct dt_config *c, void *section, const char *value)
{
	dt_config_unsigned(c, value, 1, 1000000, &config_of(section)->max_leases);
}

static void take_max_flows(struct dt_config *c, void *section, const char *value)
{
	dt_config_unsigned(c, value, 1, 1000000, &config_of(section)->max_flows);
}

static void take_max_rate(struct dt_config *c, void *section, const char *value)
{
	dt_config_rate(c, value, &config_of(section)->max_rate_bps);
}

static void take_drain_timeout(struct dt_config *c, void *section, const char *value)
{
	dt_config_unsigned(c, value, 1, DRAIN_TIMEOUT_MAX_S, &config_of(section)->drain_timeout_s);
}

static void take_pins(struct dt_config *c, void *section, const char *value)
{
	/* bpffs refuses names with a dot (kernel/bpf/inode.c) */
	if (strchr(value, '.'))
		dt_config_error(c, "\"%s\" has a dot, which a bpffs does not allow in names", value);
	else if (strcmp(value, "/sys/fs/bpf") == 0 || strcmp(value, "/sys/fs/bpf/") == 0)
		dt_config_error(c, "\"%s\" is the bpffs itself: name a directory in it for this relay alone", value);
	else
		dt_config_path(c, value, PINS_PATH_MAX, &config_of(section)->pins);
}

static void take_control(struct dt_config *c, void *section, const char *value)
{
	dt_config_path(c, value, CONTROL_PATH_MAX, &config_of(section)->control);
}

static void take_log_level(struct dt_config *c, void *section, const char *value)
{
	dt_config_log_level(c, value, &config_of(section)->log_level);
}

static void take_log_flows(struct dt_config *c, void *section, const char *value)
{
	char **where = &config_of(section)->log_flows;
	bool wanted;

	if (*value == '/')
		dt_config_path(c, value, LOG_PATH_MAX, where);
	else if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		dt_config_error(c, "\"%s\" is not yes, no, or the absolute path of a file", value);
	else if (dt_config_bool(c, value, &wanted) && wanted)
		*where = dt_config_copy(c, DT_FLOWLOG_STDERR);
}

static void take_wireguard_port(struct dt_config *c, void *section, const char *value)
{
	unsigned port;

	if (dt_config_unsigned(c, value, 0, 65535, &port))
		config_of(section)->wireguard_port = (uint16_t)port;
}

static void take_wireguard_device(struct dt_config *c, void *section, const char *value)
{
	dt_config_device(c, value, &config_of(section)->wireguard_device);
}

static const struct dt_config_key relay_keys[] = {
	{"private-key-file", DT_CONFIG_ONE, true, take_private_key},
	{"listen", DT_CONFIG_LIST, false, take_listen},
	{"address", DT_CONFIG_LIST, false, take_address},
	{"ports", DT_CONFIG_ONE, false, take_ports},
	{"source-ports", DT_CONFIG_ONE, false, take_source_ports},
	{"interface", DT_CONFIG_ONE, false, take_interface},
	{"allow", DT_CONFIG_LIST, false, take_allow},
	{"deny", DT_CONFIG_LIST, false, take_deny},
	{"max-leases", DT_CONFIG_ONE, false, take_max_leases},
	{"max-flows", DT_CONFIG_ONE, false, take_max_flows},
	{"max-rate", DT_CONFIG_ONE, false, take_max_rate},
	{"drain-timeout", DT_CONFIG_ONE, false, take_drain_timeout},
	{"pins", DT_CONFIG_ONE, false, take_pins},
	{"control", DT_CONFIG_ONE, false, take_control},
	{"log-level", DT_CONFIG_ONE, false, take_log_level},
	{"wireguard-port", DT_CONFIG_ONE, false, take_wireguard_port},
	{"wireguard-device", DT_CONFIG_ONE, false, take_wireguard_device},
	{"log-flows", DT_CONFIG_ONE, false, take_log_flows},
};

/* --- [client NAME] ----------------------------------------------------------------------------- */

/* The array of clients moves as it grows, so keys get the parse, and the last client is the one they are for. */
static struct dt_peer_conf *last_client(void *section)
{
	struct dt_relay_config *config = config_of(section);

	return &config->clients[config->nclients - 1];
}

static void *client_open(struct dt_config *c, void *root, const char *name)
{
	struct parse *p = root;
	struct dt_peer_conf client = {
		.max_leases = CLIENT_MAX_LEASES_DEFAULT,
		.max_flows = CLIENT_MAX_FLOWS_DEFAULT,
		.max_new_flows = CLIENT_MAX_NEW_FLOWS_DEFAULT,
		.max_rate_bps = CLIENT_MAX_RATE_DEFAULT_BPS,
	};

	client.name = dt_config_copy(c, name);
	if (client.name && dt_config_append(c, &p->config->clients, &p->config->nclients, sizeof(client), &client))
		return p;
	free(client.name);
	return NULL;
}

static void take_public_key(struct dt_config *c, void *section, const char *value)
{
	struct parse *p = section;
	struct dt_peer_conf *client = last_client(section);

	dt_config_public_key_take(c, &p->client_keys, "client", client->name, value, client->public_key);
}

static void take_client_max_leases(struct dt_config *c, void *section, const char *value)
{
	dt_config_unsigned(c, value, 0, 1000000, &last_client(section)->max_leases);
}

static void take_client_max_flows(struct dt_config *c, void *section, const char *value)
{
	dt_config_unsigned(c, value, 0, 1000000, &last_client(section)->max_flows);
}

static void take_client_max_new_flows(struct dt_config *c, void *section, const char *value)
{
	dt_config_unsigned(c, value, 0, 1000000, &last_client(section)->max_new_flows);
}

static void take_client_max_rate(struct dt_config *c, void *section, const char *value)
{
	dt_config_rate(c, value, &last_client(section)->max_rate_bps);
}

static void take_plain_tcp(struct dt_config *c, void *section, const char *value)
{
	dt_config_bool(c, value, &last_client(section)->plain_tcp);
}

static void take_client_allow(struct dt_config *c, void *section, const char *value)
{
	take_prefix(c, value, &last_client(section)->allow, &last_client(section)->nallow);
}

static void take_client_deny(struct dt_config *c, void *section, const char *value)
{
	take_prefix(c, value, &last_client(section)->deny, &last_client(section)->ndeny);
}

static const struct dt_config_key client_keys[] = {
	{"public-key", DT_CONFIG_ONE, true, take_public_key},
	{"max-leases", DT_CONFIG_ONE, false, take_client_max_leases},
	{"max-flows", DT_CONFIG_ONE, false, take_client_max_flows},
	{"max-new-flows", DT_CONFIG_ONE, false, take_client_max_new_flows},
	{"max-rate", DT_CONFIG_ONE, false, take_client_max_rate},
	{"plain-tcp", DT_CONFIG_ONE, false, take_plain_tcp},
	{"allow", DT_CONFIG_LIST, false, take_client_allow},
	{"deny", DT_CONFIG_LIST, false, take_client_deny},
};

/* --- the whole --------------------------------------------------------------------------------- */

#define KEYS(array) array, sizeof(array) / sizeof((array)[0])

static const struct dt_config_section sections[] = {
	{"relay", false, KEYS(relay_keys), relay_open, NULL},
	{"client", true, KEYS(client_keys), client_open, NULL},
};

static void ports_check(struct dt_config *c, const struct parse *p)
{
	const struct dt_port_range *a = &p->config->ports, *b = &p->config->source_ports;

	if (a->min <= b->max && b->min <= a->max)
		dt_config_error_at(c, p->ports_pos, "ports (%u-%u) and source-ports (%u-%u) overlap", a->min, a->max,
				   b->min, b->max);
}

static void listen_default(struct dt_config *c, struct dt_relay_config *config)
{
	struct dt_endpoint any[2] = {{dt_ip_from_v4(0), DT_WIRE_PORT}, {{{{0}}}, DT_WIRE_PORT}};

	for (int i = 0; config->nlisten < 2 && i < 2; i++)
		dt_config_append(c, &config->listen, &config->nlisten, sizeof(any[i]), &any[i]);
}

static struct dt_relay_config *config_new(struct dt_config *c)
{
	struct dt_relay_config *config = calloc(1, sizeof(*config));

	if (!config)
		return NULL;
	config->ports = (struct dt_port_range){50000, 59999};
	config->source_ports = (struct dt_port_range){40000, 49999};
	config->max_leases = MAX_LEASES_DEFAULT;
	config->max_flows = MAX_FLOWS_DEFAULT;
	config->max_rate_bps = MAX_RATE_DEFAULT_BPS;
	config->drain_timeout_s = DRAIN_TIMEOUT_DEFAULT_S;
	config->log_level = DT_LOG_INFO;
	config->interface = dt_config_copy(c, "*");
	config->pins = dt_config_copy(c, DT_RELAY_PINS);
	config->control = dt_config_copy(c, DT_RELAY_CONTROL_PATH);
	config->wireguard_device = dt_config_copy(c, DT_RELAY_WIREGUARD_DEVICE);
	return config;
}

static void whole_check(struct dt_config *c)
{
	struct parse *p = c->root;

	ports_check(c, p);
	if (c->read_files)
		dt_config_public_keys_check_own(c, &p->client_keys, p->config->keys.public, "the relay's");
	if (p->config->nlisten == 0)
		listen_default(c, p->config);
}

static int config_read(struct dt_relay_config **out, const struct dt_config_source *from)
{
	struct parse p = {.ports_pos = {1, 1}};
	struct dt_config c = {KEYS(sections), .root = &p};
	int err;

	p.config = config_new(&c);
	if (!p.config)
		return -ENOMEM;
	err = dt_config_read(&c, from, whole_check);
	dt_config_public_keys_fini(&p.client_keys);
	if (err)
		dt_relay_config_free(p.config);
	else
		*out = p.config;
	return err;
}

int dt_relay_config_load(struct dt_relay_config **out, const char *path)
{
	return config_read(out, &(struct dt_config_source){.name = path, .errors = stderr});
}

int dt_relay_config_parse(struct dt_relay_config **out, const char *name, const char *text, size_t len, FILE *errors)
{
	return config_read(out, &(struct dt_config_source){.name = name, .text = text, .len = len, .errors = errors});
}

void dt_relay_config_free(struct dt_relay_config *config)
{
	if (!config)
		return;
	for (size_t i = 0; i < config->nclients; i++) {
		free(config->clients[i].name);
		free(config->clients[i].allow);
		free(config->clients[i].deny);
	}
	free(config->clients);
	free(config->listen);
	free(config->addresses);
	free(config->interface);
	free(config->allow);
	free(config->deny);
	free(config->pins);
	free(config->control);
	free(config->wireguard_device);
	free(config->log_flows);
	sodium_memzero(&config->keys, sizeof(config->keys));
	free(config);
}
