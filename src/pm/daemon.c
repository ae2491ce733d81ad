/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode, from start to stop. */
#include "pm/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/cgroup.h"
#include "base/clock.h"
#include "base/control.h"
#include "base/log.h"
#include "base/loop.h"
#include "net/sock_diag.h"
#include "pm/act/leave.h"
#include "pm/act/routes.h"
#include "pm/act/sockets.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/history.h"
#include "pm/events/accepted.h"
#include "pm/events/feed.h"
#include "pm/events/lifetime.h"
#include "pm/events/network.h"
#include "pm/events/stock.h"
#include "pm/events/watch.h"
#include "pm/events/young.h"
#include "pm/kernel/arrivals.h"
#include "pm/kernel/pulse.h"
#include "pm/kernel/convert.h"
#include "pm/kernel/inventory.h"
#include "pm/kernel/mptcpify.h"
#include "pm/kernel/track.h"
#include "pm/link/relays.h"
#include "pm/metrics.h"
#include "pm/past.h"
#include "pm/plan/choice.h"
#include "pm/plan/convert.h"
#include "pm/plan/pays.h"
#include "pm/plan/run.h"
#include "pm/reload.h"
#include "pm/status.h"
#include "pm/store/conversion.h"
#include "pm/store/conversion_file.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/server.h"
#include "pm/store/state_file.h"
#include "pm/store/tally.h"
#include "pm/web.h"
#include "web/metrics.h"

#define TICK_MS DT_ARRIVALS_SAMPLE_MS
#define TRACK_SWEEP_TICKS 60

struct daemon {
	struct dt_pm pm;
	uv_timer_t tick;
	unsigned ticks;
};

static void tick_due(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;
	struct dt_pm *pm = &daemon->pm;
	uint64_t now_ns = dt_now_ns();

	dt_pm_relays_tick(pm, now_ns);
	dt_connections_tick(pm, now_ns);
	if (!dt_stock_tick(pm, now_ns))
		dt_arrivals_sample(pm->arrivals, now_ns);
	dt_pays_sample(pm, now_ns); /* before the observation of each path begins anew */
	dt_choice_tick(pm, now_ns);
	dt_convert_plan(pm, now_ns);
	dt_state_file_tick(pm, now_ns);
	dt_tallies_tick(pm, now_ns);
	if (++daemon->ticks % TRACK_SWEEP_TICKS == 0)
		dt_track_sweep(pm->track, now_ns - TRACK_SWEEP_TICKS * DT_SEC);
}

/* --- stop -------------------------------------------------------------------------------------- */

static void daemon_free(struct daemon *daemon)
{
	struct dt_pm *pm = &daemon->pm;

	if (pm->cgroup_fd >= 0)
		close(pm->cgroup_fd);
	dt_state_file_free(pm);
	dt_stock_free(pm);
	dt_server_limits_free(pm);
	dt_inventory_close(pm->inventory);
	dt_arrivals_free(pm->arrivals);
	dt_pulse_reader_close(pm->pulses);
	dt_tallies_free(pm);
	dt_history_free(pm->history);
	dt_track_close(pm->track);
	dt_netlink_close(&pm->diag);
	dt_mptcp_pm_close(&pm->mptcp);
	dt_client_config_free(pm->config);
	free(daemon);
}

static void tick_closed(uv_handle_t *handle)
{
	daemon_free(handle->data);
}

/* Relays take several turns of the loop to close. Frees the daemon after the last. */
static void closing_turn(uv_timer_t *timer)
{
	struct daemon *daemon = timer->data;

	if (daemon->pm.relays_open == 0)
		uv_close((uv_handle_t *)&daemon->tick, tick_closed);
	else
		dt_timer_arm(&daemon->tick, closing_turn, 1, 0);
}

/* Also after a start that failed half-way. */
static void daemon_stop(void *data)
{
	struct daemon *daemon = data;
	struct dt_pm *pm = &daemon->pm;

	pm->stopping = true;
	dt_state_file_write(pm);
	dt_conversion_file_end(pm);
	dt_run_close(pm);
	dt_connections_close(pm);
	while (pm->relays)
		dt_pm_relay_close(pm->relays);
	dt_young_close(pm);
	dt_leave_close(pm);
	dt_watch_close(pm);
	dt_mptcpify_close(pm->mptcpify);
	pm->mptcpify = NULL;
	dt_convert_close(pm->convert);
	pm->convert = NULL;
	dt_conversions_free(pm);
	dt_accepted_free(pm);
	dt_routes_free(pm);
	dt_network_events_close(pm);
	dt_control_close(pm->control);
	dt_pm_web_close(pm);
	pm->control = NULL;
	dt_feed_close(pm);
	dt_takeover_end(&pm->takeover);
	dt_timer_arm(&daemon->tick, closing_turn, 1, 0);
}

/* --- start ------------------------------------------------------------------------------------- */

static int mptcp_open(struct dt_pm *pm)
{
	int err = dt_mptcp_pm_open(&pm->mptcp);

	if (err == -ENOENT)
		dt_log_err("this kernel has no MPTCP path-manager interface (generic netlink mptcp_pm): CONFIG_MPTCP "
			   "is needed");
	else if (err)
		dt_log_err("cannot follow MPTCP events: %s%s", strerror(-err), err == -EPERM ? "; run as root" : "");
	return err;
}

