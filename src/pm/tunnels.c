/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/tunnels.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/rtnetlink.h"
#include "pm/pm.h"

#define LIFETIME_S DT_LEASE_LIFETIME_DEFAULT_S
#define HANDSHAKE_NS (5 * DT_SEC)
#define KEEPALIVE_S 25 /* holds a home NAT's mapping open */
#define RETRY_NS (2 * DT_SEC)
#define FAILED_RETRY_NS (10 * DT_SEC)
#define PROPOSE_TRIES 64
/* WireGuard's overhead over IPv6, the larger one: 40 + 8 + 32 */
#define OVERHEAD 80
#define MTU_MIN 1280
#define MTU_USUAL 1420

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

	/* the default route collides with nothing */
	c->found = c->found || (route->to.len > (dt_prefix_family(&route->to) == 4 ? 96 : 0) &&
				dt_prefix_contains(&route->to, &c->ip));
	return 0;
}

/* Does the host, or another tunnel, know this address or a network it is in? */
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

/* Where tunnel addresses are looked for: shared space (RFC 6598), benchmarking's (RFC 2544), private (RFC 1918). */
static const struct {
	uint32_t net, hosts;
} ranges4[] = {{0x64400000, 1 << 22}, {0xc6120000, 1 << 17}, {0x0a000000, 1 << 24}};

static void address_propose(struct dt_pm_tunnel *t, bool v4, struct dt_ip *out)
{
	size_t count = sizeof(ranges4) / sizeof(ranges4[0]);

	for (size_t i = 0; i < PROPOSE_TRIES; i++) {
		size_t range = i * count / PROPOSE_TRIES;

		*out = dt_ip_from_v4(htonl(ranges4[range].net | randombytes_uniform(ranges4[range].hosts)));
		if (!v4) {
			randombytes_buf(out->b, sizeof(out->b)); /* RFC 4193 */
			out->b[0] = 0xfd;
		}
		if (!collides(t, out))
			return;
	}
	memset(out, 0, sizeof(*out));
}

bool dt_pm_tunnels_have(const struct dt_pm *pm, const struct dt_ip *ip)
{
	for (const struct dt_pm_relay *relay = pm->relays; relay; relay = relay->next) {
		const struct dt_pm_tunnel *t = relay->tunnel;

		if (t && t->state == DT_TUNNEL_READY &&
		    (dt_ip_equal(&t->given.ip4, ip) || dt_ip_equal(&t->given.ip6, ip)))
			return true;
	}
	return false;
}

bool dt_pm_tunnel_address(const struct dt_pm_tunnel *t, unsigned family, struct dt_ip *out)
{
	const struct dt_ip *ip = family == 4 ? &t->given.ip4 : &t->given.ip6;

	if (t->state != DT_TUNNEL_READY || *t->problem || dt_ip_is_unset(ip))
		return false;
	*out = *ip;
	return true;
}

/* --- device and routes ------------------------------------------------------------------------- */

static void problem_set(struct dt_pm_tunnel *t, const char *what, const char *why)
{
	char text[sizeof(t->problem)];

	snprintf(text, sizeof(text), "%s%s%s", what, *why ? ": " : "", why);
	if (strcmp(text, t->problem) != 0)
		dt_log_warn("no WireGuard tunnel: %s relay=%s", text, t->relay->conf->name);
	memcpy(t->problem, text, sizeof(t->problem));
}

static void device_close(struct dt_pm_tunnel *t)
{
	if (!t->open)
		return;
	if (!dt_ip_is_unset(&t->given.ip4))
		dt_rt_rule(&t->wg.route, false, &t->given.ip4, t->table, priority_of(t));
	if (!dt_ip_is_unset(&t->given.ip6))
		dt_rt_rule(&t->wg.route, false, &t->given.ip6, t->table, priority_of(t));
	dt_wg_remove(&t->wg);
	dt_wg_close(&t->wg);
	t->open = false;
	t->state = DT_TUNNEL_DOWN;
}

