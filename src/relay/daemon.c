/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Relay mode, from start to stop. Everything that a request or a packet needs is in the maps, so that a stop, a crash
 * and a new start lose nothing. Here are only the wiring, the timers, and what a reload changes.
 */
#include "relay/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/clock.h"
#include "base/netns.h"
#include "base/run_dir.h"
#include "base/service.h"
#include "relay/converter_channel.h"
#include "relay/metrics.h"
#include "relay/ports.h"
#include "relay/relay.h"
#include "relay/report.h"
#include "web/exposition.h"
#include "web/metrics.h"

#define ALIVE_MS 5000
#define SWEEP_MS 2000
#define LOCK_NAME "relay"
/* A sweep over many flows is done in steps, and requests are answered between them. */
#define SWEEP_STEP_NS (5 * DT_MS)
#define SWEEP_PAUSE_MS 1

static void sweep_due(uv_timer_t *timer);

static void network_changed(void *data)
{
	struct dt_relay *r = data;

	dt_relay_host_apply(r);
	dt_permission_addresses(r);
	if (r->permission.phase != DT_PERMISSION_IDLE)
		dt_timer_arm(&r->sweep, sweep_due, 0, 0);
}

/* --- timers ------------------------------------------------------------------------------------ */

static void alive_due(uv_timer_t *timer)
{
	struct dt_relay *r = timer->data;
	int err = dt_dataplane_alive(r->dataplane, dt_now_ns());

	if (err)
		dt_log_err(
			"cannot tell the NAT that the daemon is there; without that no flow begins after a minute: %s",
			strerror(-err));
	dt_dataplane_keep_ports(r->dataplane);
	dt_relay_filters_apply(r);
	dt_relay_neighbours_check(r);
}

static void flow_ended(const struct dt_flow_view *view, const char *reason, uint64_t ended_ns, uint64_t now_ns,
		       void *data)
{
	struct dt_relay *r = data;

	char detail[64];

	snprintf(detail, sizeof(detail), "ended: %s", reason);
	dt_relay_report(r, "flow", "debug", dt_relay_client_name(r, view->up->client_id), &view->client, &view->server,
			detail);
	dt_flowlog_write(r->flowlog, view, dt_relay_client_name(r, view->up->client_id), reason, ended_ns, now_ns);
}

static void lease_ended(const struct dt_lease_entry *e, void *data)
{
	struct dt_relay *r = data;

	if (dt_relay_report_watched(r, "lease"))
		dt_relay_report(r, "lease", "info", dt_relay_client_name(r, e->client_id), NULL, &e->server, "ended");
}

/* A tunnel's flows have no lease of their own. */
static void flow_answered(const struct dt_flow_view *view, uint64_t rtt_ns, void *data)
{
	struct dt_relay *r = data;

	if (rtt_ns / 1000 < UINT32_MAX && !(view->up->flags & DT_FLOW_TUNNEL))
		dt_lease_table_note_rtt(r->leases, &view->client.ip, &view->relay, (uint32_t)(rtt_ns / 1000) + 1);
}

static void flow_refused(const struct dt_flow_view *view, void *data)
{
	struct dt_relay *r = data;

	r->counters[DT_RELAY_COUNT_SERVER_RESETS]++;
	if (!(view->up->flags & DT_FLOW_TUNNEL))
		dt_lease_table_note_reset(r->leases, &view->client.ip, &view->relay);
}

static void converted_ended(const struct dt_channel_message *flow, void *data)
{
	struct dt_relay *r = data;
	char detail[96];

	snprintf(detail, sizeof(detail), "converted, ended: %.15s", flow->reason);
	dt_relay_report(r, "flow", "debug", dt_relay_client_name(r, flow->client_id), &flow->client, &flow->server,
			detail);
	dt_flowlog_converted(r->flowlog, flow, dt_relay_client_name(r, flow->client_id), dt_now_ns());
}

static void converted_limited(const struct dt_channel_message *flow, void *data)
{
	struct dt_relay *r = data;
	const char *client = dt_relay_client_name(r, flow->client_id);
	char server[DT_ENDPOINT_STRLEN];
	uint64_t suppressed;

	if (client && dt_log_allowed(&r->converter_log, dt_now_ns(), &suppressed))
		dt_log_warn("converter: reset a connection: %s of the client is reached; the client is told, and goes "
			    "to servers directly for a while client=%s server=%s suppressed=%llu",
			    flow->reason, client, dt_endpoint_format(&flow->server, server),
			    (unsigned long long)suppressed);
}

