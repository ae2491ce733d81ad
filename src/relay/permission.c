/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which destinations may be reached: a list made from the configuration and the host's own addresses, kept in user
 * space and in BPF. What it forbids is ended. It is made again by a reload and whenever the host's addresses change.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
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

static int client_lists_add(struct dt_acl *p, const struct dt_relay_client *c)
{
	int err = 0;

	if (c->state != DT_CLIENT_REVOKED)
		err = prefixes_add(p, c->id, DT_POLICY_ALLOW, c->conf->allow, c->conf->nallow);
	if (err == 0 && c->state != DT_CLIENT_REVOKED)
		err = prefixes_add(p, c->id, DT_POLICY_DENY, c->conf->deny, c->conf->ndeny);
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

/* Servers that send mail: only where the client's own allow names them, or a relay would soon be on every block list. */
static bool is_mail_denied(const struct dt_relay *r, uint64_t client_id, const struct dt_endpoint *server)
{
	const struct dt_peer_conf *conf = dt_relay_client_conf(r, client_id);

	if (server->port != 25 && server->port != 465 && server->port != 587)
		return false;
	for (size_t i = 0; conf && i < conf->nallow; i++)
		if (dt_prefix_contains(&conf->allow[i], &server->ip))
			return false;
	return true;
}

bool dt_permission_converts(const struct dt_relay *r, uint64_t client_id, const struct dt_endpoint *server)
{
	return dt_relay_client_converts(r, client_id) && server->port &&
	       dt_acl_permits(&r->acl, client_id, &server->ip) && !is_mail_denied(r, client_id, server);
}

static bool converter_doomed(const struct dt_lease_entry *e, void *data)
{
	const struct dt_relay *r = data;

	return !dt_permission_converts(r, e->client_id, &e->server) ||
	       !dt_port_range_contains(&r->config->ports, e->dpt);
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

/* --- in steps ------------------------------------------------------------------------------------ */

void dt_permission_begin(struct dt_relay *r)
{
	struct dt_permission *p = &r->permission;
	const struct dt_relay_config *config = r->config;

	dt_permission_drop(r);
	p->phase = DT_PERMISSION_BUILD;
	p->client = r->clients;
	p->err = dt_acl_add_builtin(&p->fresh);
	if (p->err == 0)
		p->err = prefixes_add(&p->fresh, 0, DT_POLICY_ALLOW, config->allow, config->nallow);
	if (p->err == 0)
		p->err = prefixes_add(&p->fresh, 0, DT_POLICY_DENY, config->deny, config->ndeny);
}

void dt_permission_drop(struct dt_relay *r)
{
	dt_acl_fini(&r->permission.fresh);
	memset(&r->permission, 0, sizeof(r->permission));
}

/* True: the list is complete, or it failed. */
static bool build_step(struct dt_relay *r, uint64_t until_ns)
{
	static const struct dt_acl none;
	struct dt_permission *p = &r->permission;

	while (p->err == 0 && p->client) {
		p->err = client_lists_add(&p->fresh, p->client);
		p->client = p->client->hh.next;
		if (dt_now_ns() >= until_ns)
			break;
	}
	if (p->err || p->client)
		return p->err;
	dt_dataplane_acl_begin(r->dataplane, &p->change, r->acl_stored ? &r->acl : &none, &p->fresh);
	return true;
}

/* BPF has the lists: they are the valid ones, with the own addresses of this moment. */
static int switch_over(struct dt_relay *r)
{
	struct dt_permission *p = &r->permission;
	int err = 0;

	if (p->change.phase == DT_ACL_IN_PLACE) {
		p->fresh.own = r->acl.own;
		memset(&r->acl.own, 0, sizeof(r->acl.own));
	} else {
		err = own_build(r, &p->fresh.own);
		if (err == 0)
			err = dt_dataplane_acl_switch(r->dataplane, &p->fresh.own);
		if (err)
			return err;
	}
	dt_acl_fini(&r->acl);
	r->acl = p->fresh;
	memset(&p->fresh, 0, sizeof(p->fresh));
	r->acl_stored = true;
	return 0;
}

/* True: over. */
static bool change_step(struct dt_relay *r, uint64_t until_ns)
{
	struct dt_permission *p = &r->permission;
	int more = dt_acl_change_step(&p->change, until_ns);

	if (more > 0)
		return false;
	p->err = more ? more : switch_over(r);
	return true;
}

/* True: over. */
static bool prune_step(struct dt_relay *r, uint64_t until_ns)
{
	struct dt_permission *p = &r->permission;
	int more = dt_dataplane_acl_prune(r->dataplane, &p->prune, until_ns);

	if (more < 0)
		p->err = p->err ? p->err : more;
	return more <= 0;
}

/* Leases that are not permitted any more; the next sweep ends such flows. True: over. */
static bool leases_step(struct dt_relay *r, uint64_t until_ns)
{
	struct dt_permission *p = &r->permission;
	size_t converters;

	if (dt_lease_table_check_step(r->leases, lease_doomed, r, until_ns, &p->leases))
		return false;
	if (p->leases)
		dt_log_info("ended what is no longer permitted leases=%zu", p->leases);
	converters = dt_converters_revoke_if(r->converters, converter_doomed, r);
	if (converters)
		dt_log_info("ended what is no longer permitted converter-leases=%zu", converters);
	r->check_flows = true;
	return true;
}

static void leases_begin(struct dt_relay *r)
{
	struct dt_permission *p = &r->permission;

	if (p->err) {
		r->acl_stored = false;
		dt_log_err("cannot store the list of permitted destinations: %s", strerror(-p->err));
	}
	/* also under the old list: revoked clients lose theirs now */
	p->phase = DT_PERMISSION_LEASES;
	dt_lease_table_check_begin(r->leases);
}

int dt_permission_step(struct dt_relay *r, uint64_t until_ns)
{
	struct dt_permission *p = &r->permission;

	switch (p->phase) {
	case DT_PERMISSION_IDLE:
		return 0;
	case DT_PERMISSION_BUILD:
		if (build_step(r, until_ns))
			p->phase = p->err ? DT_PERMISSION_PRUNE : DT_PERMISSION_CHANGE;
		break;
	case DT_PERMISSION_CHANGE:
		if (change_step(r, until_ns)) {
			p->phase = DT_PERMISSION_PRUNE;
			dt_permission_addresses(r);
		}
		break;
	case DT_PERMISSION_PRUNE:
		if (prune_step(r, until_ns))
			leases_begin(r);
		break;
	case DT_PERMISSION_LEASES:
		if (leases_step(r, until_ns)) {
			int err = p->err;

			dt_permission_drop(r);
			return err;
		}
		break;
	}
	return 1;
}

int dt_permission_apply(struct dt_relay *r)
{
	int more;

	dt_permission_begin(r);
	do
		more = dt_permission_step(r, DT_NEVER);
	while (more > 0);
	return more;
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
		dt_permission_begin(r);
	} else if (added &&
		   (r->permission.phase == DT_PERMISSION_IDLE || r->permission.phase == DT_PERMISSION_LEASES)) {
		/* from the first lease on; else nothing that was permitted is forbidden now, or they are looked at later */
		leases_begin(r);
	}
}
