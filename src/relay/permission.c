/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may be reached: the policy out of configuration and the host's own addresses, in user space and in BPF, and the
 * end of what it forbids. Made anew by a reload and whenever the host's addresses change.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "relay/relay.h"

/* Built-in ranges, and a broadcast and a public address for each of the host's. */
#define BUILTIN_ROOM 64

static int prefixes_add(struct dt_policy *p, uint64_t id, enum dt_policy_kind kind, const struct dt_prefix *list,
			size_t count)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < count; i++)
		err = dt_policy_add(p, id, kind, &list[i]);
	return err;
}

static int policy_build(const struct dt_relay *r, struct dt_policy *p)
{
	const struct dt_relay_config *config = r->config;
	int err = dt_policy_add_builtin(p);

	for (size_t i = 0; err == 0 && i < r->network.naddresses; i++) {
		err = dt_policy_add_own(p, &r->network.addresses[i].ip);
		if (err == 0 && !dt_ip_is_unset(&r->network.addresses[i].broadcast))
			err = dt_policy_add_own(p, &r->network.addresses[i].broadcast);
	}
	for (size_t i = 0; err == 0 && i < config->naddresses; i++)
		err = dt_policy_add_own(p, &config->addresses[i].public);
	if (err == 0)
		err = prefixes_add(p, 0, DT_POLICY_ALLOW, config->allow, config->nallow);
	if (err == 0)
		err = prefixes_add(p, 0, DT_POLICY_DENY, config->deny, config->ndeny);
	for (const struct dt_relay_client *c = r->clients; err == 0 && c; c = c->next) {
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
	size_t room = dt_dataplane_policy_room(r->dataplane);

	for (size_t i = 0; i < config->nclients; i++)
		count += config->clients[i].nallow + config->clients[i].ndeny + 1;
	if (count <= room)
		return 0;
	dt_log_err("allow and deny name too many prefixes: with those built in %zu, at most %zu can be kept", count,
		   room);
	return -E2BIG;
}

static bool lease_doomed(const struct dt_lease_entry *e, void *data)
{
	const struct dt_relay *r = data;

	return !dt_relay_client_permitted(e->client_id, data) ||
	       !dt_policy_permits(&r->policy, e->client_id, &e->server.ip);
}

static const char *flow_doomed(const struct dt_flow_view *view, void *data)
{
	const struct dt_relay *r = data;

	if (!dt_relay_client_permitted(view->up->client_id, data))
		return "revoked";
	if (!dt_policy_permits(&r->policy, view->up->client_id, &view->server.ip))
		return "denied";
	if (!(view->up->flags & DT_FLOW_TUNNEL) && !dt_port_range_contains(&r->config->ports, view->relay.port))
		return "ports";
	if (!dt_port_range_contains(&r->config->source_ports, view->source.port))
		return "ports";
	/* begun when anything was allowed: whether by a join or not is not known any more */
	if (view->up->flags & DT_FLOW_PLAIN && !dt_relay_client_conf(r, view->up->client_id)->plain_tcp)
		return "plain-tcp";
	return NULL;
}

int dt_permission_apply(struct dt_relay *r)
{
	struct dt_policy fresh = {0};
	size_t leases, flows;
	int err = policy_build(r, &fresh);

	if (err == 0)
		err = dt_dataplane_policy(r->dataplane, &fresh);
	if (err) {
		dt_log_err("cannot store the destination policy: %s", strerror(-err));
		dt_policy_fini(&fresh);
	} else {
		dt_policy_fini(&r->policy);
		r->policy = fresh;
	}
	/* also under the old policy: whoever was revoked goes now */
	leases = dt_leases_remove_if(r->leases, lease_doomed, r);
	flows = dt_flows_sweep(r->flows, dt_now_ns(), flow_doomed, r);
	if (leases || flows)
		dt_log_info("ended what is no longer permitted leases=%zu flows=%zu", leases, flows);
	return err;
}
