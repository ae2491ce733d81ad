/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain subflows: those that a user had of the kernel's path manager, which is off while ours is on. In the place of the
 * initial one where that is gone, one from each interface that `interfaces` names, and one to each address that the
 * server announced.
 */
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "pm/interfaces.h"
#include "pm/pm.h"

struct want {
	struct dt_plain_source from;
	bool routed; /* its packets leave by the interface only if we see to it */
	struct dt_endpoint to;
};

struct wants {
	struct want all[1 + DT_PLAIN_SOURCES_MAX + DT_ANNOUNCED_MAX];
	size_t count;
};

static struct want *want_add(struct wants *w, const struct dt_ip *ip, const struct dt_endpoint *to)
{
	struct want *want = &w->all[w->count++];

	memset(want, 0, sizeof(*want));
	want->from.ip = *ip;
	want->to = *to;
	return want;
}

/* The initial subflow lives, and where it starts is still ours. */
static bool direct_works(const struct dt_connection *c)
{
	return c->direct_established && dt_ip_equal(&c->source, &c->local.ip);
}

/* In order of preference, should the server take but a few. */
static void wants_list(const struct dt_connection *c, struct wants *w)
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
		/* what is bound to a device leaves by no other */
		count = c->device ? 0 : dt_interfaces_sources(c->pm, dt_ip_family(&server.ip), sources);
		for (size_t i = 0; i < count; i++)
			if (strcmp(sources[i].interface, own) != 0) {
				struct want *want = want_add(w, &sources[i].ip, &server);

				want->from = sources[i];
				want->routed = true;
			}
	}
	/* as many of the announced ones as the user let the kernel's path manager accept: ip mptcp limits */
	for (size_t i = 0; has_source && i < c->nannounced && accepted < c->pm->add_addr_accepted; i++)
		if (dt_ip_family(&c->announced[i].at.ip) == dt_ip_family(&c->source) &&
		    !dt_endpoint_equal(&c->announced[i].at, &c->remote)) {
			want_add(w, &c->source, &c->announced[i].at);
			accepted++;
		}
}

/* Does this subflow do what is wanted? One that lives may start at another of the interface's addresses. */
static bool does(const struct dt_subflow *s, const struct want *want)
{
	if (s->relay || s->unknown || !dt_endpoint_equal(&s->server, &want->to))
		return false;
	if (dt_ip_equal(&s->source, &want->from.ip))
		return true;
	return *s->interface && strcmp(s->interface, want->from.interface) == 0 && dt_subflow_is_under_way(s) &&
	       dt_network_is_local(&s->connection->pm->network, &s->source);
}

static struct dt_subflow *find(const struct dt_connection *c, const struct want *want)
{
	struct dt_subflow *s;

	DL_FOREACH(c->subflows, s)
		if (does(s, want))
			return s;
	return NULL;
}

/* Ended, and not to be made again. */
static void unwanted_forget(struct dt_connection *c, const struct wants *w)
{
	struct dt_subflow *s, *tmp;

	DL_FOREACH_SAFE(c->subflows, s, tmp) {
		bool wanted = s->relay || dt_subflow_is_under_way(s);

		for (size_t i = 0; i < w->count && !wanted; i++)
			wanted = does(s, &w->all[i]);
		if (!wanted)
			dt_subflow_free(s, false);
	}
}

static void make(struct dt_connection *c, const struct want *want, uint64_t now_ns)
{
	struct dt_subflow *s = find(c, want);

	if (s && (dt_subflow_is_under_way(s) || now_ns < s->may_try_ns))
		return;
	if (!dt_server_has_room(c, now_ns) || (want->routed && !dt_interfaces_route(c->pm, &want->from, &want->to.ip)))
		return;
	if (!s)
		s = dt_subflow_new(c, NULL);
	if (!s)
		return;
	memcpy(s->interface, want->from.interface, sizeof(s->interface));
	s->source = want->from.ip;
	s->server = want->to;
	s->carrier = DT_CARRIER_DIRECT;
	s->backup_wanted = want->from.backup;
	dt_subflow_join(s, now_ns);
}

/* The initial subflow is backup as well, where it starts at a backup interface. */
static void direct_prefer(struct dt_connection *c)
{
	char own[IF_NAMESIZE];
	bool backup;

	if (!c->direct_established || (!c->direct_backup && c->pm->config->ninterface_confs == 0))
		return;
	dt_interfaces_name(c->pm, &c->local.ip, own);
	backup = dt_interfaces_backup(c->pm, own);
	if (backup != c->direct_backup)
		dt_subflow_set_direct_backup(c, backup);
}

void dt_plain_plan(struct dt_connection *c, uint64_t now_ns)
{
	struct wants wants;

	wants_list(c, &wants);
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
			/* it may be all there is by now */
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

void dt_plain_why(const struct dt_connection *c, char *out, size_t cap)
{
	uint64_t now_ns = dt_now_ns();
	struct wants wants;
	size_t len = 0;

	wants_list(c, &wants);
	for (size_t i = 0; i < wants.count && len < cap; i++) {
		const struct dt_subflow *s = find(c, &wants.all[i]);
		const char *interface = wants.all[i].from.interface;

		if (!*interface || (s && dt_subflow_is_under_way(s)))
			continue;
		if (s && s->end != DT_END_NONE && s->may_try_ns > now_ns)
			len += (size_t)snprintf(out + len, cap - len, "; by %s: %s%s%s, next try in %llu s", interface,
						dt_subflow_end_word(s->end), s->end == DT_END_ERROR ? ": " : "",
						s->end == DT_END_ERROR ? strerror(-s->error) : "",
						(unsigned long long)((s->may_try_ns - now_ns) / DT_SEC + 1));
		else
			len += (size_t)snprintf(out + len, cap - len, "; by %s: %s", interface,
						c->server_limit_ns ? "the server's limit is reached"
								   : "it has no route to the server");
	}
}
