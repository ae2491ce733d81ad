/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "base/loop.h"
#include "pm/interfaces.h"
#include "pm/pm.h"

#define RESOLVE_RETRY_MS 5000
/* A link from an address that no connection has used for so long is closed. */
#define LINK_UNUSED_NS (600 * DT_SEC)
/* A link that is down may stand on an address or route that is no more: take a new socket now and then. */
#define REOPEN_NS (10 * DT_SEC)

/* --- links ------------------------------------------------------------------------------------- */

static bool is_primary(const struct dt_relay_link *link)
{
	return link->relay->links == link;
}

static void poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static void socket_close(struct dt_relay_link *link)
{
	if (link->poll) {
		uv_poll_stop(link->poll);
		uv_close((uv_handle_t *)link->poll, poll_closed);
		link->poll = NULL;
	}
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
	link->local.port = 0;
}

static void events_take(struct dt_relay_link *link);

static void readable(uv_poll_t *poll, int status, int events)
{
	struct dt_relay_link *link = poll->data;
	struct dt_pm *pm = link->relay->pm;
	uint8_t in[DT_WIRE_MAX + 1];
	ssize_t got;

	dt_poll_resume(poll, status, readable);
	while ((got = recv(link->fd, in, sizeof(in), MSG_DONTWAIT)) >= 0 || errno == EINTR || errno == ECONNREFUSED) {
		if (got < 0)
			continue;
		switch (dt_link_input(link->proto, dt_now_ns(), in, (size_t)got)) {
		case DT_LINK_ACCEPTED:
			break;
		case DT_LINK_MALFORMED:
			pm->counters[DT_PM_DROPPED_MALFORMED]++;
			break;
		case DT_LINK_AUTH:
			pm->counters[DT_PM_DROPPED_AUTH]++;
			break;
		case DT_LINK_UNMATCHED:
			pm->counters[DT_PM_DROPPED_UNMATCHED]++;
			break;
		}
	}
	events_take(link);
	dt_relay_link_flush(link);
}

static int socket_open(struct dt_relay_link *link)
{
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(&link->remote, &sa);
	struct dt_endpoint bound = {link->bound, 0};
	int err;

	link->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (link->fd < 0)
		return -errno;
	if (!dt_ip_is_unset(&link->bound)) {
		struct sockaddr_storage from;
		socklen_t from_len = dt_endpoint_to_sockaddr(&bound, &from);

		if (bind(link->fd, (struct sockaddr *)&from, from_len) < 0)
			goto failed;
	}
	if (connect(link->fd, (struct sockaddr *)&sa, len) < 0)
		goto failed;
	len = sizeof(sa);
	if (getsockname(link->fd, (struct sockaddr *)&sa, &len) < 0)
		goto failed;
	dt_endpoint_from_sockaddr(&link->local, (struct sockaddr *)&sa);
	link->poll = calloc(1, sizeof(*link->poll));
	if (!link->poll || uv_poll_init(link->relay->pm->loop, link->poll, link->fd) < 0) {
		free(link->poll);
		link->poll = NULL;
		errno = ENOMEM;
		goto failed;
	}
	link->poll->data = link;
	uv_poll_start(link->poll, UV_READABLE, readable);
	return 0;
failed:
	err = -errno;
	socket_close(link);
	return err;
}

static void socket_reopen(struct dt_relay_link *link, uint64_t now_ns)
{
	int err;

	socket_close(link);
	link->reopen_ns = now_ns + REOPEN_NS;
	err = socket_open(link);
	if (err)
		dt_log_debug("cannot open a socket to the relay: %s relay=%s", strerror(-err), link->relay->conf->name);
}

static void link_due(uv_timer_t *timer);

