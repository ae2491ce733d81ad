/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Relay mode, start to stop. Whatever a request or a packet needs lives in the maps, so that a stop, a crash and
 * a new start lose nothing: here are only the wiring, the timers, and what a reload changes.
 */
#include "relay/daemon.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/clock.h"
#include "base/netns.h"
#include "relay/relay.h"

#define ALIVE_MS 5000
#define SWEEP_MS 2000
#define LOCK_NAME "detourd-relay"

/* --- clients ----------------------------------------------------------------------------------- */

static struct dt_client_limits limits_of(const struct dt_peer_conf *conf)
{
	/* a handshake is short: an eighth of the flows may be in one, but 64 at least */
	uint32_t half_open = conf->max_flows / 8 > 64 ? conf->max_flows / 8 : 64;

	return (struct dt_client_limits){
		.max_flows = conf->max_flows,
		.max_half_open = half_open < conf->max_flows ? half_open : conf->max_flows,
		.max_new_flows = conf->max_new_flows,
		.rate = conf->max_rate_bps / 8,
		.bucket_ns = dt_rate_bucket_ns(conf->max_rate_bps),
		.flags = conf->plain_tcp ? DT_CLIENT_PLAIN_TCP : 0,
	};
}

static int client_permit(struct dt_relay *r, const struct dt_relay_client *c)
{
	struct dt_client_limits limits = limits_of(c->conf);
	int err = dt_flows_client_add(r->flows, c->id);

	if (err)
		return err;
	return bpf_map_update_elem(dt_dataplane_fd(r->dataplane, DT_MAP_CLIENTS), &c->id, &limits, BPF_ANY);
}

static struct dt_relay_client *client_find(const struct dt_relay *r, uint64_t id)
{
	struct dt_relay_client *c = r->clients;

	while (c && c->id != id)
		c = c->next;
	return c;
}

static int client_add(struct dt_relay *r, const struct dt_peer_conf *conf)
{
	struct dt_relay_client *c = calloc(1, sizeof(*c)), **tail = &r->clients;
	int err;

	if (!c)
		return -ENOMEM;
	c->conf = conf;
	err = dt_relay_proto_peer_add(r->proto, conf->public_key, c, &c->peer);
	if (err) {
		dt_log_err("client %s: %s", conf->name,
			   err == -EKEYREJECTED ? "this public key is weak, make another with detourd genkey"
						: strerror(-err));
		free(c);
		return err;
	}
	c->id = dt_relay_peer_id(c->peer);
	while (*tail)
		tail = &(*tail)->next;
	*tail = c;
	err = client_permit(r, c);
	if (err)
		dt_log_err("client %s: cannot set its limits: %s", conf->name, strerror(-err));
	return err;
}

static void client_drop(struct dt_relay *r, struct dt_relay_client *c)
{
	struct dt_relay_client **at = &r->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	dt_relay_proto_peer_remove(r->proto, c->peer);
	free(c);
}

/* Entries of clients that no longer are; BPF opens no flow without one. */
static void clients_prune(struct dt_relay *r)
{
	int fd = dt_dataplane_fd(r->dataplane, DT_MAP_CLIENTS);
	uint64_t key, next;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (!client_find(r, key))
			bpf_map_delete_elem(fd, &key);
	}
}

/* --- what may be ------------------------------------------------------------------------------- */

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
	for (struct dt_relay_client *c = r->clients; err == 0 && c; c = c->next) {
		err = prefixes_add(p, c->id, DT_POLICY_ALLOW, c->conf->allow, c->conf->nallow);
		if (err == 0)
			err = prefixes_add(p, c->id, DT_POLICY_DENY, c->conf->deny, c->conf->ndeny);
	}
	return err;
}

static bool is_permitted(const struct dt_relay *r, uint64_t client_id, const struct dt_ip *server)
{
	return client_find(r, client_id) && dt_policy_permits(&r->policy, client_id, server);
}

static bool lease_doomed(const struct dt_lease_entry *e, void *data)
{
	return !is_permitted(data, e->client_id, &e->server.ip);
}

static bool flow_doomed(const struct dt_flow_view *view, void *data)
{
	const struct dt_relay *r = data;

	return !is_permitted(r, view->up->client_id, &view->server.ip) ||
	       (!(view->up->flags & DT_FLOW_TUNNEL) && !dt_port_range_contains(&r->config->ports, view->relay.port)) ||
	       !dt_port_range_contains(&r->config->source_ports, view->source.port);
}

