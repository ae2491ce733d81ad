/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reload in steps, between which requests are answered: thousands of clients and their destinations take long. Nobody has
 * more rights meanwhile than before it or after it: first the rights of clients that are left out end, then the lists of
 * destinations change, and only then new clients are let in.
 */
#include <errno.h>
#include <string.h>

#include "base/service.h"
#include "relay/metrics.h"
#include "relay/ports.h"
#include "relay/relay.h"

/* What a running relay cannot change. NULL: nothing of it changed. */
static const char *fixed_setting_changed(const struct dt_relay_config *a, const struct dt_relay_config *b)
{
	if (memcmp(&a->keys, &b->keys, sizeof(a->keys)) != 0)
		return "private-key-file";
	if (strcmp(a->pins, b->pins) != 0)
		return "pins";
	if (strcmp(a->control, b->control) != 0)
		return "control";
	if (strcmp(a->state, b->state) != 0)
		return "state";
	if (a->nlisten != b->nlisten)
		return "listen";
	if (a->wireguard_port != b->wireguard_port)
		return "wireguard-port";
	if (strcmp(a->wireguard_device, b->wireguard_device) != 0)
		return "wireguard-device";
	for (size_t i = 0; i < a->nlisten; i++)
		if (!dt_endpoint_equal(&a->listen[i], &b->listen[i]))
			return "listen";
	return NULL;
}

/* Everything that can be refused, before anything is changed. Logs why. */
static int reload_prepare(struct dt_relay *r, const struct dt_relay_config *fresh)
{
	const char *fixed = fixed_setting_changed(r->config, fresh);
	int err;

	if (fixed) {
		dt_log_err("%s changed: restart the relay for that", fixed);
		return -EINVAL;
	}
	err = dt_network_refresh(&r->network);
	if (err) {
		dt_log_err("cannot read the host's interfaces and routes: %s", strerror(-err));
		return err;
	}
	err = dt_permission_check(r, fresh);
	if (err == 0)
		err = dt_ports_check(fresh, r->config);
	if (err)
		return err;
	err = dt_relay_web_move(r, &r->config->metrics, &fresh->metrics);
	if (err)
		return err;
	err = dt_dataplane_configure(r->dataplane, fresh);
	if (err == 0)
		return 0;
	dt_log_err("cannot configure the NAT: %s", strerror(-err));
	dt_relay_web_move(r, &fresh->metrics, &r->config->metrics);
	if (dt_dataplane_configure(r->dataplane, r->config) < 0)
		dt_log_err("cannot restore the settings before the reload: restart the relay");
	return err;
}

/* Logs why it was refused. */
static int reload_start(struct dt_relay *r, struct dt_relay_config *fresh)
{
	struct dt_relay_reload *l = &r->reload;
	int err = reload_prepare(r, fresh);

	if (err) {
		dt_log_err("nothing was reloaded");
		dt_relay_config_free(fresh);
		return err;
	}
	dt_log_set_level(fresh->log_level);
	/* never a reason to refuse: what this reload takes away must be taken away */
	dt_flowlog_reopen(r->flowlog, fresh->log_flows);
	l->old = r->config;
	r->config = fresh;
	dt_lease_table_configure(r->leases, fresh->max_leases, fresh->ports);
	l->clients = dt_relay_clients_change_new(r, fresh);
	l->phase = DT_RELOAD_CLIENTS;
	return 0;
}

int dt_relay_reload_begin(struct dt_relay *r, struct dt_relay_config *fresh)
{
	int err;

	if (r->reload.phase != DT_RELOAD_IDLE) {
		dt_relay_config_free(r->reload.waiting);
		r->reload.waiting = fresh;
		return 1;
	}
	err = reload_start(r, fresh);
	return err ? err : 1;
}

/* The clients are known: what revoked ones have, and what follows the configuration besides. */
static void rest_apply(struct dt_relay *r)
{
	if (r->tunnels)
		dt_tunnels_keep_if(r->tunnels, dt_relay_client_permitted, r);
	dt_dataplane_attach_again(r->dataplane);
	dt_relay_host_apply(r);
	dt_relay_converter_apply(r);
	dt_permission_begin(r);
	r->reload.phase = DT_RELOAD_PERMISSION;
}

/* Whatever failed, nothing points into the old configuration any more. */
static void steps_end(struct dt_relay *r)
{
	struct dt_relay_reload *l = &r->reload;
	struct dt_relay_config *waiting = l->waiting;
	int err = dt_relay_clients_change_free(l->clients);

	l->err = l->err ? l->err : err;
	l->clients = NULL;
	dt_relay_config_free(l->old);
	l->old = l->waiting = NULL;
	l->phase = DT_RELOAD_IDLE;
	r->reloading = true;
	/* the host's addresses changed after the list was made: it may point to a client that is gone */
	if (r->permission.phase != DT_PERMISSION_IDLE)
		dt_permission_begin(r);
	/* if it is refused, the one before ends as it would have without it */
	if (waiting)
		reload_start(r, waiting);
}

bool dt_relay_reload_step(struct dt_relay *r, uint64_t until_ns)
{
	struct dt_relay_reload *l = &r->reload;
	int more;

	switch (l->phase) {
	case DT_RELOAD_IDLE:
		return false;
	case DT_RELOAD_CLIENTS:
		if (!dt_relay_clients_take_step(l->clients, until_ns))
			rest_apply(r);
		break;
	case DT_RELOAD_PERMISSION:
		more = dt_permission_step(r, until_ns);
		if (more < 0)
			l->err = l->err ? l->err : more;
		/* without their lists new clients could reach whatever the relay permits: they wait for the next reload */
		if (more <= 0)
			l->phase = more ? DT_RELOAD_DROP : DT_RELOAD_PERMIT;
		break;
	case DT_RELOAD_PERMIT:
		if (!dt_relay_clients_permit_step(l->clients, until_ns))
			l->phase = DT_RELOAD_DROP;
		break;
	case DT_RELOAD_DROP:
		if (!dt_relay_clients_drop_step(l->clients, until_ns))
			steps_end(r);
		break;
	}
	return l->phase != DT_RELOAD_IDLE;
}

void dt_relay_reload_end(struct dt_relay *r, int err)
{
	if (err)
		dt_log_err("flows that are no longer permitted may go on: %s", strerror(-err));
	else
		dt_relay_gone_forget(r);
	r->reloading = false;
	if (r->reload.err)
		dt_log_err("reload: %s", strerror(-r->reload.err));
	else
		dt_log_info("reloaded clients=%u", HASH_COUNT(r->clients));
	r->reload.err = 0;
	dt_service_reloaded();
}

void dt_relay_reload_drop(struct dt_relay *r)
{
	dt_relay_clients_change_free(r->reload.clients);
	dt_relay_config_free(r->reload.old);
	dt_relay_config_free(r->reload.waiting);
	memset(&r->reload, 0, sizeof(r->reload));
}
