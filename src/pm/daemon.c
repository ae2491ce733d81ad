/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode, start to stop, and what a reload changes. */
#include "pm/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cgroup.h"
#include "base/loop.h"
#include "pm/accepted.h"
#include "pm/interfaces.h"
#include "pm/mptcpify.h"
#include "pm/pm.h"
#include "pm/state.h"

#define TICK_MS DT_ARRIVALS_SAMPLE_MS
#define TRACK_SWEEP_TICKS 60
/* Stock is taken so often at least: events tell less than all. */
#define STOCK_NS (5 * DT_SEC)
/* After lost events; in a burst more of them follow. */
#define MISSED_MS 50

static int event_take(const struct nlmsghdr *nlh, void *data)
{
	struct dt_pm *pm = data;
	struct dt_mptcp_event event;

	if (dt_mptcp_event_parse(&event, nlh) == 0)
		dt_connections_event(pm, &event);
	return 0;
}

/* As the configuration in force has it; opened when first wanted, and left open: an open hook costs nothing. */
static void mptcpify_apply(struct dt_pm *pm)
{
	const struct dt_mptcp_conf *conf = &pm->config->mptcp;
	int err = 0;

	if (!pm->mptcpify && !conf->enable) {
		pm->mptcpify_err = 0;
		return;
	}
	if (!pm->mptcpify) {
		err = dt_mptcpify_open(&pm->mptcpify, pm->takeover.netns_cookie);
		if (err) {
			if (err != pm->mptcpify_err)
				dt_log_warn("[mptcp] has no effect: %s; %s", dt_mptcpify_problem(err),
					    DT_MPTCPIFY_INSTEAD);
			pm->mptcpify_err = err;
			return;
		}
		dt_log_info("chosen programs' new sockets become MPTCP");
	}
	err = dt_mptcpify_configure(pm->mptcpify, conf);
	if (err)
		dt_log_warn("[mptcp] has no effect: %s", strerror(-err));
	pm->mptcpify_err = err;
}

static void take_stock(struct dt_pm *pm)
{
	struct dt_mptcp_limits limits;
	uint64_t begin_ns = dt_now_ns();
	int err;

	if (dt_client_config_resolve(pm->config, pm->cgroup_fd))
		mptcpify_apply(pm);
	if (dt_mptcp_limits_get(&pm->mptcp, &limits) == 0)
		pm->add_addr_accepted = limits.add_addr_accepted;
	err = dt_connections_take_stock(pm, begin_ns);
	pm->counters[DT_PM_STOCKS]++;
	pm->counters[DT_PM_STOCK_US] = (dt_now_ns() - begin_ns) / DT_US;
	if (err)
		dt_log_warn("cannot list MPTCP connections: %s", strerror(-err));
}

static void missed_due(uv_timer_t *timer)
{
	struct dt_pm *pm = timer->data;

	dt_log_warn("the kernel dropped path-manager events: taking stock lost_events=%llu",
		    (unsigned long long)pm->counters[DT_PM_LOST_EVENTS]);
	take_stock(pm);
}

static void events_readable(uv_poll_t *poll, int status, int events)
{
	struct dt_pm *pm = poll->data;
	int err;

	dt_poll_resume(poll, status, events_readable);
	while ((err = dt_netlink_drain(&pm->mptcp.events, event_take, pm)) == -ENOBUFS) {
		pm->counters[DT_PM_LOST_EVENTS]++;
		pm->stock_missed = true;
	}
	if (err)
		dt_log_err("cannot read path-manager events: %s", strerror(-err));
	if (pm->stock_missed && !uv_is_active((uv_handle_t *)&pm->missed))
		dt_timer_arm(&pm->missed, missed_due, MISSED_MS, 0);
}

static void fell_back(struct dt_pm *pm, const struct dt_endpoint *remote, enum dt_fallback how)
{
	char text[DT_ENDPOINT_STRLEN], detail[256];

	bool news = dt_destination_fell_back(&pm->destinations, remote, &how, dt_now_ns());

	pm->counters[DT_PM_FELL_BACK + how]++;
	if (!news)
		return;
	snprintf(detail, sizeof(detail), "%s: %s", dt_endpoint_format(remote, text), dt_fallback_text(how));
	dt_pm_publish(pm, "fallback", NULL, NULL, detail);
	dt_log_debug("plain TCP: %s", detail);
}