static int diag_open(struct dt_pm *pm)
{
	int err = dt_netlink_open(&pm->diag, NETLINK_SOCK_DIAG);

	if (err)
		dt_log_err("cannot open sock_diag: %s", strerror(-err));
	return err;
}

/* Not fatal: it logs that dead paths are left to the kernel. */
static int watch_open(struct dt_pm *pm)
{
	dt_watch_open(pm);
	return 0;
}

static int history_open(struct dt_pm *pm)
{
	pm->history = dt_history_new();
	return pm->history ? dt_state_file_new(pm) : -ENOMEM;
}

static int takeover_begin(struct dt_pm *pm)
{
	return dt_takeover_begin(&pm->takeover);
}

static int track_open(struct dt_pm *pm)
{
	return dt_track_open(&pm->track, pm->takeover.netns_cookie);
}

static int arrivals_new(struct dt_pm *pm)
{
	return dt_arrivals_new(&pm->arrivals, pm->pulses, &pm->diag, pm->track,
			       &pm->tallies->direct.by[DT_CARRIER_DIRECT].moved);
}

static int inventory_open(struct dt_pm *pm)
{
	return dt_inventory_open(&pm->inventory);
}

static void metrics_asked(FILE *out, const char *unused, void *pm)
{
	(void)unused;
	dt_metrics_answer(out, dt_pm_metrics, pm);
}

static int control_open(struct dt_pm *pm)
{
	static const struct dt_control_word words[] = {{"metrics", metrics_asked, NULL},
						       {"history", NULL, &dt_pm_past}};
	int err = dt_control_open(&pm->control, pm->loop, pm->config->control, NULL, dt_pm_why, pm);

	if (err) {
		dt_log_err("cannot open the control socket %s: %s", pm->config->control, strerror(-err));
		return err;
	}
	dt_control_status_in_steps(pm->control, &dt_pm_status);
	dt_control_words(pm->control, words, sizeof(words) / sizeof(words[0]));
	return 0;
}

static int relays_open(struct dt_pm *pm)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < pm->config->nrelays; i++)
		err = dt_pm_relay_open(pm, &pm->config->relays[i], i);
	return err;
}

/* In this order. Each logs why it failed, except -ENOMEM. */
static int (*const steps[])(struct dt_pm *pm) = {
	history_open,
	dt_tallies_new,
	takeover_begin,
	track_open,
	mptcp_open,
	diag_open,
	watch_open,
	arrivals_new,
	inventory_open,
	dt_server_limits_new,
	dt_stock_new,
	dt_connections_open,
	dt_young_open,
	dt_leave_open,
	dt_routes_new,
	dt_accepted_new,
	dt_network_events_open,
	dt_feed_open,
	dt_run_open,
	control_open,
	dt_pm_web_open,
	relays_open,
};

static struct daemon *daemon_new(uv_loop_t *loop, struct dt_client_config *config)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	if (!daemon)
		return NULL;
	daemon->pm.loop = loop;
	daemon->pm.config = config;
	daemon->pm.began_ns = dt_now_ns();
	daemon->pm.takeover.lock_fd = -1;
	daemon->pm.cgroup_fd = dt_cgroup_open_root();
	uv_timer_init(loop, &daemon->tick);
	daemon->tick.data = daemon;
	return daemon;
}

static int daemon_start(void **out, uv_loop_t *loop, void *config)
{
	struct daemon *daemon = daemon_new(loop, config);
	struct dt_pm *pm = daemon ? &daemon->pm : NULL;
	int err = 0;

	if (!daemon) {
		dt_client_config_free(config);
		return -ENOMEM;
	}
	dt_log_set_level(pm->config->log_level);
	for (size_t i = 0; err == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		err = steps[i](pm);
	if (err) {
		daemon_stop(daemon);
		return err;
	}
	dt_timer_arm(&daemon->tick, tick_due, TICK_MS, TICK_MS);
	dt_client_config_resolve(pm->config, pm->cgroup_fd);
	dt_sockets_apply(pm);
	dt_conversion_file_read(pm);
	dt_sockets_convert_apply(pm);
	dt_stock_take(pm);
	dt_state_file_read(pm);
	dt_log_info("client ready relays=%zu max-detours=%u", pm->config->nrelays, pm->config->max_detours);
	*out = daemon;
	return 0;
}

static int daemon_reload(void *data, void *config)
{
	struct dt_client_config *fresh = config;
	struct dt_pm *pm = &((struct daemon *)data)->pm;
	int err = dt_pm_reload_check(pm, fresh);

	if (err == 0)
		err = dt_pm_web_move(pm, &fresh->metrics);
	if (err == 0)
		return dt_pm_reload(pm, fresh);
	dt_log_err("nothing was reloaded");
	dt_client_config_free(fresh);
	return err;
}

static int config_load(void **config, const char *path)
{
	return dt_client_config_load((struct dt_client_config **)config, path);
}

static int config_judge(void **config, const char *path, bool strict)
{
	return dt_client_config_judge((struct dt_client_config **)config, path, strict);
}

static void config_free(void *config)
{
	dt_client_config_free(config);
}

const struct dt_mode dt_client_mode = {config_load,   config_judge, config_free, daemon_start,
				       daemon_reload, NULL,	    daemon_stop};