/* What the path to the relay leaves, so that nothing is fragmented. */
static uint32_t mtu_of(const struct dt_pm_tunnel *t)
{
	const struct dt_relay_link *link = t->relay->links;
	int mtu = 0;
	socklen_t len = sizeof(mtu);
	bool v4 = dt_ip_is_v4(&link->remote.ip);

	if (link->fd < 0 ||
	    getsockopt(link->fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu, &len) < 0 ||
	    mtu <= OVERHEAD)
		return MTU_USUAL;
	return mtu - OVERHEAD < MTU_MIN ? MTU_MIN : (uint32_t)(mtu - OVERHEAD);
}

static int family_set(struct dt_pm_tunnel *t, struct dt_ip *ip)
{
	unsigned family = dt_ip_is_v4(ip) ? 4 : 6;
	int err = dt_rt_address_add(&t->wg.route, t->wg.ifindex, ip);

	if (err == 0)
		err = dt_rt_default_route(&t->wg.route, family, t->table, t->wg.ifindex, NULL);
	if (err == 0)
		err = dt_rt_rule(&t->wg.route, true, ip, t->table, priority_of(t));
	if (err && family == 6) {
		/* a host without IPv6 has a tunnel without it */
		dt_log_info("the tunnel has no IPv6: %s relay=%s", strerror(-err), t->relay->conf->name);
		memset(ip, 0, sizeof(*ip));
		return 0;
	}
	return err;
}