static void subflow_event(const struct dt_endpoint *local, const struct dt_endpoint *remote, uint32_t token,
			  enum dt_subflow_happening what, void *data)
{
	switch (what) {
	case DT_SUBFLOW_CLOSED:
		dt_connections_subflow_closed(data, token, local, remote, dt_now_ns());
		break;
	case DT_SUBFLOW_AWOKE:
	case DT_SUBFLOW_TIMED_OUT:
		dt_connections_subflow_stirs(data, token, local, remote, what == DT_SUBFLOW_TIMED_OUT);
		break;
	case DT_SUBFLOW_FELL_BACK:
		fell_back(data, remote, DT_FALLBACK_PLAIN);
		break;
	case DT_SUBFLOW_FELL_BACK_SYN_LOST:
		fell_back(data, remote, DT_FALLBACK_SYN_LOST);
		break;
	case DT_SUBFLOW_FELL_BACK_DISABLED:
		fell_back(data, remote, DT_FALLBACK_DISABLED);
		break;
	}
}

static void closings_readable(uv_poll_t *poll, int status, int events)
{
	struct dt_pm *pm = poll->data;

	/* what netlink knows of these comes first: it has the reasons */
	events_readable(&pm->events, 0, 0);
	dt_track_drain(pm->track);
}

/* --- state ------------------------------------------------------------------------------------- */

static void state_read(struct dt_pm *pm)
{
	pm->state_ns = dt_now_ns();
	if (pm->config->state)
		pm->state_unreadable = dt_state_read(pm->config->state, pm->history, (uint64_t)time(NULL)) < 0;
}

/* What could not be read stays as it is. */
static void state_write(struct dt_pm *pm)
{
	bool changed = dt_history_changed(pm->history) || pm->state_unwritten;
	int err;

	pm->state_ns = dt_now_ns();
	if (!pm->config->state || pm->state_unreadable || !changed)
		return;
	err = dt_state_write(pm->config->state, pm->history);
	if (err && !pm->state_unwritten)
		dt_log_warn("state %s: cannot write it: %s; what was measured is known until detourd stops",
			    pm->config->state, strerror(-err));
	pm->state_unwritten = err != 0;
}

static void tick_due(uv_timer_t *timer)
{
	struct dt_pm *pm = timer->data;
	uint64_t now_ns = dt_now_ns();
	static unsigned turn;

	dt_pm_leases_tick(pm, now_ns);
	for (struct dt_pm_relay *relay = pm->relays; relay; relay = relay->next) {
		if (relay->tunnel)
			dt_pm_tunnel_tick(relay->tunnel, now_ns);
		dt_pm_links_tick(relay, now_ns);
	}
	dt_connections_tick(pm, now_ns);
	if (now_ns - pm->stock_ns >= STOCK_NS)
		take_stock(pm);
	else
		dt_arrivals_sample(pm->arrivals, now_ns);
	dt_choice_tick(pm, now_ns);
	if (now_ns - pm->state_ns >= DT_STATE_EVERY_S * DT_SEC)
		state_write(pm);
	if (++turn % TRACK_SWEEP_TICKS == 0)
		dt_track_sweep(pm->track, now_ns - TRACK_SWEEP_TICKS * DT_SEC);
}

static void pm_free(struct dt_pm *pm)
{
	if (pm->cgroup_fd >= 0)
		close(pm->cgroup_fd);
	dt_mptcpify_close(pm->mptcpify);
	dt_inventory_close(pm->inventory);
	dt_arrivals_free(pm->arrivals);
	dt_history_free(pm->history);
	dt_track_close(pm->track);
	dt_netlink_close(&pm->diag);
	dt_mptcp_pm_close(&pm->mptcp);
	dt_takeover_end(&pm->takeover);
	dt_client_config_free(pm->config);
	free(pm);
}

