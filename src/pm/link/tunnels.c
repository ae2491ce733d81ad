/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/link/tunnels.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/rtnetlink.h"
#include "net/tunnel.h"
#include "base/clock.h"
#include "base/log.h"
#include "pm/conf/client_conf.h"
#include "pm/kernel/guard.h"
#include "pm/link/link.h"
#include "pm/link/relay_log.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/report.h"
#include "pm/store/todo.h"
#include "pm/store/tunnel.h"

#define LIFETIME_S DT_LEASE_LIFETIME_DEFAULT_S
#define HANDSHAKE_NS (5 * DT_SEC)
#define KEEPALIVE_S 25 /* shorter than home NATs keep UDP mappings */
#define RETRY_NS (2 * DT_SEC)
#define FAILED_RETRY_NS (10 * DT_SEC)
#define PROPOSE_TRIES 64

static uint32_t priority_of(const struct dt_pm_tunnel *t)
{
	return t->relay->pm->config->tunnel_priority;
}

/* --- addresses that collide with nothing -------------------------------------------------------- */

struct collision {
	struct dt_ip ip;
	bool found;
};

static int address_compare(const struct dt_rt_address *address, void *data)
{
	struct collision *c = data;
	struct dt_prefix net = {address->ip, (uint8_t)(address->prefix_len + (dt_ip_is_v4(&address->ip) ? 96 : 0))};

	c->found = c->found || dt_prefix_contains(&net, &c->ip);
	return 0;
}

static int route_compare(const struct dt_rt_route *route, void *data)
{
	struct collision *c = data;

	/* the default route does not count */
	c->found = c->found || (route->to.len > (dt_prefix_family(&route->to) == 4 ? 96 : 0) &&
				dt_prefix_contains(&route->to, &c->ip));
	return 0;
}

/* Does the host or another tunnel use this address, or have a route to a network that contains it? */
static bool collides(struct dt_pm_tunnel *t, const struct dt_ip *ip)
{
	struct collision c = {*ip, dt_pm_tunnels_have(t->relay->pm, ip)};
	struct dt_netlink nl = {0};

	if (c.found || dt_netlink_open(&nl, NETLINK_ROUTE) < 0)
		return c.found;
	dt_rt_addresses(&nl, address_compare, &c);
	if (!c.found)
		dt_rt_routes(&nl, route_compare, &c);
	dt_netlink_close(&nl);
	return c.found;
}

static void address_propose(struct dt_pm_tunnel *t, bool v4, struct dt_ip *out)
{
	for (size_t i = 0; i < PROPOSE_TRIES; i++) {
		*out = dt_tunnel_address_random(v4, i * DT_TUNNEL_RANGES / PROPOSE_TRIES);
		if (!collides(t, out))
			return;
	}
	memset(out, 0, sizeof(*out));
}

/* --- device and routes ------------------------------------------------------------------------- */

static void problem_set(struct dt_pm_tunnel *t, const char *what, const char *why)
{
	char text[sizeof(t->problem)];

	snprintf(text, sizeof(text), "%s%s%s", what, *why ? ": " : "", why);
	if (strcmp(text, t->problem) != 0)
		dt_relay_log(t->relay, DT_LOG_WARN, "no WireGuard tunnel: %s relay=%s", text, t->relay->conf->name);
	memcpy(t->problem, text, sizeof(t->problem));
}

static void dropped_count(struct dt_pm_tunnel *t)
{
	if (t->guard)
		t->relay->pm->counters[DT_PM_DROPPED_TUNNEL] += dt_guard_dropped(t->guard);
}

static void device_close(struct dt_pm_tunnel *t)
{
	if (!t->open)
		return;
	dropped_count(t);
	dt_wg_remove(&t->wg);
	dt_wg_close(&t->wg);
	dt_guard_close(t->guard);
	t->guard = NULL;
	t->open = false;
	t->state = DT_TUNNEL_DOWN;
}

/* --- what keeps its packets from leaving by another way ----------------------------------------- */

static struct dt_netlink *route_socket(const struct dt_pm_tunnel *t)
{
	return &t->relay->pm->network.request;
}

static void held_remove(struct dt_pm_tunnel *t, size_t i)
{
	dt_rt_rule(route_socket(t), false, &t->held[i], t->table, priority_of(t));
	t->nheld--;
	memmove(&t->held[i], &t->held[i + 1], (t->nheld - i) * sizeof(t->held[0]));
}

