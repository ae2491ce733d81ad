/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/link/relays.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "net/source.h"
#include "pm/link/leases.h"
#include "pm/link/link.h"
#include "pm/link/relay_log.h"
#include "pm/link/tunnels.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/report.h"
#include "pm/store/tally.h"
#include "pm/store/todo.h"

#define RESOLVE_RETRY_MS 5000
/* Addresses of one name that are tried; more are ignored. */
#define FOUND_MAX 8
/* An address that has not answered for so long makes room for the name's next one. */
#define NEXT_MS 1500
/* A link whose address no connection has used for this long is closed. */
#define LINK_UNUSED_NS (600 * DT_SEC)

struct relay {
	struct dt_pm_relay known; /* the first member: see relay_of() */
	uv_getaddrinfo_t *resolving;
	struct dt_endpoint found[FOUND_MAX]; /* the name's addresses, as the resolver ordered them */
	size_t nfound, at;		     /* at: the one in use */
	size_t untried;			     /* how many of them are to be tried until the name is looked up again */
	uv_timer_t retry;		     /* of the look-up, or of the next address */
	int handles;			     /* libuv handles that still refer to this relay */
	bool closing;
};

static struct relay *relay_of(struct dt_pm_relay *known)
{
	return (struct relay *)known;
}

static void resolve(struct relay *relay);

/* --- links ------------------------------------------------------------------------------------- */

static void state_changed(struct dt_relay_link *link, uint64_t now_ns)
{
	enum dt_client_link_state state = dt_client_link_state(link->proto);
	struct dt_pm_relay *relay = link->relay;
	char text[DT_ENDPOINT_STRLEN];

	if (dt_relay_link_is_primary(link)) {
		dt_relay_log(relay, state == DT_LINK_UP ? DT_LOG_INFO : DT_LOG_WARN, "relay is %s relay=%s endpoint=%s",
			     dt_client_link_state_word(state), relay->conf->name,
			     dt_endpoint_format(&link->remote, text));
		dt_report(relay->pm, "relay", NULL, relay, dt_client_link_state_word(state));
	}
	dt_relay_link_keep_socket(link, now_ns);
	if (state == DT_LINK_DOWN) {
		dt_todo_relay(relay, DT_RELAY_STIR);
		if (dt_relay_link_is_primary(link))
			dt_todo_relay(relay, DT_RELAY_DOWN);
	}
	if (state == DT_LINK_UP) {
		dt_pm_leases_refresh(link, now_ns);
		if (dt_relay_link_is_primary(link) && relay->tunnel)
			dt_pm_tunnel_refresh(relay->tunnel, now_ns);
		dt_todo_relay(relay, DT_RELAY_RETRY);
	}
}

static void draining_changed(struct dt_relay_link *link)
{
	struct dt_pm_relay *relay = link->relay;
	bool draining = dt_client_link_draining(link->proto);

	if (!dt_relay_link_is_primary(link))
		return;
	dt_relay_log(relay, DT_LOG_INFO, "%s relay=%s",
		     draining ? "the relay is about to close, its detours go elsewhere" : "the relay stays",
		     relay->conf->name);
	dt_report(relay->pm, "relay", NULL, relay, draining ? "draining" : "not draining");
	dt_todo_relay(relay, draining ? DT_RELAY_DRAIN : DT_RELAY_RETRY);
}

static void restarted(struct dt_relay_link *link, uint64_t now_ns)
{
	dt_relay_log(link->relay, DT_LOG_INFO, "the relay was restarted relay=%s", link->relay->conf->name);
	dt_todo_relay(link->relay, DT_RELAY_STIR);
	dt_pm_leases_refresh(link, now_ns);
	if (dt_relay_link_is_primary(link) && link->relay->tunnel)
		dt_pm_tunnel_refresh(link->relay->tunnel, now_ns);
}

/* The relay has been silent for long: its name may have another address by now. */
static void silent(struct dt_relay_link *link)
{
	struct dt_endpoint numeric;

	if (dt_relay_link_is_primary(link) && dt_ip_parse(&numeric.ip, link->relay->conf->host) < 0)
		resolve(relay_of(link->relay));
}