/* The policy anew, in the map too, and the end of every lease and flow it forbids. */
static int policy_apply(struct dt_relay *r)
{
	struct dt_policy fresh = {0};
	size_t leases, flows;
	int err = policy_build(r, &fresh);

	if (err == 0)
		err = dt_dataplane_policy(r->dataplane, &fresh);
	if (err) {
		dt_log_err("cannot store the destination policy: %s", strerror(-err));
		dt_policy_fini(&fresh);
		return err;
	}
	dt_policy_fini(&r->policy);
	r->policy = fresh;
	leases = dt_leases_remove_if(r->leases, lease_doomed, r);
	flows = dt_flows_sweep(r->flows, dt_now_ns(), flow_doomed, r);
	if (leases || flows)
		dt_log_info("ended what is no longer permitted leases=%zu flows=%zu", leases, flows);
	return 0;
}

static bool client_is_gone(uint64_t id, void *data)
{
	return !client_find(data, id);
}

static void tunnel_sources_apply(struct dt_relay *r)
{
	struct dt_ip source4 = {0}, source6 = {0}, public;

	if (!r->tunnels)
		return;
	dt_relay_address(r, 4, &source4, &public);
	dt_relay_address(r, 6, &source6, &public);
	dt_tunnels_sources(r->tunnels, &source4, &source6);
}

/* What no interface has any more, no packet can come for. */
static bool address_is_ours(const struct dt_ip *ip, void *data)
{
	const struct dt_relay *r = data;

	for (size_t i = 0; i < r->config->naddresses; i++)
		if (dt_ip_equal(&r->config->addresses[i].local, ip))
			return true;
	return dt_network_is_local(&r->network, ip);
}

static int addresses_apply(struct dt_relay *r)
{
	struct dt_ip ip;
	int err = 0;

	dt_dataplane_addresses_prune(r->dataplane, address_is_ours, r);

	for (size_t i = 0; err == 0 && i < r->config->naddresses; i++)
		err = dt_dataplane_address(r->dataplane, &r->config->addresses[i].local);
	for (unsigned family = 4; err == 0 && family <= 6; family += 2)
		if (dt_network_default_address(&r->network, family, &ip))
			err = dt_dataplane_address(r->dataplane, &ip);
	return err;
}

static void network_changed(void *data)
{
	struct dt_relay *r = data;
	int err = dt_dataplane_routes(r->dataplane, &r->network);

	if (err)
		dt_log_err("cannot store the routes: %s", strerror(-err));
	dt_dataplane_attach(r->dataplane, &r->network, r->config->interface);
	addresses_apply(r);
	tunnel_sources_apply(r);
	policy_apply(r);
}

/* --- timers ------------------------------------------------------------------------------------ */

static void alive_due(uv_timer_t *timer)
{
	struct dt_relay *r = timer->data;

	dt_dataplane_alive(r->dataplane, dt_now_ns());
}

static void sweep_due(uv_timer_t *timer)
{
	struct dt_relay *r = timer->data;
	uint64_t now_ns = dt_now_ns();

	dt_leases_expire(r->leases, now_ns);
	if (r->tunnels)
		dt_tunnels_expire(r->tunnels, now_ns);
	dt_flows_sweep(r->flows, now_ns, NULL, NULL);
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
	while (r->clients)
		client_drop(r, r->clients);
	dt_relay_proto_free(r->proto);
	dt_tunnels_close(r->tunnels);
	dt_flows_free(r->flows);
	dt_leases_free(r->leases);
	dt_policy_fini(&r->policy);
	dt_dataplane_close(r->dataplane);
	dt_relay_config_free(r->config);
	free(r->listeners);
	if (r->lock_fd >= 0)
		close(r->lock_fd);
	free(r);
}

static void all_closed(uv_handle_t *handle)
{
	relay_free(handle->data);
}

/* A handle closed from a close callback is done in a later turn, when every other one is. */
static void most_closed(uv_handle_t *handle)
{
	struct dt_relay *r = handle->data;

	uv_close((uv_handle_t *)&r->alive, all_closed);
}

static void relay_stop(void *daemon)
{
	struct dt_relay *r = daemon;

	dt_control_close(r->control);
	for (size_t i = 0; i < r->nlisteners; i++)
		dt_listener_close(r->listeners[i]);
	dt_network_close(&r->network);
	uv_timer_stop(&r->alive);
	uv_close((uv_handle_t *)&r->sweep, most_closed);
}