/* From now on packets from this address leave by the tunnel, or not at all. */
static int hold(struct dt_pm_tunnel *t, const struct dt_ip *ip)
{
	int err = dt_rt_unreachable(route_socket(t), true, dt_ip_family(ip), t->table);

	for (size_t i = 0; i < t->nheld; i++)
		if (dt_ip_equal(&t->held[i], ip))
			return err;
	if (err == 0 && t->nheld == DT_TUNNEL_HELD_MAX)
		held_remove(t, 0);
	if (err == 0)
		err = dt_rt_rule(route_socket(t), true, ip, t->table, priority_of(t));
	if (err == 0)
		t->held[t->nheld++] = *ip;
	return err;
}

static void hold_end(struct dt_pm_tunnel *t)
{
	if (!t->table)
		return;
	while (t->nheld)
		held_remove(t, t->nheld - 1);
	dt_rt_unreachable(route_socket(t), false, 4, t->table);
	dt_rt_unreachable(route_socket(t), false, 6, t->table);
	t->table = 0;
}

static int family_set(struct dt_pm_tunnel *t, struct dt_ip *ip)
{
	unsigned family = dt_ip_is_v4(ip) ? 4 : 6;
	int err = hold(t, ip);

	if (err == 0)
		err = dt_rt_address_add(&t->wg.route, t->wg.ifindex, ip);
	if (err == 0)
		err = dt_rt_default_route(&t->wg.route, family, t->table, t->wg.ifindex, NULL);
	if (err && family == 6) {
		/* a host without IPv6 gets a tunnel for IPv4 only */
		dt_relay_log(t->relay, DT_LOG_INFO, "the tunnel has no IPv6: %s relay=%s", strerror(-err),
			     t->relay->conf->name);
		memset(ip, 0, sizeof(*ip));
		return 0;
	}
	return err;
}

static bool table_is_taken(const struct dt_pm_tunnel *t, uint32_t table)
{
	for (const struct dt_pm_relay *relay = t->relay->pm->relays; relay; relay = relay->next)
		if (relay->tunnel && relay->tunnel != t && relay->tunnel->table == table)
			return true;
	return false;
}

/*
 * The relay's place in the configuration gives the table, and the relay keeps it. So after a reload another relay may
 * have the table of this place.
 */
static uint32_t table_choose(const struct dt_pm_tunnel *t)
{
	uint32_t table = t->relay->pm->config->tunnel_table + (uint32_t)t->relay->index;

	while (table_is_taken(t, table))
		table++;
	return table;
}

static int device_open(struct dt_pm_tunnel *t)
{
	char name[IF_NAMESIZE];
	int err;

	if (t->relay->conf->wireguard_device)
		snprintf(name, sizeof(name), "%s", t->relay->conf->wireguard_device);
	else
		dt_wg_device_name(name, t->relay->conf->name);
	/* replaces a device that a killed run left: its key is lost */
	err = dt_wg_open(&t->wg, name, t->keys.secret, 0, dt_tunnel_mtu(dt_relay_link_path_mtu(t->relay->links)),
			 false);
	if (err) {
		problem_set(t, "cannot make the device", *t->wg.error ? t->wg.error : strerror(-err));
		return err;
	}
	t->open = true;
	if (!t->table) {
		t->table = table_choose(t);
		dt_rt_rules_purge(&t->wg.route, t->table, priority_of(t));
	}
	return 0;
}

static int peer_put(struct dt_pm_tunnel *t, const struct dt_tunnel *given)
{
	struct dt_wg_peer peer = {.keepalive_s = KEEPALIVE_S, .nallowed = 2};

	memcpy(peer.public_key, given->key, DT_KEY_LEN);
	peer.endpoint.ip = t->relay->links->remote.ip;
	peer.endpoint.port = given->port;
	dt_prefix_parse(&peer.allowed[0], "0.0.0.0/0");
	dt_prefix_parse(&peer.allowed[1], "::/0");
	return dt_wg_peer_set(&t->wg, &peer);
}

/* A family that the relay cannot carry just now keeps its address: connections may be on it. */
static bool is_kept(const struct dt_ip *ours, const struct dt_ip *given)
{
	return dt_ip_is_unset(given) || dt_ip_equal(ours, given);
}

static bool same_grant(const struct dt_tunnel *ours, const struct dt_tunnel *given)
{
	return memcmp(ours->key, given->key, DT_KEY_LEN) == 0 && ours->port == given->port &&
	       is_kept(&ours->ip4, &given->ip4) && is_kept(&ours->ip6, &given->ip6);
}