void dt_relay_link_flush(struct dt_relay_link *link)
{
	uint64_t now_ns = dt_now_ns(), deadline;
	uint8_t out[DT_WIRE_MAX];
	size_t len;

	if (link->closing)
		return;
	while ((len = dt_link_output(link->proto, now_ns, out, sizeof(out))) > 0)
		/* lost ones are sent again; a socket that was destroyed (ss -K) has no address any more */
		if (link->fd >= 0 && send(link->fd, out, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno == EDESTADDRREQ)
			socket_reopen(link, now_ns);
	deadline = dt_link_deadline(link->proto);
	/* rounded up: a timer that fires early would find nothing due and spin */
	dt_timer_arm(&link->timer, link_due, deadline <= now_ns ? 0 : (deadline - now_ns) / DT_MS + 1, 0);
}

static void resolve(struct dt_pm_relay *relay);

static void link_due(uv_timer_t *timer)
{
	struct dt_relay_link *link = timer->data;
	uint64_t now_ns = dt_now_ns();

	dt_link_tick(link->proto, now_ns);
	events_take(link);
	if (dt_link_state(link->proto) != DT_LINK_UP && now_ns >= link->reopen_ns) {
		struct dt_endpoint numeric;

		if (is_primary(link) && dt_ip_parse(&numeric.ip, link->relay->conf->host) < 0)
			resolve(link->relay); /* a name may have moved */
		socket_reopen(link, now_ns);
	}
	dt_relay_link_flush(link);
}

static const char *state_word(enum dt_link_state state)
{
	return state == DT_LINK_UP ? "up" : state == DT_LINK_DOWN ? "down" : "connecting";
}

static void state_changed(struct dt_relay_link *link, uint64_t now_ns)
{
	enum dt_link_state state = dt_link_state(link->proto);
	struct dt_pm_relay *relay = link->relay;
	char text[DT_ENDPOINT_STRLEN];

	if (is_primary(link)) {
		dt_log(state == DT_LINK_UP ? DT_LOG_INFO : DT_LOG_WARN, "relay is %s relay=%s endpoint=%s",
		       state_word(state), relay->conf->name, dt_endpoint_format(&link->remote, text));
		dt_pm_publish(relay->pm, "relay", NULL, relay, state_word(state));
	}
	link->reopen_ns = now_ns + REOPEN_NS;
	if (state == DT_LINK_DOWN) {
		dt_detours_stir(relay);
		if (is_primary(link))
			dt_detours_relay_down(relay, now_ns);
	}
	if (state == DT_LINK_UP) {
		dt_pm_leases_refresh(link, now_ns);
		if (is_primary(link) && relay->tunnel)
			dt_pm_tunnel_refresh(relay->tunnel, now_ns);
		dt_detours_relay_up(relay, now_ns);
	}
}

static void draining_changed(struct dt_relay_link *link, uint64_t now_ns)
{
	struct dt_pm_relay *relay = link->relay;
	bool draining = dt_link_draining(link->proto);

	if (!is_primary(link))
		return;
	dt_log_info("%s relay=%s",
		    draining ? "the relay is about to close, its detours go elsewhere" : "the relay stays",
		    relay->conf->name);
	dt_pm_publish(relay->pm, "relay", NULL, relay, draining ? "draining" : "not draining");
	if (draining)
		dt_detours_leave(relay);
	else
		dt_detours_relay_up(relay, now_ns);
}

static void events_take(struct dt_relay_link *link)
{
	uint64_t now_ns = dt_now_ns();
	struct dt_link_event event;

	while (dt_link_event(link->proto, &event)) {
		switch (event.type) {
		case DT_LINK_NONE:
			break;
		case DT_LINK_STATE:
			state_changed(link, now_ns);
			break;
		case DT_LINK_REPLY:
		case DT_LINK_TIMEOUT:
			if (event.owner == link->relay->tunnel)
				dt_pm_tunnel_answered(event.owner, &event, now_ns);
			else
				dt_pm_lease_answered(event.owner, &event, now_ns);
			break;
		case DT_LINK_BACK:
			dt_detours_relay_back(link->relay, now_ns);
			break;
		case DT_LINK_DRAINING:
			draining_changed(link, now_ns);
			break;
		case DT_LINK_MOVED:
		case DT_LINK_RESTARTED:
			dt_log_info("%s relay=%s",
				    event.type == DT_LINK_MOVED ? "the relay sees us at another address"
								: "the relay was restarted",
				    link->relay->conf->name);
			if (event.type == DT_LINK_RESTARTED)
				dt_detours_stir(link->relay);
			dt_pm_leases_refresh(link, now_ns);
			if (event.type == DT_LINK_RESTARTED && is_primary(link) && link->relay->tunnel)
				dt_pm_tunnel_refresh(link->relay->tunnel, now_ns);
			break;
		}
	}
}

static int link_open(struct dt_pm_relay *relay, const struct dt_ip *bound, const struct dt_endpoint *remote)
{
	struct dt_relay_link *link = calloc(1, sizeof(*link));
	uint64_t now_ns = dt_now_ns();
	int err;

	if (!link)
		return -ENOMEM;
	link->relay = relay;
	link->fd = -1;
	link->remote = *remote;
	if (bound)
		link->bound = *bound;
	link->used_ns = now_ns;
	link->reopen_ns = now_ns + REOPEN_NS;
	err = dt_link_new(&link->proto, &relay->keys, &relay->session, now_ns);
	if (err) {
		free(link);
		return err;
	}
	uv_timer_init(relay->pm->loop, &link->timer);
	link->timer.data = link;
	relay->handles++;
	DL_APPEND(relay->links, link);
	err = socket_open(link);
	if (err) /* tried again later: a route may appear */
		dt_log_debug("cannot open a socket to the relay: %s relay=%s", strerror(-err), relay->conf->name);
	dt_relay_link_flush(link);
	return 0;
}

static void relay_unref(struct dt_pm_relay *relay)
{
	if (--relay->handles == 0 && relay->closing) {
		relay->pm->relays_open--;
		free(relay);
	}
}

static void link_closed(uv_handle_t *handle)
{
	struct dt_relay_link *link = handle->data;

	relay_unref(link->relay);
	free(link);
}

static void link_close(struct dt_relay_link *link, bool tell)
{
	dt_pm_leases_drop(link, tell, dt_now_ns());
	if (tell)
		dt_relay_link_flush(link);
	link->closing = true;
	socket_close(link);
	dt_link_free(link->proto);
	link->proto = NULL;
	DL_DELETE(link->relay->links, link);
	uv_close((uv_handle_t *)&link->timer, link_closed);
}

void dt_pm_links_tick(struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_relay_link *link, *tmp;
	const struct dt_pm_lease *lease;

	DL_FOREACH_SAFE(relay->links, link, tmp) {
		bool used = is_primary(link) || now_ns - link->used_ns < LINK_UNUSED_NS;

		for (lease = link->leases; lease && !used; lease = lease->hh.next)
			used = lease->subflows != NULL;
		if (!used)
			link_close(link, true);
	}
}

static bool source_moved(const struct dt_relay_link *link)
{
	struct dt_ip now;

	return dt_interfaces_source_for(&link->remote, &now) && !dt_ip_equal(&now, &link->local.ip);
}

/*
 * The primary link's socket is the kernel's choice of address: a new one makes it choose again. One that stands on an
 * address that is gone ends, with the leases that were for it.
 */
void dt_pm_links_network_changed(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_relay_link *link, *tmp;

	for (struct dt_pm_relay *relay = pm->relays; relay; relay = relay->next)
		DL_FOREACH_SAFE(relay->links, link, tmp) {
			bool here = link->local.port && dt_network_is_local(&pm->network, &link->local.ip);

			if (!here || (is_primary(link) && source_moved(link))) {
				dt_pm_leases_orphan(link);
				dt_pm_leases_drop(link, false, now_ns);
				if (!is_primary(link) && !dt_network_is_local(&pm->network, &link->bound)) {
					link_close(link, false);
					continue;
				}
				socket_reopen(link, now_ns);
			}
			dt_link_probe(link->proto, now_ns);
			dt_relay_link_flush(link);
		}
}

struct dt_ip dt_relay_link_nat_address(const struct dt_relay_link *link)
{
	const struct dt_message *own = dt_link_last_reply(link->proto);
	const struct dt_message *primary = dt_link_last_reply(link->relay->links->proto);
	bool v4 = dt_ip_is_v4(&link->remote.ip);
	const struct dt_ip *named = v4 ? &own->nat4 : &own->nat6;

	if (!dt_ip_is_unset(named))
		return *named;
	named = v4 ? &primary->nat4 : &primary->nat6;
	if (!is_primary(link) && dt_ip_family(&link->relay->links->remote.ip) != dt_ip_family(&link->remote.ip) &&
	    !dt_ip_is_unset(named))
		return *named;
	return link->remote.ip;
}

/* --- names ------------------------------------------------------------------------------------- */

static void resolve_due(uv_timer_t *timer)
{
	resolve(timer->data);
}

/* The name stands for another address now: all links of that family go there. */
static void remote_move(struct dt_pm_relay *relay, const struct dt_endpoint *remote)
{
	uint64_t now_ns = dt_now_ns();
	struct dt_relay_link *link;

	DL_FOREACH(relay->links, link) {
		if (!is_primary(link) && dt_ip_family(&link->remote.ip) != dt_ip_family(&remote->ip))
			continue;
		link->remote = *remote;
		socket_reopen(link, now_ns);
		dt_link_probe(link->proto, now_ns);
		dt_relay_link_flush(link);
	}
}

static void resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *result)
{
	struct dt_pm_relay *relay = req->data;
	struct dt_endpoint remote;

	free(req);
	if (!relay) { /* it did not wait for the answer */
		uv_freeaddrinfo(result);
		return;
	}
	relay->resolving = NULL;
	relay->handles--;
	if (status < 0 || dt_endpoint_from_sockaddr(&remote, result->ai_addr) < 0) {
		snprintf(relay->problem, sizeof(relay->problem), "cannot resolve %s: %s", relay->conf->host,
			 uv_strerror(status));
		dt_log_warn("%s relay=%s", relay->problem, relay->conf->name);
		dt_timer_arm(&relay->retry, resolve_due, RESOLVE_RETRY_MS, 0);
	} else {
		remote.port = relay->conf->port;
		relay->problem[0] = '\0';
		if (!relay->links) {
			link_open(relay, NULL, &remote);
		} else if (!dt_endpoint_equal(&relay->links->remote, &remote)) {
			remote_move(relay, &remote);
		}
	}
	uv_freeaddrinfo(result);
}

