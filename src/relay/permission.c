/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which destinations may be reached: a list made from the configuration and the host's own addresses, kept in user
 * space and in BPF. What it forbids is ended. It is made again by a reload and whenever the host's addresses change.
 */
#include <errno.h>
#include <string.h>

#include "relay/relay.h"

/* Built-in ranges, and a broadcast and a public address for each of the host's. */
#define BUILTIN_ROOM 64

static int prefixes_add(struct dt_acl *p, uint64_t id, enum dt_policy_kind kind, const struct dt_prefix *list,
			size_t count)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < count; i++)
		err = dt_acl_add(p, id, kind, &list[i]);
	return err;
}

static int own_build(const struct dt_relay *r, struct dt_acl_own *own)
{
	const struct dt_relay_config *config = r->config;
	int err = 0;

	for (size_t i = 0; err == 0 && i < r->network.naddresses; i++) {
		err = dt_acl_own_add(own, &r->network.addresses[i].ip);
		if (err == 0 && !dt_ip_is_unset(&r->network.addresses[i].broadcast))
			err = dt_acl_own_add(own, &r->network.addresses[i].broadcast);
	}
	for (size_t i = 0; err == 0 && i < config->naddresses; i++)
		err = dt_acl_own_add(own, &config->addresses[i].public);
	return err;
}

static int acl_build(const struct dt_relay *r, struct dt_acl *p)
{
	const struct dt_relay_config *config = r->config;
	int err = dt_acl_add_builtin(p);

	if (err == 0)
		err = own_build(r, &p->own);
	if (err == 0)
		err = prefixes_add(p, 0, DT_POLICY_ALLOW, config->allow, config->nallow);
	if (err == 0)
		err = prefixes_add(p, 0, DT_POLICY_DENY, config->deny, config->ndeny);
	for (const struct dt_relay_client *c = r->clients; err == 0 && c; c = c->hh.next) {
		if (c->revoked)
			continue;
		err = prefixes_add(p, c->id, DT_POLICY_ALLOW, c->conf->allow, c->conf->nallow);
		if (err == 0)
			err = prefixes_add(p, c->id, DT_POLICY_DENY, c->conf->deny, c->conf->ndeny);
	}
	return err;
}

int dt_permission_check(const struct dt_relay *r, const struct dt_relay_config *config)
{
	size_t count = config->nallow + config->ndeny + config->naddresses + 2 * r->network.naddresses + BUILTIN_ROOM;
	size_t room = dt_dataplane_acl_room(r->dataplane);

	for (size_t i = 0; i < config->nclients; i++)
		count += config->clients[i].nallow + config->clients[i].ndeny + 1;
	if (count <= room)
		return 0;
	dt_log_err("allow and deny name too many prefixes: %zu with the built-in ones, and %zu is the maximum", count,
		   room);
	return -E2BIG;
}

static bool lease_doomed(const struct dt_lease_entry *e, void *data)
{
	const struct dt_relay *r = data;

	return !dt_relay_client_permitted(e->client_id, data) || !dt_acl_permits(&r->acl, e->client_id, &e->server.ip);
}

const char *dt_permission_flow_doomed(const struct dt_flow_view *view, void *data)
{
	const struct dt_relay *r = data;

	if (!dt_relay_client_permitted(view->up->client_id, data))
		return "revoked";
	if (!dt_acl_permits(&r->acl, view->up->client_id, &view->server.ip))
		return "denied";
	if (!(view->up->flags & DT_FLOW_TUNNEL) && !dt_port_range_contains(&r->config->ports, view->relay.port))
		return "ports";
	if (!dt_port_range_contains(&r->config->source_ports, view->source.port))
		return "ports";
	/* it began while plain TCP was allowed; whether with MP_JOIN or not is not known any more */
	if (view->up->flags & DT_FLOW_PLAIN && !dt_relay_client_conf(r, view->up->client_id)->plain_tcp)
		return "plain-tcp";
	return NULL;
}

/* Ends each lease that is not permitted any more, and has the next sweep end such flows. */
static void forbidden_end(struct dt_relay *r)
{
	size_t leases = dt_lease_table_remove_if(r->leases, lease_doomed, r);

	if (leases)
		dt_log_info("ended what is no longer permitted leases=%zu", leases);
	r->check_flows = true;
}

int dt_permission_apply(struct dt_relay *r)
{
	static const struct dt_acl none;
	struct dt_acl fresh = {0};
	int err = acl_build(r, &fresh);

	if (err == 0)
		err = dt_dataplane_acl(r->dataplane, r->acl_stored ? &r->acl : &none, &fresh);
	r->acl_stored = err == 0;
	if (err) {
		dt_log_err("cannot store the list of permitted destinations: %s", strerror(-err));
		dt_acl_fini(&fresh);
	} else {
		dt_acl_fini(&r->acl);
		r->acl = fresh;
	}
	/* also under the old list: revoked clients lose theirs now */
	forbidden_end(r);
	return err;
}

void dt_permission_addresses(struct dt_relay *r)
{
	struct dt_acl_own fresh = {0};
	bool added = true;
	int err = own_build(r, &fresh);

	if (err == 0 && dt_acl_own_equal(&fresh, &r->acl.own)) {
		dt_acl_own_fini(&fresh);
		return;
	}
	if (err == 0)
		err = dt_dataplane_acl_own(r->dataplane, &r->acl, &fresh, &added);
	dt_acl_own_fini(&fresh);
	if (err) {
		r->acl_stored = false;
		dt_permission_apply(r);
		return;
	}
	if (added) /* else nothing that was permitted is forbidden now */
		forbidden_end(r);
}
