/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/config.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/config.h"
#include "base/config_keys.h"
#include "base/config_place.h"
#include "base/keyfile.h"
#include "base/special.h"
#include "relay/pins.h"

#define CONTROL_PATH_MAX 107 /* sun_path */
#define PINS_PATH_MAX 200
#define STATE_PATH_MAX 4080 /* leaves room for ".new" within PATH_MAX */
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

/* An entry of a client's allow. */
struct client_allow {
	size_t client;
	struct dt_prefix prefix;
	struct dt_config_pos pos;
};

/* A client's "convert". */
struct client_convert {
	size_t client;
	struct dt_config_pos pos;
};

struct parse {
	struct dt_relay_config *config;
	struct dt_config_pos ports_pos; /* of the later of the two ranges */
	struct dt_config_pos wireguard_port_pos;
	struct dt_config_pos *allow_pos; /* of each entry in [relay] */
	size_t nallow_pos;
	struct client_allow *client_allow;
	size_t nclient_allow;
	struct client_convert *client_convert;
	size_t nclient_convert;
	struct dt_config_public_keys client_keys;
};

static bool take_prefix(struct dt_config *c, const char *value, struct dt_prefix **list, size_t *count)
{
	struct dt_prefix prefix;

	return dt_config_prefix(c, value, &prefix) && dt_config_append(c, list, count, sizeof(prefix), &prefix);
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

static bool is_any(const struct dt_ip *ip)
{
	struct dt_ip any4 = dt_ip_from_v4(0);

	return dt_ip_is_unset(ip) || dt_ip_equal(ip, &any4);
}

/* Two sockets cannot have both. */
static bool overlap(const struct dt_endpoint *a, const struct dt_endpoint *b)
{
	return a->port == b->port && dt_ip_family(&a->ip) == dt_ip_family(&b->ip) &&
	       (is_any(&a->ip) || is_any(&b->ip) || dt_ip_equal(&a->ip, &b->ip));
}

/* 0, or the error of binding to this address of this host, at any port. */
static int bind_try(const struct dt_ip *ip)
{
	struct dt_endpoint at = {*ip, 0};
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(&at, &sa);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	err = fd < 0 || bind(fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	return err;
}

static void listen_judge(struct dt_config *c, const struct dt_endpoint *e)
{
	int err = is_any(&e->ip) ? 0 : bind_try(&e->ip);
	char text[DT_IP_STRLEN];

	if (err == -EADDRNOTAVAIL)
		dt_config_error(c, "no interface of this host has the address %s", dt_ip_format(&e->ip, text));
	else if (err)
		dt_config_error(c, "cannot listen on %s: %s", dt_ip_format(&e->ip, text), strerror(-err));
}

static void take_listen(struct dt_config *c, void *section, const char *value)
{
	struct dt_relay_config *config = config_of(section);
	char other[DT_ENDPOINT_STRLEN];
	struct dt_endpoint e;

	if (!dt_config_endpoint(c, value, &e))
		return;
	for (size_t i = 0; i < config->nlisten; i++)
		if (dt_endpoint_equal(&config->listen[i], &e)) {
			dt_config_error(c, "duplicate address %s", value);
			return;
		} else if (overlap(&config->listen[i], &e)) {
			dt_config_error(c, "%s overlaps %s", value, dt_endpoint_format(&config->listen[i], other));
			return;
		}
	if (c->judge_machine)
		listen_judge(c, &e);
	dt_config_append(c, &config->listen, &config->nlisten, sizeof(e), &e);
}

static void address_append(struct dt_config *c, struct dt_relay_config *config, const struct dt_nat_address *address)
{
	char text[DT_IP_STRLEN];

	if (c->judge_machine && bind_try(&address->local) < 0)
		dt_config_warn(c, "no interface of this host has the address %s at present",
			       dt_ip_format(&address->local, text));
	dt_config_append(c, &config->addresses, &config->naddresses, sizeof(*address), address);
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
			address_append(c, config, &address);
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
			address_append(c, config, &address);
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
	dt_config_place_interface(c, value);
	free(config->interface);
	config->interface = copy;
}

static void take_allow(struct dt_config *c, void *section, const char *value)
{
	struct parse *p = section;

	if (take_prefix(c, value, &p->config->allow, &p->config->nallow))
		dt_config_append(c, &p->allow_pos, &p->nallow_pos, sizeof(c->pos), &c->pos);
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
	else if (dt_config_path(c, value, PINS_PATH_MAX, &config_of(section)->pins) && c->judge_machine &&
		 !dt_pins_place_fits(value))
		dt_config_error(c, "\"%s\" is not on a bpffs: choose a directory below /sys/fs/bpf", value);
}

static void take_control(struct dt_config *c, void *section, const char *value)
{
	if (dt_config_path(c, value, CONTROL_PATH_MAX, &config_of(section)->control))
		dt_config_place_socket(c, value);
}

static void take_metrics(struct dt_config *c, void *section, const char *value)
{
	dt_web_place_take(c, value, &config_of(section)->metrics);
}

static void take_state(struct dt_config *c, void *section, const char *value)
{
	dt_config_path(c, value, STATE_PATH_MAX, &config_of(section)->state);
}

static void take_log_level(struct dt_config *c, void *section, const char *value)
{
	dt_config_log_level(c, value, &config_of(section)->log_level);
}

static void take_log_flows(struct dt_config *c, void *section, const char *value)
{
	char **where = &config_of(section)->log_flows;
	bool wanted;

	if (*value == '/') {
		if (dt_config_path(c, value, LOG_PATH_MAX, where))
			dt_config_place_file(c, value, true);
	} else if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		dt_config_error(c, "\"%s\" is not yes, no, or the absolute path of a file", value);
	else if (dt_config_bool(c, value, &wanted) && wanted)
		*where = dt_config_copy(c, DT_FLOWLOG_STDERR);
}

static void take_wireguard_port(struct dt_config *c, void *section, const char *value)
{
	unsigned port;

	((struct parse *)section)->wireguard_port_pos = c->pos;
	if (dt_config_unsigned(c, value, 0, 65535, &port))
		config_of(section)->wireguard_port = (uint16_t)port;
}

static void take_wireguard_device(struct dt_config *c, void *section, const char *value)
{
	dt_config_wireguard_device(c, value, &config_of(section)->wireguard_device);
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
	{"metrics", DT_CONFIG_ONE, false, take_metrics},
	{"state", DT_CONFIG_ONE, false, take_state},
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

void dt_peer_conf_init(struct dt_peer_conf *client)
{
	*client = (struct dt_peer_conf){
		.max_leases = CLIENT_MAX_LEASES_DEFAULT,
		.max_flows = CLIENT_MAX_FLOWS_DEFAULT,
		.max_new_flows = CLIENT_MAX_NEW_FLOWS_DEFAULT,
		.max_rate_bps = CLIENT_MAX_RATE_DEFAULT_BPS,
	};
}

static void *client_open(struct dt_config *c, void *root, const char *name)
{
	struct parse *p = root;
	struct dt_peer_conf client;

	dt_peer_conf_init(&client);
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

static void take_convert(struct dt_config *c, void *section, const char *value)
{
	struct parse *p = section;
	struct client_convert convert = {.client = p->config->nclients - 1, .pos = c->pos};

	dt_config_bool(c, value, &last_client(section)->convert);
	dt_config_append(c, &p->client_convert, &p->nclient_convert, sizeof(convert), &convert);
}

static void take_client_allow(struct dt_config *c, void *section, const char *value)
{
	struct parse *p = section;
	struct dt_peer_conf *client = last_client(section);
	struct client_allow allow = {.client = p->config->nclients - 1, .pos = c->pos};

	if (!take_prefix(c, value, &client->allow, &client->nallow))
		return;
	allow.prefix = client->allow[client->nallow - 1];
	dt_config_append(c, &p->client_allow, &p->nclient_allow, sizeof(allow), &allow);
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
	{"convert", DT_CONFIG_ONE, false, take_convert},
	{"allow", DT_CONFIG_LIST, false, take_client_allow},
	{"deny", DT_CONFIG_LIST, false, take_client_deny},
};

/* --- the whole --------------------------------------------------------------------------------- */

#define KEYS(array) array, sizeof(array) / sizeof((array)[0])

static const struct dt_config_section sections[] = {
	{"relay", false, KEYS(relay_keys), relay_open, NULL, false},
	{"client", true, KEYS(client_keys), client_open, NULL, false},
};

static const struct dt_config_foreign client_file = {"client", "this is a client's file: leave out --relay"};

static void ports_check(struct dt_config *c, const struct parse *p)
{
	const struct dt_port_range *a = &p->config->ports, *b = &p->config->source_ports;

	if (a->min <= b->max && b->min <= a->max)
		dt_config_error_at(c, p->ports_pos, "ports (%u-%u) and source-ports (%u-%u) overlap", a->min, a->max,
				   b->min, b->max);
}

static void wireguard_port_check(struct dt_config *c, const struct parse *p)
{
	const struct dt_relay_config *config = p->config;

	for (size_t i = 0; config->wireguard_port && i < config->nlisten; i++)
		if (config->listen[i].port == config->wireguard_port) {
			dt_config_error_at(c, p->wireguard_port_pos, "listen has UDP port %u already",
					   config->wireguard_port);
			return;
		}
}

/* The first of a list that has all of prefix; NULL: none. */
static const struct dt_prefix *prefix_above(const struct dt_prefix *list, size_t count, const struct dt_prefix *prefix)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].len <= prefix->len && dt_prefix_contains(&list[i], &prefix->ip))
			return &list[i];
	return NULL;
}

static void allow_warn(struct dt_config *c, const struct parse *p)
{
	const struct dt_relay_config *config = p->config;
	char text[DT_PREFIX_STRLEN];

	for (size_t i = 0; i < p->nallow_pos; i++) {
		const struct dt_prefix *allow = &config->allow[i],
				       *deny = prefix_above(config->deny, config->ndeny, allow);

		if (deny)
			dt_config_warn_at(c, p->allow_pos[i], "this does nothing: deny = %s beats it",
					  dt_prefix_format(deny, text));
		else if (allow->len == (dt_prefix_family(allow) == 4 ? 96 : 0))
			dt_config_warn_at(c, p->allow_pos[i],
					  "this opens what is denied by default: private networks, this host itself, "
					  "a cloud's metadata; without it the Internet is open, too");
	}
}

static void client_allow_warn(struct dt_config *c, const struct parse *p)
{
	const struct dt_relay_config *config = p->config;
	char text[DT_PREFIX_STRLEN];

	for (size_t i = 0; i < p->nclient_allow; i++) {
		const struct client_allow *a = &p->client_allow[i];
		const struct dt_peer_conf *client = &config->clients[a->client];
		const struct dt_prefix *deny = prefix_above(client->deny, client->ndeny, &a->prefix);
		bool own = deny;

		if (!deny)
			deny = prefix_above(config->deny, config->ndeny, &a->prefix);
		if (deny)
			dt_config_warn_at(c, a->pos, "this does nothing: deny = %s%s beats it",
					  dt_prefix_format(deny, text), own ? "" : " in [relay]");
		else if (dt_special_covers(&a->prefix) && !prefix_above(config->allow, config->nallow, &a->prefix))
			dt_config_warn_at(c, a->pos,
					  "this does nothing: a client's allow only narrows, and [relay] does not "
					  "allow this range, which is denied by default");
	}
}

static void client_convert_warn(struct dt_config *c, const struct parse *p)
{
	for (size_t i = 0; i < p->nclient_convert; i++) {
		const struct dt_peer_conf *client = &p->config->clients[p->client_convert[i].client];

		if (client->convert && (client->max_flows == 0 || client->max_new_flows == 0))
			dt_config_warn_at(c, p->client_convert[i].pos,
					  "this does nothing: %s = 0 of this client leaves room for no connection",
					  client->max_flows == 0 ? "max-flows" : "max-new-flows");
	}
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
	config->state = dt_config_copy(c, DT_RELAY_STATE);
	config->wireguard_device = dt_config_copy(c, DT_RELAY_WIREGUARD_DEVICE);
	return config;
}

static void whole_check(struct dt_config *c)
{
	struct parse *p = c->root;

	ports_check(c, p);
	if (c->read_files)
		dt_config_public_keys_check_own(c, &p->client_keys, &p->config->keys, "the relay's");
	if (p->config->nlisten == 0)
		listen_default(c, p->config);
	wireguard_port_check(c, p);
	allow_warn(c, p);
	client_allow_warn(c, p);
	client_convert_warn(c, p);
}

static int config_read(struct dt_relay_config **out, const struct dt_config_source *from)
{
	struct parse p = {.ports_pos = {1, 1, 0}};
	struct dt_config c = {KEYS(sections), .root = &p, .foreign = &client_file};
	int err;

	p.config = config_new(&c);
	if (!p.config)
		return -ENOMEM;
	err = dt_config_read(&c, from, whole_check);
	dt_config_public_keys_fini(&p.client_keys);
	free(p.allow_pos);
	free(p.client_allow);
	free(p.client_convert);
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

int dt_relay_config_judge(struct dt_relay_config **out, const char *path, bool strict)
{
	return config_read(out,
			   &(struct dt_config_source){.name = path, .errors = stderr, .judge = true, .strict = strict});
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
	dt_web_place_fini(&config->metrics);
	free(config->state);
	free(config->wireguard_device);
	free(config->log_flows);
	sodium_memzero(&config->keys, sizeof(config->keys));
	free(config);
}
