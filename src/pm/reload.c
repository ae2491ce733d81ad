/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/reload.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "pm/act/routes.h"
#include "pm/act/sockets.h"
#include "pm/conf/client_conf.h"
#include "pm/events/stock.h"
#include "pm/link/relays.h"
#include "pm/plan/changes.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/state_file.h"
#include "pm/store/todo.h"

static bool same_relay(const struct dt_relay_conf *a, const struct dt_relay_conf *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->host, b->host) == 0 && a->port == b->port &&
	       memcmp(a->public_key, b->public_key, DT_KEY_LEN) == 0 && a->carrier == b->carrier &&
	       a->by_rule_tunnel == b->by_rule_tunnel &&
	       strcmp(a->wireguard_device ? a->wireguard_device : "", b->wireguard_device ? b->wireguard_device : "") ==
		       0;
}

static const struct dt_relay_conf *relay_conf_find(const struct dt_client_config *config,
						   const struct dt_relay_conf *of)
{
	for (size_t i = 0; i < config->nrelays; i++)
		if (same_relay(&config->relays[i], of))
			return &config->relays[i];
	return NULL;
}

static int relays_replace(struct dt_pm *pm, const struct dt_client_config *fresh)
{
	struct dt_pm_relay *relay, *next;
	int err = 0;

	for (relay = pm->relays; relay; relay = next) {
		const struct dt_relay_conf *conf = relay_conf_find(fresh, relay->conf);

		next = relay->next;
		if (!conf) {
			dt_changes_relay_gone(relay);
			dt_pm_relay_close(relay);
			continue;
		}
		relay->conf = conf;
		relay->index = (size_t)(conf - fresh->relays);
	}
	for (size_t i = 0; err == 0 && i < fresh->nrelays; i++)
		if (!dt_pm_relay_at(pm, i))
			err = dt_pm_relay_open(pm, &fresh->relays[i], i);
	return err;
}

/* A changed key that cannot change while the daemon runs; NULL: none. */
static const char *fixed_key_changed(const struct dt_client_config *old, const struct dt_client_config *fresh)
{
	if (memcmp(&old->keys, &fresh->keys, sizeof(old->keys)) != 0)
		return "private-key-file";
	if (strcmp(old->control, fresh->control) != 0)
		return "control";
	if (old->tunnel_table != fresh->tunnel_table || old->tunnel_priority != fresh->tunnel_priority)
		return "tunnel-table or tunnel-priority";
	return NULL;
}

int dt_pm_reload_check(const struct dt_pm *pm, const struct dt_client_config *fresh)
{
	const char *fixed = fixed_key_changed(pm->config, fresh);

	if (!fixed)
		return 0;
	dt_log_err("%s changed: restart the daemon for that", fixed);
	return -EINVAL;
}

int dt_pm_reload(struct dt_pm *pm, struct dt_client_config *fresh)
{
	struct dt_client_config *old = pm->config;
	bool state_moved = strcmp(old->state ? old->state : "", fresh->state ? fresh->state : "") != 0;
	int err;

	dt_log_set_level(fresh->log_level);
	if (state_moved)
		dt_state_file_write(pm);
	pm->config = fresh;
	if (state_moved)
		dt_state_file_read(pm);
	err = relays_replace(pm, fresh);
	dt_routes_update(pm);
	dt_client_config_resolve(fresh, pm->cgroup_fd);
	dt_sockets_apply(pm);
	dt_sockets_convert_apply(pm);
	pm->conversions.due = true;
	dt_todo_host(pm, DT_HOST_RULES);
	dt_stock_take(pm);
	dt_client_config_free(old);
	if (err)
		dt_log_err("reload: %s", strerror(-err));
	else
		dt_log_info("reloaded relays=%zu max-detours=%u", fresh->nrelays, fresh->max_detours);
	return err;
}