/* Stops the daemon once it is certain that no flow is open, or at the deadline. */
static void drain_check(struct dt_relay *r, uint64_t now_ns)
{
	bool late = now_ns - r->drain_ns >= r->config->drain_timeout_s * DT_SEC, certain;
	uint64_t open;
	int err;

	certain = dt_flows_open(r->flows, &open);
	open += dt_converters_totals(r->converters, 0).connections;
	if ((!certain || open) && !late)
		return;
	if (certain && !open)
		dt_log_info("drained: no flow is open");
	else
		dt_log_warn("drain-timeout = %u s has passed, stopping; open flows go on without the daemon for at "
			    "most %d min flows=%llu",
			    r->config->drain_timeout_s, DT_DATAPLANE_ALONE_MIN, (unsigned long long)open);
	/* nobody will watch over flows that begin now */
	err = dt_dataplane_rest(r->dataplane);
	if (err)
		dt_log_warn("cannot forbid new flows, some may begin within a minute: %s", strerror(-err));
	dt_service_stop();
}

static void sweep_begin(struct dt_relay *r, uint64_t now_ns)
{
	r->checking = r->check_flows || (r->sweeping && r->checking);
	r->check_flows = false;
	r->sweeping = true;
	dt_flows_sweep_begin(r->flows, now_ns, r->checking ? dt_permission_flow_doomed : NULL, r);
}

static void sweep_end(struct dt_relay *r, int err)
{
	r->sweeping = false;
	if (err && r->checking)
		r->check_flows = true;
	if (dt_flows_sweep_doomed(r->flows))
		dt_log_info("ended what is no longer permitted flows=%zu", dt_flows_sweep_doomed(r->flows));
	if (err == 0)
		err = dt_flows_prune(r->flows, dt_relay_client_permitted, r);
	if (err)
		dt_log_warn("cannot read or update the flow table, trying again in %d s: %s", SWEEP_MS / 1000,
			    strerror(-err));
}

/* A step of a reload, or of what the host's addresses changed; a sweep waits for these. True: there is more to do. */
static bool change_step(struct dt_relay *r, uint64_t until_ns)
{
	bool reload = r->reload.phase != DT_RELOAD_IDLE;

	return reload ? dt_relay_reload_step(r, until_ns) : dt_permission_step(r, until_ns) > 0;
}

static void sweep_due(uv_timer_t *timer)
{
	struct dt_relay *r = timer->data;
	uint64_t now_ns = dt_now_ns();
	int more;

	if (change_step(r, now_ns + SWEEP_STEP_NS)) {
		dt_timer_arm(&r->sweep, sweep_due, SWEEP_PAUSE_MS, 0);
		return;
	}
	if (!r->sweeping) {
		dt_lease_table_expire(r->leases, now_ns);
		if (r->tunnels)
			dt_tunnels_expire(r->tunnels, now_ns);
		dt_converters_tick(r->converters, now_ns);
		sweep_begin(r, now_ns);
	}
	more = dt_flows_sweep_step(r->flows, SWEEP_STEP_NS);
	if (more <= 0) {
		sweep_end(r, more);
		dt_relay_report_tick(r);
		if (r->reloading && r->checking && (more < 0 || !r->check_flows))
			dt_relay_reload_end(r, more);
		if (r->draining)
			drain_check(r, now_ns);
	}
	dt_timer_arm(&r->sweep, sweep_due, more > 0 || (more == 0 && r->check_flows) ? SWEEP_PAUSE_MS : SWEEP_MS, 0);
}

/* --- start and stop ---------------------------------------------------------------------------- */