static int clients_open(struct dt_relay *r)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < r->config->nclients; i++)
		err = client_add(r, &r->config->clients[i]);
	if (err == 0)
		clients_prune(r);
	return err;
}

static int tunnels_start(struct dt_relay *r, uint64_t now_ns)
{
	const struct dt_relay_config *config = r->config;
	int err;

	if (config->wireguard_port == 0)
		return dt_dataplane_tunnel(r->dataplane, 0);
	err = dt_tunnels_open(&r->tunnels, config->wireguard_device, config->wireguard_port, config->keys.secret,
			      dt_dataplane_fd(r->dataplane, DT_MAP_LEASES), now_ns);
	if (err)
		return err;
	tunnel_sources_apply(r);
	dt_tunnels_remove_if(r->tunnels, client_is_gone, r);
	err = dt_dataplane_tunnel(r->dataplane, dt_tunnels_ifindex(r->tunnels));
	/* the device is new to the list of interfaces */
	return err ? err : dt_network_refresh(&r->network);
}

static int dataplane_start(struct dt_relay *r)
{
	const struct dt_relay_config *config = r->config;
	uint64_t now_ns = dt_now_ns();
	int err = dt_dataplane_open(&r->dataplane, config);

	if (err)
		return err;
	err = dt_dataplane_configure(r->dataplane, config);
	if (err == 0)
		err = dt_leases_new(&r->leases, dt_dataplane_fd(r->dataplane, DT_MAP_LEASES), config->max_leases,
				    config->ports);
	if (err == 0)
		dt_leases_configure(r->leases, config->max_leases, config->ports);
	if (err == 0)
		err = dt_flows_new(&r->flows, r->dataplane, now_ns);
	if (err == 0)
		err = clients_open(r);
	if (err == 0)
		err = tunnels_start(r, now_ns);
	if (err == 0)
		err = dt_dataplane_routes(r->dataplane, &r->network);
	if (err == 0)
		err = addresses_apply(r);
	if (err == 0)
		err = policy_apply(r);
	if (err == 0)
		err = dt_dataplane_alive(r->dataplane, now_ns);
	if (err == 0)
		err = dt_dataplane_attach(r->dataplane, &r->network, config->interface);
	if (err)
		dt_log_err("cannot start the NAT: %s", strerror(-err));
	return err;
}

static int relay_start(void **out, uv_loop_t *loop, void *config)
{
	struct dt_relay *r = calloc(1, sizeof(*r));
	int err;

	if (!r) {
		dt_relay_config_free(config);
		return -ENOMEM;
	}
	r->loop = loop;
	r->config = config;
	dt_log_set_level(r->config->log_level);
	uv_timer_init(loop, &r->alive);
	uv_timer_init(loop, &r->sweep);
	r->alive.data = r;
	r->sweep.data = r;

	r->lock_fd = dt_netns_lock(LOCK_NAME);
	err = r->lock_fd < 0 ? r->lock_fd : 0;
	if (err == -EBUSY)
		dt_log_err("another relay is running in this network namespace; its filters are the namespace's, there "
			   "can be only one");
	else if (err)
		dt_log_err("cannot lock this network namespace: %s", strerror(-err));
	if (err == 0) {
		err = dt_network_open(&r->network);
		if (err)
			dt_log_err("cannot read the host's interfaces and routes: %s", strerror(-err));
	}
	if (err == 0)
		err = dt_relay_proto_new(&r->proto, &r->config->keys, dt_now_ns());
	/* what can be taken by others comes first, so that a refused start leaves the maps as they were */
	if (err == 0)
		err = listeners_open(r);
	if (err == 0) {
		err = dt_control_open(&r->control, loop, r->config->control, dt_relay_status, r);
		if (err)
			dt_log_err("cannot open the control socket %s: %s", r->config->control, strerror(-err));
	}
	if (err == 0)
		err = dataplane_start(r);
	if (err == 0)
		err = dt_network_watch(&r->network, loop, network_changed, r);
	if (err) {
		relay_stop(r);
		return err;
	}
	dt_timer_arm(&r->alive, alive_due, ALIVE_MS, ALIVE_MS);
	dt_timer_arm(&r->sweep, sweep_due, SWEEP_MS, SWEEP_MS);
	dt_log_info("relay ready clients=%zu leases=%zu", r->config->nclients, dt_leases_count(r->leases));
	*out = r;
	return 0;
}