/* Detours and relays close over several turns of the loop; the memory goes when the last has. */
static void closing_turn(uv_timer_t *timer);

static void tick_closed(uv_handle_t *handle)
{
	pm_free(handle->data);
}

static void closing_turn(uv_timer_t *timer)
{
	struct dt_pm *pm = timer->data;

	if (pm->relays_open == 0) {
		uv_close((uv_handle_t *)&pm->missed, NULL);
		uv_close((uv_handle_t *)&pm->growing, NULL);
		uv_close((uv_handle_t *)&pm->leaves, NULL);
		uv_close((uv_handle_t *)&pm->tick, tick_closed);
	} else
		dt_timer_arm(&pm->tick, closing_turn, 1, 0);
}

static void pm_stop(void *daemon)
{
	struct dt_pm *pm = daemon;

	pm->stopping = true;
	if (pm->state_ns) /* else it never began */
		state_write(pm);
	dt_connections_drop(pm, true);
	while (pm->relays)
		dt_pm_relay_close(pm->relays);
	dt_watch_close(pm);
	dt_mptcpify_close(pm->mptcpify);
	pm->mptcpify = NULL;
	dt_accepted_free(pm);
	dt_interfaces_fini(pm);
	dt_network_close(&pm->network);
	dt_control_close(pm->control);
	pm->control = NULL;
	/* data is set once the handle is initialised; closing stops it */
	if (pm->events.data)
		uv_close((uv_handle_t *)&pm->events, NULL);
	if (pm->closings.data)
		uv_close((uv_handle_t *)&pm->closings, NULL);
	dt_takeover_end(&pm->takeover);
	dt_timer_arm(&pm->tick, closing_turn, 1, 0);
}

static int kernel_open(struct dt_pm *pm)
{
	int err = dt_mptcp_pm_open(&pm->mptcp);

	if (err == -ENOENT)
		dt_log_err("this kernel has no MPTCP path-manager interface (generic netlink mptcp_pm): CONFIG_MPTCP "
			   "is needed");
	else if (err)
		dt_log_err("cannot follow MPTCP events: %s%s", strerror(-err), err == -EPERM ? "; run as root" : "");
	if (err)
		return err;
	err = dt_netlink_open(&pm->diag, NETLINK_SOCK_DIAG);
	if (err) {
		dt_log_err("cannot open sock_diag: %s", strerror(-err));
		return err;
	}
	dt_watch_open(pm);
	err = dt_arrivals_new(&pm->arrivals, &pm->diag);
	if (err == 0)
		err = dt_inventory_open(&pm->inventory);
	if (err == 0)
		err = dt_accepted_new(pm);
	if (err == 0)
		err = dt_interfaces_watch(pm);
	if (err)
		return err;
	err = uv_poll_init(pm->loop, &pm->events, dt_netlink_fd(&pm->mptcp.events));
	if (err)
		return err;
	pm->events.data = pm;
	err = uv_poll_start(&pm->events, UV_READABLE, events_readable);
	if (err == 0)
		err = dt_track_watch(pm->track, subflow_event, pm);
	if (err == 0)
		err = uv_poll_init(pm->loop, &pm->closings, dt_track_fd(pm->track));
	if (err)
		return err;
	pm->closings.data = pm;
	return uv_poll_start(&pm->closings, UV_READABLE, closings_readable);
}