static void news(struct dt_relay_link *link, const struct dt_client_link_event *event, uint64_t now_ns)
{
	if (!event) {
		silent(link);
		return;
	}
	switch (event->type) {
	case DT_LINK_NONE:
		break;
	case DT_LINK_STATE:
		state_changed(link, now_ns);
		break;
	case DT_LINK_REPLY:
	case DT_LINK_TIMEOUT:
		if (event->owner == link->relay->tunnel)
			dt_pm_tunnel_answered(event->owner, event, now_ns);
		else
			dt_pm_lease_answered(event->owner, event, now_ns);
		break;
	case DT_LINK_BACK:
		dt_todo_relay(link->relay, DT_RELAY_BACK);
		break;
	case DT_LINK_DRAINING:
		draining_changed(link);
		break;
	case DT_LINK_MOVED:
		dt_relay_log(link->relay, DT_LOG_INFO, "the relay sees us at another address relay=%s",
			     link->relay->conf->name);
		dt_pm_leases_refresh(link, now_ns);
		break;
	case DT_LINK_RESTARTED:
		restarted(link, now_ns);
		break;
	}
}

static void relay_free(struct relay *relay)
{
	sodium_memzero(&relay->known.keys, sizeof(relay->known.keys));
	free(relay);
}

static void relay_unref(struct dt_pm_relay *known)
{
	struct relay *relay = relay_of(known);

	if (--relay->handles == 0 && relay->closing) {
		known->pm->relays_open--;
		relay_free(relay);
	}
}

static int link_open(struct dt_pm_relay *relay, const struct dt_ip *bound, const struct dt_endpoint *remote)
{
	int err = dt_relay_link_open(relay, bound, remote, news);

	if (err == 0)
		relay_of(relay)->handles++;
	return err;
}

static void link_close(struct dt_relay_link *link, bool tell)
{
	dt_pm_leases_drop(link, tell, dt_now_ns());
	if (tell)
		dt_relay_link_flush(link);
	dt_relay_link_close(link, relay_unref);
}

static void links_tick(struct dt_pm_relay *relay, uint64_t now_ns)
{
	struct dt_relay_link *link, *tmp;
	const struct dt_pm_lease *lease;

	DL_FOREACH_SAFE(relay->links, link, tmp) {
		bool used = dt_relay_link_is_primary(link) || now_ns - link->used_ns < LINK_UNUSED_NS;

		for (lease = link->leases; lease && !used; lease = lease->hh.next)
			used = lease->subflows != NULL;
		if (!used)
			link_close(link, true);
	}
}

static bool source_moved(const struct dt_relay_link *link)
{
	struct dt_ip now;

	return dt_source_for(&link->remote, &now) && !dt_ip_equal(&now, &link->local.ip);
}

/*
 * The kernel chose the address of the primary link's socket; a new socket makes it choose again. A link whose address is
 * gone loses its leases, and is closed if it was made for that address.
 */
void dt_relay_links_network_changed(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_relay_link *link, *tmp;

	for (struct dt_pm_relay *relay = pm->relays; relay; relay = relay->next)
		DL_FOREACH_SAFE(relay->links, link, tmp) {
			bool here = link->local.port && dt_network_is_local(&pm->network, &link->local.ip);

			if (!here || (dt_relay_link_is_primary(link) && source_moved(link))) {
				dt_pm_leases_drop(link, false, now_ns);
				if (!dt_relay_link_is_primary(link) &&
				    !dt_network_is_local(&pm->network, &link->bound)) {
					link_close(link, false);
					continue;
				}
				dt_relay_link_reopen(link, now_ns);
			}
			dt_client_link_probe(link->proto, now_ns);
			dt_relay_link_flush(link);
		}
}

/* --- names ------------------------------------------------------------------------------------- */

static void resolve_due(uv_timer_t *timer)
{
	resolve(timer->data);
}