static int listeners_open(struct dt_relay *r)
{
	char text[DT_ENDPOINT_STRLEN];
	struct dt_ip any4 = dt_ip_from_v4(0);

	r->listeners = calloc(r->config->nlisten, sizeof(*r->listeners));
	if (!r->listeners)
		return -ENOMEM;
	for (size_t i = 0; i < r->config->nlisten; i++) {
		const struct dt_endpoint *at = &r->config->listen[i];
		bool any = dt_ip_is_unset(&at->ip) || dt_ip_equal(&at->ip, &any4);
		int err = dt_listener_open(&r->listeners[r->nlisteners], r->loop, at, dt_relay_datagram, r);

		if (err == 0) {
			r->nlisteners++;
			continue;
		}
		dt_endpoint_format(at, text);
		if (any && (err == -EAFNOSUPPORT || err == -EADDRNOTAVAIL)) {
			dt_log_info("this host has no %s, not listening on %s", dt_ip_is_v4(&at->ip) ? "IPv4" : "IPv6",
				    text);
			continue;
		}
		dt_log_err("cannot listen on UDP %s: %s%s", text, strerror(-err),
			   err == -EADDRINUSE	   ? "; another program (or relay) has this port, see ss -ulpn"
			   : err == -EADDRNOTAVAIL ? "; no interface of this host has this address"
						   : "");
		return err;
	}
	if (r->nlisteners == 0) {
		dt_log_err("nothing to listen on");
		return -EADDRNOTAVAIL;
	}
	return 0;
}

static void relay_free(struct dt_relay *r)
{
	dt_permission_drop(r);
	dt_relay_reload_drop(r);
	dt_relay_clients_close(r);
	dt_invitations_fini(&r->invitations);
	dt_relay_proto_free(r->proto);
	dt_tunnels_close(r->tunnels);
	dt_flows_free(r->flows);
	dt_converters_close(r->converters);
	dt_flowlog_close(r->flowlog);
	dt_lease_table_free(r->leases);
	dt_acl_fini(&r->acl);
	dt_dataplane_close(r->dataplane);
	dt_relay_config_free(r->config);
	free(r->listeners);
	dt_run_dir_unlock(r->lock_fd);
	free(r);
}

static void all_closed(uv_handle_t *handle)
{
	relay_free(handle->data);
}

/* A handle that is closed in a close callback is closed one turn later, after all the others. */
static void most_closed(uv_handle_t *handle)
{
	struct dt_relay *r = handle->data;

	uv_close((uv_handle_t *)&r->alive, all_closed);
}

static void relay_stop(void *daemon)
{
	struct dt_relay *r = daemon;

	dt_control_close(r->control);
	dt_web_close(r->web);
	r->control = NULL;
	for (size_t i = 0; i < r->nlisteners; i++)
		dt_listener_close(r->listeners[i]);
	dt_network_close(&r->network);
	uv_timer_stop(&r->alive);
	uv_close((uv_handle_t *)&r->sweep, most_closed);
}

/* Logs why it failed. */
static int tunnels_start(struct dt_relay *r, uint64_t now_ns)
{
	const struct dt_relay_config *config = r->config;
	uint32_t ifindex = 0;
	int err;

	if (config->wireguard_port) {
		err = dt_tunnels_open(&r->tunnels, config->wireguard_device, config->wireguard_port,
				      config->keys.secret, dt_dataplane_fd(r->dataplane, DT_MAP_LEASES), now_ns);
		if (err)
			return err;
		dt_relay_tunnels_apply(r);
		dt_tunnels_keep_if(r->tunnels, dt_relay_client_permitted, r);
		ifindex = dt_tunnels_ifindex(r->tunnels);
	}
	err = dt_dataplane_tunnel(r->dataplane, ifindex);
	/* the list of interfaces does not have the new device yet */
	if (err == 0 && ifindex)
		err = dt_network_refresh(&r->network);
	if (err)
		dt_log_err("cannot start the tunnels: %s", strerror(-err));
	return err;
}

static int converters_start(struct dt_relay *r)
{
	const struct dt_converters_fds fds = {
		.leases = dt_dataplane_fd(r->dataplane, DT_MAP_CONVERTERS),
		.syns = dt_dataplane_fd(r->dataplane, DT_MAP_SYNS),
		.flows = dt_dataplane_fd(r->dataplane, DT_MAP_FLOWS),
		.rate = dt_dataplane_rate_fd(r->dataplane),
	};

	return dt_converters_open(&r->converters, r->loop, &fds, r->leases, converted_ended, converted_limited, r);
}

