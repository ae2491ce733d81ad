/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's relays: what the daemon knows of each, and where none answers it, why. */
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/special.h"
#include "cli/doctor/context.h"
#include "cli/doctor/join.h"
#include "cli/doctor/path_mtu.h"
#include "cli/doctor/reach.h"
#include "pm/store/relay.h"

static const json_t *status_of(const struct dt_doctor *d, const char *name)
{
	const json_t *all = json_object_get(d->status, "relays"), *relay;
	size_t i;

	json_array_foreach(all, i, relay) {
		const char *its = json_string_value(json_object_get(relay, "name"));

		if (its && strcmp(its, name) == 0)
			return relay;
	}
	return NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* --- a relay that is up ------------------------------------------------------------------------ */

static void up_judge(struct dt_doctor *d, const struct dt_relay_conf *relay, const json_t *status)
{
	long long unanswered = json_integer_value(json_object_get(status, "joins_unanswered"));
	const char *tunnel = text_of(status, "tunnel_problem");

	dt_finding_fine(&d->found, "relay", "%s is up, %.1f ms away", relay->name,
			(double)json_integer_value(json_object_get(status, "rtt_us")) / 1000);
	if (json_is_true(json_object_get(status, "draining")))
		dt_finding_add(&d->found, DT_FIND_RELAY_DRAINING, NULL, "relay %s is about to close", relay->name);
	if (unanswered >= DT_NAT_UNANSWERED_MAX)
		dt_finding_add(&d->found, DT_FIND_RELAY_JOINS, "50000-59999",
			       "the last %lld joins by relay %s were not answered", unanswered, relay->name);
	if (*tunnel)
		dt_finding_add(&d->found, DT_FIND_RELAY_TUNNEL, tunnel, "no tunnel to relay %s: %s", relay->name,
			       tunnel);
}

/* --- a join through it ------------------------------------------------------------------------- */

/* The daemon tells relays of special-purpose addresses only where a rule names them, and so does the doctor. */
static bool may_tell(const struct dt_client_config *config, const struct dt_ip *server)
{
	if (!dt_special_has(server))
		return true;
	for (size_t i = 0; i < config->nrules; i++)
		for (size_t j = 0; j < config->rules[i].ndestinations; j++)
			if (dt_prefix_contains(&config->rules[i].destinations[j], server))
				return true;
	return false;
}

/* A server that a connection of this host has, and that a join by this relay could go to. False: none, or joins work. */
static bool server_find(const struct dt_doctor *d, const char *relay, unsigned family, struct dt_endpoint *server)
{
	const json_t *connection, *subflow;
	bool found = false;
	size_t i, j;

	json_array_foreach(json_object_get(d->status, "connections"), i, connection) {
		json_array_foreach(json_object_get(connection, "subflows"), j, subflow)
			if (strcmp(text_of(subflow, "via"), relay) == 0 &&
			    strcmp(text_of(subflow, "state"), "established") == 0)
				return false;
		if (!found && dt_endpoint_parse(server, text_of(connection, "remote")) == 0)
			found = dt_ip_family(&server->ip) == family && may_tell(d->client, &server->ip) &&
				!dt_network_is_local(&d->network, &server->ip);
	}
	return found;
}

static void join_judge(struct dt_doctor *d, const struct dt_relay_conf *relay, const json_t *status)
{
	struct dt_endpoint at = {.port = relay->port}, server;
	struct dt_join_result result;
	char text[DT_ENDPOINT_STRLEN];
	struct dt_pair_keys keys;

	if (strcmp(text_of(status, "carrier"), "nat") != 0 || dt_ip_parse(&at.ip, relay->host) < 0 ||
	    !server_find(d, relay->name, dt_ip_family(&at.ip), &server) ||
	    dt_pair_keys_client(&keys, &d->client->keys, relay->public_key) < 0)
		return;
	dt_join_try(&result, &at, &keys, &server);
	sodium_memzero(&keys, sizeof(keys));
	if (result.join == DT_JOIN_ANSWERED)
		dt_finding_fine(&d->found, "relay-joins", "a test join by relay %s, lease port %u, was answered",
				relay->name, result.at.port);
	if (result.join == DT_JOIN_SILENT)
		dt_finding_add(&d->found, DT_FIND_RELAY_JOINS, "50000-59999",
			       "a test join by relay %s, to its lease port %s, was not answered", relay->name,
			       dt_endpoint_format(&result.at, text));
}

/* --- large packets to it ----------------------------------------------------------------------- */

/* What `ip link set` would be told. */
static void interface_to(const struct dt_doctor *d, const struct dt_ip *host, char name[IF_NAMESIZE])
{
	const struct dt_rt_link *link = NULL;
	struct dt_netlink nl;
	uint32_t oif = 0;

	if (dt_netlink_open(&nl, NETLINK_ROUTE) == 0) {
		if (dt_rt_route_get(&nl, host, NULL, &oif) == 0)
			link = dt_network_link(&d->network, oif);
		dt_netlink_close(&nl);
	}
	snprintf(name, IF_NAMESIZE, "%s", link ? link->name : "INTERFACE");
}

static void path_mtu_judge(struct dt_doctor *d, const struct dt_relay_conf *relay, const struct dt_ip *host)
{
	char interface[IF_NAMESIZE], remedy[64];
	struct dt_path_mtu path;

	dt_path_mtu_try(&path, host);
	if (path.lost) {
		interface_to(d, host, interface);
		snprintf(remedy, sizeof(remedy), "%s mtu %zu", interface, path.passes);
		dt_finding_add(&d->found, DT_FIND_MTU_BLACK_HOLE, remedy,
			       "relay %s: packets of %zu bytes do not arrive, those of %zu do, and no router says so",
			       relay->name, path.sent, path.passes);
	} else if (path.passes >= path.sent && path.sent) {
		dt_finding_fine(&d->found, "path-mtu", "packets of %zu bytes get to relay %s and back", path.sent,
				relay->name);
	}
}

/* --- one that is not --------------------------------------------------------------------------- */

/* The first address of the endpoint. 0, or an error of getaddrinfo(). */
static int resolve(const struct dt_relay_conf *relay, struct dt_endpoint *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG}, *found;
	int err;

	out->port = relay->port;
	if (dt_ip_parse(&out->ip, relay->host) == 0)
		return 0;
	err = getaddrinfo(relay->host, NULL, &hints, &found);
	if (err)
		return err;
	if (dt_endpoint_from_sockaddr(out, found->ai_addr) < 0)
		err = EAI_FAMILY;
	out->port = relay->port;
	freeaddrinfo(found);
	return err;
}