/* The name has another address now: the links of its family, and the primary one, go there. */
static void remote_move(struct dt_pm_relay *relay, const struct dt_endpoint *remote)
{
	uint64_t now_ns = dt_now_ns();
	struct dt_relay_link *link;

	DL_FOREACH(relay->links, link) {
		if (!dt_relay_link_is_primary(link) && dt_ip_family(&link->remote.ip) != dt_ip_family(&remote->ip))
			continue;
		link->remote = *remote;
		dt_relay_link_reopen(link, now_ns);
		dt_client_link_probe(link->proto, now_ns);
		dt_relay_link_flush(link);
	}
}

static void resolve_failed(struct relay *relay, int err)
{
	struct dt_pm_relay *known = &relay->known;

	snprintf(known->problem, sizeof(known->problem), "cannot resolve %s: %s", known->conf->host, uv_strerror(err));
	dt_log_warn("%s relay=%s", known->problem, known->conf->name);
	dt_timer_arm(&relay->retry, resolve_due, RESOLVE_RETRY_MS, 0);
}

static void next_due(uv_timer_t *timer);

/* An address that cannot be reached from here at all, such as IPv6 without a route, need not be waited for. */
static void next_arm(struct relay *relay)
{
	if (relay->untried)
		dt_timer_arm(&relay->retry, next_due, relay->known.links->local.port ? NEXT_MS : 1, 0);
}

static void next_due(uv_timer_t *timer)
{
	struct relay *relay = timer->data;

	if (dt_pm_relay_state(&relay->known) == DT_LINK_UP)
		return;
	relay->untried--;
	relay->at = (relay->at + 1) % relay->nfound;
	remote_move(&relay->known, &relay->found[relay->at]);
	next_arm(relay);
}

/* The index of this address among those found; nfound: it is not one of them. */
static size_t found_index(const struct relay *relay, const struct dt_endpoint *remote)
{
	size_t i = 0;

	while (i < relay->nfound && !dt_endpoint_equal(&relay->found[i], remote))
		i++;
	return i;
}

/* The address in use stays while it answers. If it does not, the next one follows. */
static void resolved_to(struct relay *relay)
{
	struct dt_pm_relay *known = &relay->known;
	bool first = !known->links;
	size_t now = first ? relay->nfound : found_index(relay, &known->links->remote);

	known->problem[0] = '\0';
	relay->untried = relay->nfound - 1;
	relay->at = now < relay->nfound ? now : 0;
	if (now < relay->nfound && dt_pm_relay_state(known) == DT_LINK_UP)
		return;
	if (now < relay->nfound)
		relay->at = (now + 1) % relay->nfound;
	if (first && link_open(known, NULL, &relay->found[0]) < 0) {
		resolve_failed(relay, UV_ENOMEM);
		return;
	}
	if (!dt_endpoint_equal(&known->links->remote, &relay->found[relay->at]))
		remote_move(known, &relay->found[relay->at]);
	next_arm(relay);
}

/* False: there is none. */
static bool found_take(struct relay *relay, const struct addrinfo *result)
{
	struct dt_endpoint found[FOUND_MAX];
	size_t count = 0;

	for (; result && count < FOUND_MAX; result = result->ai_next)
		if (dt_endpoint_from_sockaddr(&found[count], result->ai_addr) == 0)
			found[count++].port = relay->known.conf->port;
	if (count) {
		memcpy(relay->found, found, count * sizeof(found[0]));
		relay->nfound = count;
	}
	return count > 0;
}

static void resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *result)
{
	struct relay *relay = req->data;

	free(req);
	if (relay) { /* NULL: the relay was closed meanwhile */
		relay->resolving = NULL;
		relay->handles--;
		if (status < 0 || !found_take(relay, result))
			resolve_failed(relay, status);
		else
			resolved_to(relay);
	}
	uv_freeaddrinfo(result);
}