static int device_open(struct dt_pm_tunnel *t)
{
	char name[IF_NAMESIZE];
	int err;

	if (t->relay->conf->wireguard_device)
		snprintf(name, sizeof(name), "%s", t->relay->conf->wireguard_device);
	else
		dt_wg_device_name(name, t->relay->conf->name);
	/* a killed run's device has a key that is lost: replaced */
	err = dt_wg_open(&t->wg, name, t->keys.secret, 0, mtu_of(t), false);
	if (err) {
		problem_set(t, "cannot make the device", *t->wg.error ? t->wg.error : strerror(-err));
		return err;
	}
	t->open = true;
	t->table = t->relay->pm->config->tunnel_table + (uint32_t)t->relay->index;
	dt_rt_rules_purge(&t->wg.route, t->table, priority_of(t));
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

static bool same_grant(const struct dt_tunnel *a, const struct dt_tunnel *b)
{
	return memcmp(a->key, b->key, DT_KEY_LEN) == 0 && a->port == b->port && dt_ip_equal(&a->ip4, &b->ip4);
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

/* --- the relay's word -------------------------------------------------------------------------- */

static void ask(struct dt_pm_tunnel *t, uint64_t now_ns)
{
	struct dt_message m;

	if (t->under_way || !t->relay->links)
		return;
	memset(&m, 0, sizeof(m));
	m.op = DT_OP_TUNNEL;
	m.lifetime_s = LIFETIME_S;
	memcpy(m.tunnel.key, t->keys.public, DT_KEY_LEN);
	m.tunnel.ip4 = t->given.ip4;
	m.tunnel.ip6 = t->given.ip6;
	if (dt_ip_is_unset(&m.tunnel.ip4))
		address_propose(t, true, &m.tunnel.ip4);
	if (dt_ip_is_unset(&m.tunnel.ip6))
		address_propose(t, false, &m.tunnel.ip6);
	t->due_ns = now_ns + RETRY_NS;
	if (dt_link_request(t->relay->links->proto, &m, t, now_ns) < 0)
		return;
	t->under_way = true;
	t->asked_ns = now_ns;
	dt_relay_link_flush(t->relay->links);
}

/* The relay gave addresses that the host uses otherwise: give them back, and propose others. */
static void refuse(struct dt_pm_tunnel *t, uint64_t now_ns)
{
	struct dt_message m;

	memset(&m, 0, sizeof(m));
	m.op = DT_OP_UNTUNNEL;
	memcpy(m.tunnel.key, t->keys.public, DT_KEY_LEN);
	problem_set(t, "the addresses the relay gave are used here already", "");
	memset(&t->given, 0, sizeof(t->given));
	if (dt_link_request(t->relay->links->proto, &m, t, now_ns) == 0) {
		t->under_way = true;
		dt_relay_link_flush(t->relay->links);
	}
}

static bool acceptable(struct dt_pm_tunnel *t, const struct dt_tunnel *given)
{
	if (t->state == DT_TUNNEL_READY && same_grant(&t->given, given))
		return true;
	return !collides(t, &given->ip4) && !collides(t, &given->ip6);
}

void dt_pm_tunnel_answered(struct dt_pm_tunnel *t, const struct dt_link_event *event, uint64_t now_ns)
{
	const struct dt_message *m = &event->message;
	bool was_ready = t->state == DT_TUNNEL_READY;

	t->under_way = false;
	if (event->type == DT_LINK_TIMEOUT) {
		t->due_ns = now_ns + RETRY_NS;
	} else if ((m->op & ~DT_OP_REPLY) == DT_OP_UNTUNNEL) {
		t->due_ns = now_ns + RETRY_NS; /* the answer to refuse() */
	} else if (m->reason != DT_REASON_OK || m->tunnel.port == 0) {
		problem_set(t, dt_reason_text(m->reason == DT_REASON_OK ? DT_REASON_NO_TUNNEL : m->reason), "");
		device_close(t);
		t->due_ns = now_ns + FAILED_RETRY_NS;
	} else if (!acceptable(t, &m->tunnel)) {
		refuse(t, now_ns);
	} else if (grant_take(t, &m->tunnel) < 0) {
		t->due_ns = now_ns + FAILED_RETRY_NS;
	} else {
		t->due_ns = t->asked_ns + m->lifetime_s * DT_SEC / 2;
		if (!was_ready) {
			dt_log_info("tunnel is ready device=%s%s relay=%s", t->wg.name,
				    t->wg.userspace ? " by wireguard-go" : "", t->relay->conf->name);
			dt_pm_publish(t->relay->pm, "relay", NULL, t->relay, "tunnel is ready");
			dt_detours_relay_up(t->relay, now_ns);
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

/* The keep-alive makes WireGuard begin its handshake at once; where none comes about, its port is not reachable. */
static void handshake_await(struct dt_pm_tunnel *t, uint64_t now_ns)
{
	char text[128];
	int err = dt_wg_peers(&t->wg, handshake_take, &t->handshaked);

	if (err) {
		/* the device, or the program behind it, is gone */
		problem_set(t, "the device does not answer", strerror(-err));
		device_close(t);
		t->due_ns = now_ns;
	} else if (t->handshaked) {
		if (*t->problem)
			dt_log_info("the tunnel works after all relay=%s", t->relay->conf->name);
		t->problem[0] = '\0';
		dt_detours_relay_up(t->relay, now_ns);
	} else if (now_ns - t->ready_ns > HANDSHAKE_NS) {
		snprintf(text, sizeof(text),
			 "no handshake with the relay's UDP port %u: it is blocked on the way, or WireGuard there has "
			 "other keys",
			 t->given.port);
		problem_set(t, text, "");
	}
}

void dt_pm_tunnel_tick(struct dt_pm_tunnel *t, uint64_t now_ns)
{
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
		dt_link_cancel(link->proto, t);
	if (link && tell && t->state == DT_TUNNEL_READY && dt_link_state(link->proto) == DT_LINK_UP) {
		memset(&m, 0, sizeof(m));
		m.op = DT_OP_UNTUNNEL;
		memcpy(m.tunnel.key, t->keys.public, DT_KEY_LEN);
		if (dt_link_request(link->proto, &m, t, dt_now_ns()) == 0)
			dt_relay_link_flush(link);
		dt_link_cancel(link->proto, t);
	}
	device_close(t);
	sodium_memzero(&t->keys, sizeof(t->keys));
	free(t);
}