struct attempt {
	const struct dt_relay_conf *relay;
	char at[DT_ENDPOINT_STRLEN], host[DT_IP_STRLEN], by[DT_IP_STRLEN], port[8];
	char key_id[2 * DT_KEY_ID_LEN + 1];
	bool by_this_host;
	struct dt_reach_result result;
};

static void attempt_report(struct dt_doctor *d, const struct attempt *a)
{
	struct dt_findings *found = &d->found;
	const char *name = a->relay->name;

	switch (a->result.reach) {
	case DT_REACH_ANSWERED:
		dt_finding_fine(found, "relay", "%s answers at %s", name, a->at);
		break;
	case DT_REACH_NO_ROUTE:
		dt_finding_add(found, DT_FIND_RELAY_NO_ROUTE, a->host, "nothing can be sent to relay %s at %s: %s",
			       name, a->at, strerror(-a->result.error));
		break;
	case DT_REACH_FORBIDDEN:
		dt_finding_add(found, DT_FIND_RELAY_OWN_FIREWALL, a->port,
			       "this host does not let UDP out to relay %s at %s", name, a->at);
		break;
	case DT_REACH_CLOSED:
		dt_finding_add(found, DT_FIND_RELAY_CLOSED, name,
			       "relay %s: nothing listens on UDP port %s of %s (ICMP port unreachable)", name, a->port,
			       a->host);
		break;
	case DT_REACH_REJECTED:
		dt_finding_add(found, DT_FIND_RELAY_REJECTED, a->port,
			       "relay %s: the firewall %s refuses UDP to %s (ICMP)", name, a->by, a->at);
		break;
	case DT_REACH_UNREACHABLE:
		dt_finding_add(found, DT_FIND_RELAY_UNREACHABLE, name, "relay %s: %s %s cannot reach %s (ICMP)", name,
			       a->by_this_host ? "this host" : "router", a->by, a->host);
		break;
	case DT_REACH_IGNORED:
		dt_finding_add(found, DT_FIND_RELAY_IGNORES, a->key_id,
			       "relay %s: something listens at %s, and does not answer this client's key", name, a->at);
		break;
	case DT_REACH_FILTERED:
		dt_finding_add(found, DT_FIND_RELAY_FILTERED, a->port,
			       "relay %s: %s answers a ping, but nothing comes back from its UDP ports", name, a->host);
		break;
	case DT_REACH_SILENT:
		dt_finding_add(found, DT_FIND_RELAY_SILENT, name,
			       "relay %s: nothing comes back from %s, not even for a ping", name, a->host);
		break;
	}
}

static void relay_try(struct dt_doctor *d, const struct dt_relay_conf *relay)
{
	struct attempt a = {.relay = relay};
	struct dt_pair_keys keys;
	struct dt_endpoint at;
	int err = resolve(relay, &at);

	if (err) {
		dt_finding_add(&d->found, DT_FIND_RELAY_NAME, relay->host, "the name %s of relay %s is not known: %s",
			       relay->host, relay->name, gai_strerror(err));
		return;
	}
	if (dt_pair_keys_client(&keys, &d->client->keys, relay->public_key) < 0)
		return;
	dt_reach_try(&a.result, &at, &keys);
	dt_endpoint_format(&at, a.at);
	dt_ip_format(&at.ip, a.host);
	dt_ip_format(&a.result.by, a.by);
	a.by_this_host = dt_network_is_local(&d->network, &a.result.by);
	snprintf(a.port, sizeof(a.port), "%u", at.port);
	sodium_bin2hex(a.key_id, sizeof(a.key_id), keys.key_id, sizeof(keys.key_id));
	sodium_memzero(&keys, sizeof(keys));
	attempt_report(d, &a);
}

void dt_doctor_relays(struct dt_doctor *d)
{
	struct dt_ip host;

	for (size_t i = 0; d->client && i < d->client->nrelays; i++) {
		const struct dt_relay_conf *relay = &d->client->relays[i];
		const json_t *status = status_of(d, relay->name);

		if (status && strcmp(text_of(status, "state"), "up") == 0) {
			up_judge(d, relay, status);
			join_judge(d, relay, status);
			if (dt_ip_parse(&host, relay->host) == 0)
				path_mtu_judge(d, relay, &host);
		} else {
			relay_try(d, relay);
		}
	}
}