static int grant_take(struct dt_pm_tunnel *t, const struct dt_tunnel *given)
{
	int err;

	if (t->state == DT_TUNNEL_READY && same_grant(&t->given, given))
		return 0;
	device_close(t);
	t->given = *given;
	err = device_open(t);
	if (err)
		return err;
	/* before it has a peer or an address: nothing comes through an unguarded tunnel */
	err = dt_guard_open(&t->guard, t->wg.ifindex, &given->ip4, &given->ip6);
	if (err) {
		problem_set(t, "cannot filter what comes out of it", dt_guard_problem(err));
		device_close(t);
		return err;
	}
	err = peer_put(t, given);
	if (err == 0 && !dt_ip_is_unset(&t->given.ip4))
		err = family_set(t, &t->given.ip4);
	if (err == 0 && !dt_ip_is_unset(&t->given.ip6))
		err = family_set(t, &t->given.ip6);
	if (err) {
		problem_set(t, "cannot set up the device", *t->wg.error ? t->wg.error : strerror(-err));
		device_close(t);
		return err;
	}
	t->state = DT_TUNNEL_READY;
	t->ready_ns = dt_now_ns();
	t->handshaked = false;
	t->problem[0] = '\0';
	return 0;
}

/* --- requests and replies ---------------------------------------------------------------------- */

static void ask(struct dt_pm_tunnel *t, uint64_t now_ns)
{
	struct dt_message m;

	if (t->under_way || !t->relay->links)
		return;
	memset(&m, 0, sizeof(m));
	m.op = DT_OP_TUNNEL;
	m.lifetime_s = LIFETIME_S;
	memcpy(m.tunnel.key, t->keys.public, DT_KEY_LEN);
	if (dt_ip_is_unset(&t->proposed4))
		address_propose(t, true, &t->proposed4);
	if (dt_ip_is_unset(&t->proposed6))
		address_propose(t, false, &t->proposed6);
	m.tunnel.ip4 = t->proposed4;
	m.tunnel.ip6 = t->proposed6;
	t->due_ns = now_ns + RETRY_NS;
	if (dt_client_link_request(t->relay->links->proto, &m, t, now_ns) < 0)
		return;
	t->under_way = true;
	t->asked_ns = now_ns;
	dt_relay_link_flush(t->relay->links);
}

/* Gives the addresses back, so that others are proposed next. */
static void refuse(struct dt_pm_tunnel *t, const char *why, uint64_t now_ns)
{
	struct dt_message m;

	memset(&m, 0, sizeof(m));
	m.op = DT_OP_UNTUNNEL;
	memcpy(m.tunnel.key, t->keys.public, DT_KEY_LEN);
	problem_set(t, why, "");
	device_close(t);
	memset(&t->given, 0, sizeof(t->given));
	memset(&t->proposed4, 0, sizeof(t->proposed4));
	memset(&t->proposed6, 0, sizeof(t->proposed6));
	if (dt_client_link_request(t->relay->links->proto, &m, t, now_ns) == 0) {
		t->under_way = true;
		dt_relay_link_flush(t->relay->links);
	}
}

static bool was_proposed(const struct dt_ip *given, const struct dt_ip *proposed)
{
	return dt_ip_is_unset(given) || dt_ip_equal(given, proposed);
}

/*
 * What is wrong with this grant; NULL: nothing. An address of the relay's choice would make whatever else has it, such
 * as a server or a resolver, unreachable from here. So only those are taken that were proposed: they are random ones.
 */
static const char *objection(struct dt_pm_tunnel *t, const struct dt_tunnel *given)
{
	if (dt_ip_is_unset(&t->proposed4) && !dt_ip_is_unset(&given->ip4))
		return "routes of this host cover all addresses that tunnels may have";
	if (!was_proposed(&given->ip4, &t->proposed4) || !was_proposed(&given->ip6, &t->proposed6))
		return "the relay gave addresses that this host did not propose";
	if (sodium_is_zero(given->key, DT_KEY_LEN) || memcmp(given->key, t->keys.public, DT_KEY_LEN) == 0)
		return "the relay gave no WireGuard key of its own";
	if (t->state == DT_TUNNEL_READY && same_grant(&t->given, given))
		return NULL;
	if (collides(t, &given->ip4) || collides(t, &given->ip6))
		return "the addresses are used on this host by now";
	return NULL;
}