static int pm_start(void **out, uv_loop_t *loop, void *config)
{
	struct dt_pm *pm = calloc(1, sizeof(*pm));
	int err;

	if (!pm) {
		dt_client_config_free(config);
		return -ENOMEM;
	}
	pm->loop = loop;
	pm->config = config;
	pm->takeover.lock_fd = -1;
	dt_log_set_level(pm->config->log_level);
	pm->history = dt_history_new();
	uv_timer_init(loop, &pm->tick);
	uv_timer_init(loop, &pm->missed);
	uv_timer_init(loop, &pm->growing);
	pm->growing.data = pm;
	pm->cgroup_fd = dt_cgroup_open_root();
	pm->tick.data = pm;
	pm->missed.data = pm;
	uv_timer_init(loop, &pm->leaves);
	pm->leaves.data = pm;
	err = pm->history ? dt_takeover_begin(&pm->takeover) : -ENOMEM;
	if (err == 0)
		err = dt_track_open(&pm->track, pm->takeover.netns_cookie);
	if (err == 0)
		err = kernel_open(pm);
	if (err == 0) {
		err = dt_control_open(&pm->control, loop, pm->config->control, dt_pm_status, dt_pm_why, pm);
		if (err)
			dt_log_err("cannot open the control socket %s: %s", pm->config->control, strerror(-err));
	}
	for (size_t i = 0; err == 0 && i < pm->config->nrelays; i++)
		err = dt_pm_relay_open(pm, &pm->config->relays[i], i);
	if (err) {
		pm_stop(pm);
		return err;
	}
	dt_timer_arm(&pm->tick, tick_due, TICK_MS, TICK_MS);
	dt_client_config_resolve(pm->config, pm->cgroup_fd);
	mptcpify_apply(pm);
	take_stock(pm);
	state_read(pm);
	dt_log_info("client ready relays=%zu max-detours=%u", pm->config->nrelays, pm->config->max_detours);
	*out = pm;
	return 0;
}

/* --- reload ------------------------------------------------------------------------------------ */

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

static int relays_check(const struct dt_client_config *config)
{
	struct dt_pair_keys keys;

	for (size_t i = 0; i < config->nrelays; i++)
		if (dt_pair_keys_client(&keys, &config->keys, config->relays[i].public_key) < 0) {
			dt_log_err(
				"relay %s: this public key is weak; it is not one that detourd genkey and pubkey made",
				config->relays[i].name);
			return -EKEYREJECTED;
		}
	return 0;
}

static int relays_replace(struct dt_pm *pm, const struct dt_client_config *fresh)
{
	struct dt_pm_relay *relay, *next;
	int err = 0;

	for (relay = pm->relays; relay; relay = next) {
		const struct dt_relay_conf *conf = relay_conf_find(fresh, relay->conf);

		next = relay->next;
		if (!conf) {
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

static int pm_reload(void *daemon, void *config)
{
	struct dt_pm *pm = daemon;
	struct dt_client_config *fresh = config, *old = pm->config;
	struct dt_connection *c, *tmp;
	const char *fixed = NULL;
	bool state_moved = strcmp(old->state ? old->state : "", fresh->state ? fresh->state : "") != 0;
	int err = 0;

	if (memcmp(&old->keys, &fresh->keys, sizeof(old->keys)) != 0)
		fixed = "private-key-file";
	else if (strcmp(old->control, fresh->control) != 0)
		fixed = "control";
	else if (old->tunnel_table != fresh->tunnel_table || old->tunnel_priority != fresh->tunnel_priority)
		fixed = "tunnel-table or tunnel-priority";
	if (fixed) {
		dt_log_err("%s changed: that needs a restart; nothing was reloaded", fixed);
		err = -EINVAL;
	}
	if (err == 0)
		err = relays_check(fresh);
	if (err) {
		dt_client_config_free(fresh);
		return err;
	}
	dt_log_set_level(fresh->log_level);
	if (state_moved)
		state_write(pm);
	pm->config = fresh;
	if (state_moved)
		state_read(pm);
	err = relays_replace(pm, fresh);
	dt_interfaces_routes_update(pm);
	dt_client_config_resolve(fresh, pm->cgroup_fd);
	mptcpify_apply(pm);
	HASH_ITER(hh, pm->connections, c, tmp)
		dt_detours_rules_changed(c);
	take_stock(pm);
	dt_client_config_free(old);
	if (err)
		dt_log_err("reload: %s", strerror(-err));
	else
		dt_log_info("reloaded relays=%zu max-detours=%u", fresh->nrelays, fresh->max_detours);
	return err;
}

static int config_load(void **config, const char *path)
{
	return dt_client_config_load((struct dt_client_config **)config, path);
}

static void config_free(void *config)
{
	dt_client_config_free(config);
}

const struct dt_mode dt_client_mode = {config_load, config_free, pm_start, pm_reload, NULL, pm_stop};