/* --- reload ------------------------------------------------------------------------------------ */

/* What a running relay cannot change. NULL: nothing of it changed. */
static const char *fixed_setting_changed(const struct dt_relay_config *a, const struct dt_relay_config *b)
{
	if (memcmp(&a->keys, &b->keys, sizeof(a->keys)) != 0)
		return "private-key-file";
	if (strcmp(a->pins, b->pins) != 0)
		return "pins";
	if (strcmp(a->control, b->control) != 0)
		return "control";
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

static int clients_check(const struct dt_relay_config *config)
{
	struct dt_pair_keys keys;

	for (size_t i = 0; i < config->nclients; i++)
		if (dt_pair_keys_relay(&keys, &config->keys, config->clients[i].public_key) < 0) {
			dt_log_err("client %s: this public key is weak, make another with detourd genkey",
				   config->clients[i].name);
			return -EKEYREJECTED;
		}
	return 0;
}

static const struct dt_peer_conf *peer_conf_find(const struct dt_relay_config *config, const uint8_t *key)
{
	for (size_t i = 0; i < config->nclients; i++)
		if (memcmp(config->clients[i].public_key, key, DT_KEY_LEN) == 0)
			return &config->clients[i];
	return NULL;
}

static int clients_replace(struct dt_relay *r, const struct dt_relay_config *fresh)
{
	struct dt_relay_client *c = r->clients, *next;
	int err = 0;

	for (; c; c = next) {
		const struct dt_peer_conf *conf = peer_conf_find(fresh, c->conf->public_key);

		next = c->next;
		c->conf = conf;
		if (!conf)
			client_drop(r, c);
		else if (err == 0)
			err = client_permit(r, c);
	}
	for (size_t i = 0; err == 0 && i < fresh->nclients; i++) {
		for (c = r->clients; c && c->conf != &fresh->clients[i]; c = c->next)
			;
		if (!c)
			err = client_add(r, &fresh->clients[i]);
	}
	clients_prune(r);
	if (r->tunnels)
		dt_tunnels_remove_if(r->tunnels, client_is_gone, r);
	return err;
}

static int relay_reload(void *daemon, void *config)
{
	struct dt_relay *r = daemon;
	struct dt_relay_config *fresh = config, *old = r->config;
	const char *fixed = fixed_setting_changed(old, fresh);
	int err = fixed ? -EINVAL : clients_check(fresh);

	if (fixed)
		dt_log_err("%s changed: that needs a restart; nothing was reloaded", fixed);
	if (err == 0)
		err = dt_network_refresh(&r->network);
	if (err) {
		dt_relay_config_free(fresh);
		return err;
	}
	err = dt_dataplane_configure(r->dataplane, fresh);
	if (err) {
		dt_log_err("reload: %s; nothing was reloaded", strerror(-err));
		dt_dataplane_configure(r->dataplane, old);
		dt_relay_config_free(fresh);
		return err;
	}
	dt_log_set_level(fresh->log_level);
	r->config = fresh;
	dt_leases_configure(r->leases, fresh->max_leases, fresh->ports);
	/* from here on every client points into the fresh one, whatever else fails */
	err = clients_replace(r, fresh);
	dt_relay_config_free(old);
	dt_dataplane_attach_again(r->dataplane);
	network_changed(r);
	if (err)
		dt_log_err("reload: %s", strerror(-err));
	else
		dt_log_info("reloaded clients=%zu", fresh->nclients);
	return err;
}

static int config_load(void **config, const char *path)
{
	return dt_relay_config_load((struct dt_relay_config **)config, path);
}

static void config_free(void *config)
{
	dt_relay_config_free(config);
}

const struct dt_mode dt_relay_mode = {config_load, config_free, relay_start, relay_reload, relay_stop};

int dt_relay_flush(const char *config_path)
{
	struct dt_relay_config *config;
	int err = dt_relay_config_load(&config, config_path), lock_fd;

	if (err)
		return err;
	lock_fd = dt_netns_lock(LOCK_NAME);
	if (lock_fd < 0) {
		dt_log_err("a relay is running in this network namespace; stop it first");
		dt_relay_config_free(config);
		return lock_fd;
	}
	err = dt_dataplane_flush(config->pins);
	if (err == 0 && config->wireguard_port)
		dt_tunnels_flush(config->wireguard_device, config->wireguard_port, config->keys.secret);
	close(lock_fd);
	dt_relay_config_free(config);
	return err;
}
