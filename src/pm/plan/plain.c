/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/plan/plain.h"

#include <string.h>
#include <utlist.h>

#include "pm/act/end.h"
#include "pm/act/prio.h"
#include "pm/act/routes.h"
#include "pm/conf/client_conf.h"
#include "pm/plan/order.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/server.h"
#include "pm/store/subflow.h"

static struct dt_plain_want *want_add(struct dt_plain_wants *w, const struct dt_ip *ip, const struct dt_endpoint *to)
{
	struct dt_plain_want *want = &w->all[w->count++];

	memset(want, 0, sizeof(*want));
	want->from.ip = *ip;
	want->to = *to;
	return want;
}

/* The initial subflow is established, and the host still has its address. */
static bool direct_works(const struct dt_connection *c)
{
	return c->direct_established && dt_ip_equal(&c->source, &c->local.ip);
}

void dt_plain_list(const struct dt_connection *c, struct dt_plain_wants *w)
{
	struct dt_plain_source sources[DT_PLAIN_SOURCES_MAX];
	bool has_source = !dt_ip_is_unset(&c->source);
	struct dt_endpoint server;
	char own[IF_NAMESIZE];
	unsigned accepted = 0;
	size_t count;

	w->count = 0;
	dt_interfaces_name(c->pm, &c->source, own);
	if (dt_server_address(c, &server)) {
		if (!direct_works(c) && has_source)
			want_add(w, &c->source, &server)->from.backup = dt_interfaces_backup(c->pm, own);
		/* a socket bound to a device uses no other */
		count = c->device ? 0 : dt_interfaces_sources(c->pm, dt_ip_family(&server.ip), sources);
		for (size_t i = 0; i < count; i++)
			if (strcmp(sources[i].interface, own) != 0) {
				struct dt_plain_want *want = want_add(w, &sources[i].ip, &server);

				want->from = sources[i];
				want->routed = true;
			}
	}
	/* as many announced addresses as the user allows the kernel's path manager: ip mptcp limits, add_addr_accepted */
	for (size_t i = 0; has_source && i < c->nannounced && accepted < c->pm->add_addr_accepted; i++)
		if (dt_ip_family(&c->announced[i].at.ip) == dt_ip_family(&c->source) &&
		    !dt_endpoint_equal(&c->announced[i].at, &c->remote)) {
			want_add(w, &c->source, &c->announced[i].at);
			accepted++;
		}
}

/* Is this subflow the wanted one? If it is under way, it may start at another address of the interface. */
static bool matches(const struct dt_subflow *s, const struct dt_plain_want *want)
{
	if (s->relay || s->unknown || !dt_endpoint_equal(&s->server, &want->to))
		return false;
	if (dt_ip_equal(&s->source, &want->from.ip))
		return true;
	return *s->interface && strcmp(s->interface, want->from.interface) == 0 && dt_subflow_is_under_way(s) &&
	       dt_network_is_local(&s->connection->pm->network, &s->source);
}

struct dt_subflow *dt_plain_find(const struct dt_connection *c, const struct dt_plain_want *want)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (matches(s, want))
			return s;
	return NULL;
}

/* Frees plain subflows that have ended and are not to be made again. */
static void unwanted_forget(struct dt_connection *c, const struct dt_plain_wants *w)
{
	struct dt_subflow *s, *tmp;

	DL_FOREACH_SAFE(c->subflows, s, tmp) {
		bool wanted = s->relay || dt_subflow_is_under_way(s);

		for (size_t i = 0; i < w->count && !wanted; i++)
			wanted = matches(s, &w->all[i]);
		if (!wanted)
			dt_subflow_free(s, false);
	}
}

static void make(struct dt_connection *c, const struct dt_plain_want *want, uint64_t now_ns)
{
	struct dt_subflow *s = dt_plain_find(c, want);

	if (s && (dt_subflow_is_under_way(s) || now_ns < s->may_try_ns))
		return;
	if (!dt_server_has_room(c, now_ns) || (want->routed && !dt_route_by_source(c->pm, &want->from, &want->to.ip)))
		return;
	if (!s) {
		s = dt_connection_add(c, NULL);
		if (s && !want->routed && dt_endpoint_equal(&want->to, &c->remote)) /* by the initial one's path */
			s->fading = c->direct_fading;
	}
	if (!s)
		return;
	memcpy(s->interface, want->from.interface, sizeof(s->interface));
	s->source = want->from.ip;
	s->server = want->to;
	s->carrier = DT_CARRIER_DIRECT;
	s->backup_wanted = want->from.backup;
	dt_order_join(s, now_ns);
}

/*
 * The initial subflow becomes backup too if its interface is a backup one, if the policy wants it so, or if its path fades.
 */
static void direct_prefer(struct dt_connection *c)
{
	char own[IF_NAMESIZE];
	bool backup, tell = c->direct_fading.tell;

	c->direct_fading.tell = false;
	if (!c->direct_established || (!c->direct_backup && !c->direct_fading.fading && !c->direct_choice.by_policy &&
				       c->pm->config->ninterface_confs == 0))
		return;
	dt_interfaces_name(c->pm, &c->local.ip, own);
	backup = c->direct_fading.fading ||
		 ((dt_interfaces_backup(c->pm, own) || c->direct_choice.by_policy) && !c->backups_lifted);
	if (backup != c->direct_backup || tell)
		dt_subflow_set_direct_backup(c, backup);
}

void dt_plain_plan(struct dt_connection *c, uint64_t now_ns)
{
	struct dt_plain_wants wants;

	dt_plain_list(c, &wants);
	unwanted_forget(c, &wants);
	for (size_t i = 0; i < wants.count; i++)
		make(c, &wants.all[i], now_ns);
	direct_prefer(c);
}

void dt_plain_rules_changed(struct dt_connection *c)
{
	struct dt_subflow *s, *tmp;

	DL_FOREACH_SAFE(c->subflows, s, tmp) {
		if (s->relay || s->unknown || !*s->interface)
			continue;
		if (!dt_interface_is_named(c->pm->config, s->interface)) {
			/* it may replace the initial subflow by now */
			if (dt_ip_equal(&s->source, &c->source) && !c->direct_established)
				memset(s->interface, 0, sizeof(s->interface));
			else
				dt_subflow_free(s, true);
			continue;
		}
		s->backup_wanted = dt_interfaces_backup(c->pm, s->interface);
		dt_subflow_prefer(s);
	}
}