static int flows_start(struct dt_relay *r)
{
	const struct dt_flow_maps maps = {
		dt_dataplane_fd(r->dataplane, DT_MAP_FLOWS), dt_dataplane_fd(r->dataplane, DT_MAP_USAGE),
		dt_dataplane_fd(r->dataplane, DT_MAP_ENDED), dt_dataplane_config(r->dataplane)};
	int err = dt_flows_new(&r->flows, &maps);

	if (err)
		return err;
	dt_flows_on_end(r->flows, flow_ended, r);
	dt_flows_on_answer(r->flows, flow_answered, r);
	dt_flows_on_refusal(r->flows, flow_refused, r);
	return 0;
}

static int dataplane_start(struct dt_relay *r)
{
	const struct dt_relay_config *config = r->config;
	uint64_t now_ns = dt_now_ns();
	int err = dt_dataplane_open(&r->dataplane, config), tunnels;

	if (err)
		return err;
	err = dt_permission_check(r, config);
	if (err)
		return err;
	err = dt_dataplane_configure(r->dataplane, config);
	if (err == 0)
		err = dt_lease_table_new(&r->leases, dt_dataplane_fd(r->dataplane, DT_MAP_LEASES), config->max_leases,
					 config->ports);
	if (err == 0) {
		dt_lease_table_configure(r->leases, config->max_leases, config->ports);
		dt_lease_table_on_end(r->leases, lease_ended, r);
	}
	if (err == 0)
		err = converters_start(r);
	if (err == 0)
		err = flows_start(r);
	if (err == 0)
		err = dt_relay_clients_open(r);
	if (err == 0 && (tunnels = tunnels_start(r, now_ns)) < 0)
		return tunnels;
	if (err == 0)
		err = dt_dataplane_routes(r->dataplane, &r->network);
	if (err == 0)
		err = dt_relay_addresses_apply(r);
	if (err == 0)
		err = dt_permission_apply(r);
	if (err == 0)
		dt_relay_converter_apply(r);
	if (err == 0)
		err = dt_dataplane_alive(r->dataplane, now_ns);
	if (err == 0)
		err = dt_relay_filters_apply(r);
	if (err)
		dt_log_err("cannot start the NAT: %s", strerror(-err));
	else
		dt_relay_neighbours_check(r);
	return err;
}

/* Logs why it failed. */
static int namespace_lock(struct dt_relay *r)
{
	r->lock_fd = dt_netns_lock(LOCK_NAME);
	if (r->lock_fd == -EBUSY)
		dt_log_err(
			"another relay is running in this network namespace, and there can be only one: stop it first");
	return r->lock_fd < 0 ? r->lock_fd : 0;
}

/* Logs why it failed. */
static int network_start(struct dt_relay *r)
{
	int err = dt_network_open(&r->network);

	if (err)
		dt_log_err("cannot read the host's interfaces and routes: %s", strerror(-err));
	return err;
}

static void revoke_asked(FILE *out, const char *about, void *data)
{
	struct dt_relay *r = data;

	/* what is under way walks over the clients */
	while (change_step(r, DT_NEVER))
		;
	dt_relay_revoke(out, about, r);
	if (r->check_flows)
		dt_timer_arm(&r->sweep, sweep_due, 0, 0);
}

static void metrics_asked(FILE *out, const char *unused, void *relay)
{
	(void)unused;
	dt_metrics_answer(out, dt_relay_metrics, relay);
}

static const struct dt_control_word control_words[] = {
	{"invite", dt_relay_invite, NULL},
	{"revoke", revoke_asked, NULL},
	{"metrics", metrics_asked, NULL},
};

/* Logs why it failed. */
static int control_start(struct dt_relay *r)
{
	int err = dt_control_open(&r->control, r->loop, r->config->control, NULL, NULL, r);

	if (err == 0) {
		dt_control_status_in_steps(r->control, &dt_relay_status);
		dt_control_words(r->control, control_words, sizeof(control_words) / sizeof(control_words[0]));
	} else
		dt_log_err("cannot open the control socket %s: %s", r->config->control, strerror(-err));
	return err;
}