static void resolve(struct relay *relay)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG};
	int err;

	if (relay->resolving)
		return;
	relay->resolving = calloc(1, sizeof(*relay->resolving));
	if (!relay->resolving) {
		resolve_failed(relay, UV_ENOMEM);
		return;
	}
	relay->resolving->data = relay;
	err = uv_getaddrinfo(relay->known.pm->loop, relay->resolving, resolved, relay->known.conf->host, NULL, &hints);
	if (err) {
		free(relay->resolving);
		relay->resolving = NULL;
		resolve_failed(relay, err);
		return;
	}
	relay->handles++;
}

/* --- relays ------------------------------------------------------------------------------------ */

/* Its keys, and a tunnel if a carrier may need one. */
static int relay_prepare(struct dt_pm_relay *relay)
{
	const struct dt_relay_conf *conf = relay->conf;
	int err = dt_pair_keys_client(&relay->keys, &relay->pm->config->keys, conf->public_key);

	if (err)
		return err;
	return conf->carrier == DT_CARRIER_NAT && !conf->by_rule_tunnel ? 0 : dt_pm_tunnel_new(&relay->tunnel, relay);
}

int dt_pm_relay_open(struct dt_pm *pm, const struct dt_relay_conf *conf, size_t index)
{
	struct relay *relay = calloc(1, sizeof(*relay));
	struct dt_pm_relay *known = &relay->known, **tail = &pm->relays;
	struct dt_endpoint remote = {.port = conf->port};
	int err;

	if (!relay)
		return -ENOMEM;
	known->pm = pm;
	known->conf = conf;
	known->index = index;
	known->tally = dt_tally_of(pm, conf->name);
	err = known->tally ? relay_prepare(known) : -ENOMEM;
	if (err) {
		relay_free(relay);
		return err;
	}
	dt_client_session_init(&known->session);
	dt_relay_log_init(known);
	uv_timer_init(pm->loop, &relay->retry);
	relay->retry.data = relay;
	relay->handles = 1;
	pm->relays_open++;
	while (*tail)
		tail = &(*tail)->next;
	*tail = known;
	if (dt_ip_parse(&remote.ip, conf->host) == 0)
		return link_open(known, NULL, &remote);
	snprintf(known->problem, sizeof(known->problem), "resolving %s", conf->host);
	resolve(relay);
	return 0;
}

static void retry_closed(uv_handle_t *handle)
{
	relay_unref(handle->data);
}

void dt_pm_relay_close(struct dt_pm_relay *known)
{
	struct dt_pm_relay **at = &known->pm->relays;
	struct relay *relay = relay_of(known);
	struct dt_relay_link *link, *tmp;

	while (*at != known)
		at = &(*at)->next;
	*at = known->next;
	dt_pm_tunnel_free(known->tunnel, true);
	known->tunnel = NULL;
	relay->closing = true;
	if (relay->resolving) {
		uv_cancel((uv_req_t *)relay->resolving);
		relay->resolving->data = NULL;
		relay->resolving = NULL;
		relay->handles--;
	}
	DL_FOREACH_SAFE(known->links, link, tmp)
		link_close(link, true);
	uv_close((uv_handle_t *)&relay->retry, retry_closed);
}

void dt_pm_relays_tick(struct dt_pm *pm, uint64_t now_ns)
{
	dt_pm_leases_tick(pm, now_ns);
	for (struct dt_pm_relay *relay = pm->relays; relay; relay = relay->next) {
		if (relay->tunnel)
			dt_pm_tunnel_tick(relay->tunnel, now_ns);
		links_tick(relay, now_ns);
	}
}

struct dt_relay_link *dt_pm_relay_link(struct dt_pm_relay *relay, const struct dt_ip *local, uint64_t now_ns)
{
	struct dt_endpoint remote;
	const char *why;
	struct dt_relay_link *link = dt_relay_link_find(relay, local, &remote, &why);

	if (link) {
		link->used_ns = now_ns;
		return link;
	}
	if (remote.port == 0 || link_open(relay, local, &remote) < 0)
		return NULL;
	return relay->links->prev; /* appended */
}