void dt_pm_tunnel_answered(struct dt_pm_tunnel *t, const struct dt_client_link_event *event, uint64_t now_ns)
{
	const struct dt_message *m = &event->message;
	bool was_ready = t->state == DT_TUNNEL_READY;
	const char *why;

	t->under_way = false;
	if (event->type == DT_LINK_TIMEOUT) {
		t->due_ns = now_ns + RETRY_NS;
	} else if ((m->op & ~DT_OP_REPLY) == DT_OP_UNTUNNEL) {
		t->due_ns = now_ns + RETRY_NS; /* the answer to refuse() */
	} else if (m->reason != DT_REASON_OK || m->tunnel.port == 0) {
		problem_set(t, dt_reason_text(m->reason == DT_REASON_OK ? DT_REASON_NO_TUNNEL : m->reason), "");
		device_close(t);
		t->due_ns = now_ns + FAILED_RETRY_NS;
	} else if ((why = objection(t, &m->tunnel))) {
		refuse(t, why, now_ns);
	} else if (grant_take(t, &m->tunnel) < 0) {
		t->due_ns = now_ns + FAILED_RETRY_NS;
	} else {
		t->due_ns = t->asked_ns + m->lifetime_s * DT_SEC / 2;
		if (!was_ready) {
			dt_relay_log(t->relay, DT_LOG_INFO, "tunnel is ready device=%s%s relay=%s", t->wg.name,
				     t->wg.userspace ? " by wireguard-go" : "", t->relay->conf->name);
			dt_report(t->relay->pm, "relay", NULL, t->relay, "tunnel is ready");
			dt_todo_relay(t->relay, DT_RELAY_RETRY);
		}
	}
}

void dt_pm_tunnel_refresh(struct dt_pm_tunnel *t, uint64_t now_ns)
{
	ask(t, now_ns);
}

static int handshake_take(const struct dt_wg_peer *peer, void *data)
{
	bool *seen = data;

	*seen = *seen || peer->handshake_s != 0;
	return 0;
}

/* The keep-alive makes WireGuard begin its handshake at once. If none completes, the relay's port is unreachable. */
static void handshake_await(struct dt_pm_tunnel *t, uint64_t now_ns)
{
	char text[128];
	int err = dt_wg_peers(&t->wg, handshake_take, &t->handshaked);

	if (err) {
		/* the device is gone, or wireguard-go has ended */
		problem_set(t, "the device does not answer", strerror(-err));
		device_close(t);
		t->due_ns = now_ns;
	} else if (t->handshaked) {
		if (*t->problem)
			dt_relay_log(t->relay, DT_LOG_INFO, "the tunnel works now relay=%s", t->relay->conf->name);
		t->problem[0] = '\0';
		dt_todo_relay(t->relay, DT_RELAY_RETRY);
	} else if (now_ns - t->ready_ns > HANDSHAKE_NS) {
		snprintf(text, sizeof(text),
			 "no handshake with the relay's UDP port %u: it is blocked on the way, or WireGuard there has "
			 "other keys",
			 t->given.port);
		problem_set(t, text, "");
	}
}

/* Without its filter the tunnel is an open door: the device goes. */
static void guard_check(struct dt_pm_tunnel *t, uint64_t now_ns)
{
	int err = dt_guard_check(t->guard);

	dropped_count(t);
	if (err == 0)
		return;
	if (err > 0) {
		dt_log_warn("another program removed the filter of a tunnel, it is put back device=%s", t->wg.name);
		return;
	}
	if (err == -ENODEV)
		problem_set(t, "the device is gone", "");
	else
		problem_set(t, "cannot filter what comes out of it", dt_guard_problem(err));
	device_close(t);
	t->due_ns = now_ns + (err == -ENODEV ? 0 : FAILED_RETRY_NS);
}

void dt_pm_tunnel_tick(struct dt_pm_tunnel *t, uint64_t now_ns)
{
	if (t->guard)
		guard_check(t, now_ns);
	if (t->state == DT_TUNNEL_READY && !t->handshaked)
		handshake_await(t, now_ns);
	if (dt_pm_relay_state(t->relay) == DT_LINK_UP && now_ns >= t->due_ns)
		ask(t, now_ns);
}

int dt_pm_tunnel_new(struct dt_pm_tunnel **out, struct dt_pm_relay *relay)
{
	struct dt_pm_tunnel *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->relay = relay;
	dt_keypair_generate(&t->keys);
	*out = t;
	return 0;
}

void dt_pm_tunnel_free(struct dt_pm_tunnel *t, bool tell)
{
	struct dt_relay_link *link;
	struct dt_message m;

	if (!t)
		return;
	link = t->relay->links;
	if (link)
		dt_client_link_cancel(link->proto, t);
	if (link && tell && t->state == DT_TUNNEL_READY && dt_client_link_state(link->proto) == DT_LINK_UP) {
		memset(&m, 0, sizeof(m));
		m.op = DT_OP_UNTUNNEL;
		memcpy(m.tunnel.key, t->keys.public, DT_KEY_LEN);
		if (dt_client_link_request(link->proto, &m, t, dt_now_ns()) == 0)
			dt_relay_link_flush(link);
		dt_client_link_cancel(link->proto, t);
	}
	device_close(t);
	hold_end(t);
	sodium_memzero(&t->keys, sizeof(t->keys));
	free(t);
}