/* First what another process may hold: a start that fails then leaves the maps as they were. */
static int parts_start(struct dt_relay *r)
{
	int err = namespace_lock(r);

	if (err == 0)
		err = network_start(r);
	if (err == 0)
		err = dt_ports_check(r->config, NULL);
	if (err == 0)
		err = dt_flowlog_open(&r->flowlog, r->config->log_flows);
	if (err == 0)
		err = dt_invitations_load(&r->invitations, r->config->state);
	if (err == 0)
		err = dt_relay_proto_new(&r->proto, &r->config->keys, dt_now_ns());
	if (err == 0)
		err = listeners_open(r);
	if (err == 0)
		err = control_start(r);
	if (err == 0)
		err = dataplane_start(r);
	if (err == 0)
		err = dt_relay_web_open(r, &r->config->metrics);
	if (err == 0)
		err = dt_network_watch(&r->network, r->loop, network_changed, r);
	return err;
}

static int relay_start(void **out, uv_loop_t *loop, void *config)
{
	struct dt_relay *r = calloc(1, sizeof(*r));
	int err;

	if (!r) {
		dt_log_err("out of memory");
		dt_relay_config_free(config);
		return -ENOMEM;
	}
	r->loop = loop;
	r->config = config;
	r->began_ns = dt_now_ns();
	dt_relay_reports_init(&r->reports);
	dt_log_set_level(r->config->log_level);
	uv_timer_init(loop, &r->alive);
	uv_timer_init(loop, &r->sweep);
	r->alive.data = r;
	r->sweep.data = r;
	err = parts_start(r);
	if (err) {
		relay_stop(r);
		return err;
	}
	dt_timer_arm(&r->alive, alive_due, ALIVE_MS, ALIVE_MS);
	dt_timer_arm(&r->sweep, sweep_due, 0, 0);
	dt_log_info("relay ready clients=%u leases=%zu", HASH_COUNT(r->clients), dt_lease_table_count(r->leases));
	*out = r;
	return 0;
}

static void relay_drain(void *daemon)
{
	struct dt_relay *r = daemon;

	uint64_t open;

	if (r->draining)
		return;
	r->draining = true;
	r->drain_ns = dt_now_ns();
	/* whether a flow is open is for a sweep to say that has begun after this */
	sweep_begin(r, r->drain_ns);
	dt_timer_arm(&r->sweep, sweep_due, 0, 0);
	dt_flows_open(r->flows, &open);
	dt_log_info(
		"draining: no new leases; the relay stops when no flow is open and no connection is converted, or in "
		"%u s flows=%llu converted=%u",
		r->config->drain_timeout_s, (unsigned long long)open,
		dt_converters_totals(r->converters, 0).connections);
}

static int relay_reload(void *daemon, void *config)
{
	struct dt_relay *r = daemon;
	int err = dt_relay_reload_begin(r, config);

	if (err > 0)
		dt_timer_arm(&r->sweep, sweep_due, 0, 0);
	return err;
}

static int config_load(void **config, const char *path)
{
	return dt_relay_config_load((struct dt_relay_config **)config, path);
}

static int config_judge(void **config, const char *path, bool strict)
{
	return dt_relay_config_judge((struct dt_relay_config **)config, path, strict);
}

static void config_free(void *config)
{
	dt_relay_config_free(config);
}

const struct dt_mode dt_relay_mode = {config_load,  config_judge, config_free, relay_start,
				      relay_reload, relay_drain,  relay_stop};

int dt_relay_flush(const char *config_path)
{
	struct dt_relay_config *config;
	int err = dt_relay_config_load(&config, config_path), lock_fd;

	if (err)
		return err;
	lock_fd = dt_netns_lock(LOCK_NAME);
	if (lock_fd < 0) {
		if (lock_fd == -EBUSY)
			dt_log_err("a relay is running in this network namespace; stop it first");
		dt_relay_config_free(config);
		return lock_fd;
	}
	dt_converter_channel_flush();
	err = dt_dataplane_flush(config->pins);
	if (err == 0 && config->wireguard_port)
		err = dt_tunnels_flush(config->wireguard_device, config->wireguard_port, config->keys.secret);
	dt_run_dir_unlock(lock_fd);
	dt_relay_config_free(config);
	return err;
}
