/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of nftables on this host that drop what detourd sends or waits for. What the relay forwards passes its NAT before
 * any such rule, so only its own conversation is of interest there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor/context.h"
#include "cli/doctor/nft.h"
#include "cli/doctor/process.h"

/* In the middle of the ports that a relay gives leases by default. */
#define LEASE_PORT 55000

/* One kind of packet, and what it is for. */
struct way {
	struct dt_nft_packet packet;
	const char *what;
};

static json_t *ruleset_read(void)
{
	const char *const list[] = {"nft", "-j", "list", "ruleset", NULL};
	int code;
	char *text = dt_process_output(list, false, &code);
	json_t *ruleset = text && code == 0 ? json_loads(text, 0, NULL) : NULL;

	free(text);
	return ruleset;
}

/* The interface of all packets, if there is only one but lo; NULL: not known. */
static const char *only_interface(const struct dt_doctor *d)
{
	const char *name = NULL;

	for (size_t i = 0; i < d->network.nlinks; i++) {
		if (d->network.links[i].flags & IFF_LOOPBACK)
			continue;
		if (name)
			return NULL;
		name = d->network.links[i].name;
	}
	return name;
}

static void way_check(struct dt_doctor *d, const json_t *ruleset, const struct way *way)
{
	const struct dt_nft_packet *p = &way->packet;
	unsigned port = p->destination_port ? p->destination_port : p->source_port;
	const char *end = p->destination_port ? "dport" : "sport";
	struct dt_nft_drop drop;
	char remedy[256], place[48] = "by its policy";

	if (!dt_nft_drops(ruleset, p, &drop))
		return;
	snprintf(remedy, sizeof(remedy), "insert rule %s %s %s %u accept", drop.chain, p->protocol, end, port);
	if (drop.rule)
		snprintf(place, sizeof(place), "by the rule of handle %lld", drop.rule);
	dt_finding_add(&d->found, DT_FIND_FIREWALL, remedy, "chain %s drops %s (%s %s %u), %s", drop.chain, way->what,
		       p->protocol, end, port, place);
}

/* A relay does not know where clients are. */
static void relay_check(struct dt_doctor *d, const json_t *ruleset)
{
	struct way in = {{.incoming = true, .protocol = "udp", .state = "new"}, "clients' requests"};
	struct way out = {{.protocol = "udp", .state = "established"}, "the relay's replies"};

	in.packet.interface = out.packet.interface = only_interface(d);
	for (size_t i = 0; i < d->server->nlisten; i++) {
		in.packet.family = out.packet.family = dt_ip_family(&d->server->listen[i].ip);
		in.packet.destination_port = out.packet.source_port = d->server->listen[i].port;
		way_check(d, ruleset, &in);
		way_check(d, ruleset, &out);
	}
	in.packet.destination_port = d->server->wireguard_port;
	in.what = "clients' tunnels";
	if (d->server->wireguard_port)
		way_check(d, ruleset, &in);
}

/* What goes to a port of the relay, and what comes from there. */
static void port_check(struct dt_doctor *d, const json_t *ruleset, const struct dt_ip *relay, const char *protocol,
		       uint16_t port)
{
	bool udp = strcmp(protocol, "udp") == 0;
	struct way out = {{.protocol = protocol, .state = "new"},
			  udp ? "requests to a relay" : "joins to a relay's lease ports"};
	struct way in = {{.incoming = true, .protocol = protocol, .state = "established"},
			 udp ? "a relay's replies" : "what comes from a relay's lease ports"};

	in.packet.interface = out.packet.interface = only_interface(d);
	in.packet.family = out.packet.family = dt_ip_family(relay);
	in.packet.source = out.packet.destination = *relay;
	in.packet.source_port = out.packet.destination_port = port;
	way_check(d, ruleset, &out);
	way_check(d, ruleset, &in);
}

static void client_check(struct dt_doctor *d, const json_t *ruleset)
{
	struct dt_ip ip;

	for (size_t i = 0; i < d->client->nrelays; i++) {
		const struct dt_relay_conf *relay = &d->client->relays[i];

		if (dt_ip_parse(&ip, relay->host) < 0)
			continue;
		port_check(d, ruleset, &ip, "udp", relay->port);
		port_check(d, ruleset, &ip, "tcp", LEASE_PORT);
	}
}

void dt_doctor_firewall(struct dt_doctor *d)
{
	unsigned errors = d->found.count[DT_ERROR];
	json_t *ruleset;

	if (!d->client && !d->server)
		return;
	ruleset = ruleset_read();
	if (!ruleset)
		return;
	if (d->server)
		relay_check(d, ruleset);
	else
		client_check(d, ruleset);
	if (errors == d->found.count[DT_ERROR])
		dt_finding_fine(&d->found, "firewall", "no rule of nftables surely drops detourd's packets");
	json_decref(ruleset);
}