static void resolve(struct dt_pm_relay *relay)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG};
	int err;

	if (relay->resolving)
		return;
	relay->resolving = calloc(1, sizeof(*relay->resolving));
	if (!relay->resolving)
		return;
	relay->resolving->data = relay;
	err = uv_getaddrinfo(relay->pm->loop, relay->resolving, resolved, relay->conf->host, NULL, &hints);
	if (err) {
		free(relay->resolving);
		relay->resolving = NULL;
		snprintf(relay->problem, sizeof(relay->problem), "cannot resolve %s: %s", relay->conf->host,
			 uv_strerror(err));
		dt_timer_arm(&relay->retry, resolve_due, RESOLVE_RETRY_MS, 0);
		return;
	}
	relay->handles++;
}

/* --- relays ------------------------------------------------------------------------------------ */

int dt_pm_relay_open(struct dt_pm *pm, const struct dt_relay_conf *conf, size_t index)
{
	struct dt_pm_relay *relay = calloc(1, sizeof(*relay)), **tail = &pm->relays;
	struct dt_endpoint remote = {.port = conf->port};
	int err;

	if (!relay)
		return -ENOMEM;
	err = dt_pair_keys_client(&relay->keys, &pm->config->keys, conf->public_key);
	if (err) {
		dt_log_err("relay %s: this public key is weak; it is not one that detourd genkey and pubkey made",
			   conf->name);
		free(relay);
		return err;
	}
	err = conf->carrier == DT_CARRIER_NAT && !conf->by_rule_tunnel ? 0 : dt_pm_tunnel_new(&relay->tunnel, relay);
	if (err) {
		free(relay);
		return err;
	}
	dt_client_session_init(&relay->session);
	relay->pm = pm;
	relay->conf = conf;
	relay->index = index;
	uv_timer_init(pm->loop, &relay->retry);
	relay->retry.data = relay;
	relay->handles = 1;
	pm->relays_open++;
	while (*tail)
		tail = &(*tail)->next;
	*tail = relay;
	if (dt_ip_parse(&remote.ip, conf->host) == 0)
		return link_open(relay, NULL, &remote);
	snprintf(relay->problem, sizeof(relay->problem), "resolving %s", conf->host);
	resolve(relay);
	return 0;
}

static void retry_closed(uv_handle_t *handle)
{
	relay_unref(handle->data);
}

void dt_pm_relay_close(struct dt_pm_relay *relay)
{
	struct dt_pm_relay **at = &relay->pm->relays;
	struct dt_relay_link *link, *tmp;

	dt_detours_relay_gone(relay);
	while (*at != relay)
		at = &(*at)->next;
	*at = relay->next;
	dt_pm_tunnel_free(relay->tunnel, true);
	relay->tunnel = NULL;
	relay->closing = true;
	if (relay->resolving) {
		uv_cancel((uv_req_t *)relay->resolving);
		relay->resolving->data = NULL;
		relay->resolving = NULL;
		relay->handles--;
	}
	DL_FOREACH_SAFE(relay->links, link, tmp)
		link_close(link, true);
	uv_close((uv_handle_t *)&relay->retry, retry_closed);
}

struct dt_pm_relay *dt_pm_relay_at(struct dt_pm *pm, size_t index)
{
	struct dt_pm_relay *relay = pm->relays;

	while (relay && relay->index != index)
		relay = relay->next;
	return relay;
}

enum dt_carrier dt_pm_relay_carrier(const struct dt_pm_relay *relay, uint64_t now_ns)
{
	if (relay->conf->carrier == DT_CARRIER_AUTO)
		return now_ns < relay->nat_blocked_ns ? DT_CARRIER_WIREGUARD : DT_CARRIER_NAT;
	return relay->conf->carrier;
}

const char *dt_carrier_name(enum dt_carrier carrier)
{
	switch (carrier) {
	case DT_CARRIER_NAT:
		return "nat";
	case DT_CARRIER_WIREGUARD:
		return "wireguard";
	case DT_CARRIER_AUTO:
		return "auto";
	case DT_CARRIER_DIRECT:
		return "direct";
	}
	return "";
}

enum dt_link_state dt_pm_relay_state(const struct dt_pm_relay *relay)
{
	return relay->links ? dt_link_state(relay->links->proto) : DT_LINK_CONNECTING;
}

bool dt_pm_relay_draining(const struct dt_pm_relay *relay)
{
	return relay->links && dt_link_draining(relay->links->proto);
}

struct dt_relay_link *dt_pm_relay_link(struct dt_pm_relay *relay, const struct dt_ip *local, const char **why)
{
	struct dt_relay_link *primary = relay->links, *link;
	struct dt_endpoint remote;

	if (!primary) {
		*why = relay->problem;
		return NULL;
	}
	DL_FOREACH(relay->links, link)
		if (dt_ip_equal(link == primary ? &link->local.ip : &link->bound, local)) {
			link->used_ns = dt_now_ns();
			return link;
		}
	remote = primary->remote;
	if (dt_ip_family(&remote.ip) != dt_ip_family(local)) {
		const struct dt_message *reply = dt_link_last_reply(primary->proto);

		remote = dt_ip_is_v4(local) ? reply->control4 : reply->control6;
		if (remote.port == 0) {
			*why = dt_link_state(primary->proto) != DT_LINK_UP ? "not up"
			       : dt_ip_is_v4(local)			   ? "the relay has no IPv4 address"
									   : "the relay has no IPv6 address";
			return NULL;
		}
	}
	if (link_open(relay, local, &remote) < 0) {
		*why = "out of memory";
		return NULL;
	}
	return relay->links->prev; /* appended */
}
