/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/explain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/special.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/rules.h"
#include "pm/plan/plain.h"
#include "pm/store/connection.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/server.h"
#include "pm/store/subflow.h"
#include "pm/store/tunnel.h"

/* Text that grows; what does not fit is cut. */
struct text {
	char *out;
	size_t cap, len;
};

static void __attribute__((format(printf, 2, 3))) put(struct text *t, const char *format, ...)
{
	va_list args;

	if (t->len >= t->cap)
		return;
	va_start(args, format);
	t->len += (size_t)vsnprintf(t->out + t->len, t->cap - t->len, format, args);
	va_end(args);
}

/* The relay tells of a reset some seconds after it: so long it counts for later joins of this lease too. */
#define RESET_COUNTS_NS (60 * DT_SEC)

/* Only the relay can see whether it was the server that refused. */
static const char *end_word(const struct dt_subflow *s)
{
	if (s->end == DT_END_REFUSED && s->lease && s->lease->reset_ns &&
	    s->since_ns < s->lease->reset_ns + RESET_COUNTS_NS)
		return "the server refused the join";
	return dt_subflow_end_word(s->end);
}

/* How it last ended, and when it is tried again. */
static void put_end(struct text *t, const struct dt_subflow *s, uint64_t now_ns)
{
	bool error = s->end == DT_END_ERROR;

	put(t, "%s%s%s, next try in %llu s", end_word(s), error ? ": " : "", error ? strerror(-s->error) : "",
	    (unsigned long long)(s->may_try_ns > now_ns ? (s->may_try_ns - now_ns) / DT_SEC + 1 : 0));
}

/* --- relays ------------------------------------------------------------------------------------ */

static const char *tunnel_why(const struct dt_connection *c, const struct dt_pm_tunnel *t)
{
	if (c->device)
		return "the socket is bound to a device, so it cannot use the tunnel";
	if (t && *t->problem)
		return t->problem;
	return t && t->state != DT_TUNNEL_READY ? "the tunnel is being set up" : "";
}

/* Why the relay as a whole cannot be used by this connection; "" if it can. */
static const char *relay_why(const struct dt_connection *c, const struct dt_plan *plan, const struct dt_pm_relay *relay,
			     uint64_t now_ns)
{
	switch (dt_pm_relay_state(relay)) {
	case DT_LINK_DOWN:
		return "down";
	case DT_LINK_CONNECTING:
		return *relay->problem ? relay->problem : "connecting";
	case DT_LINK_UP:
		break;
	}
	if (dt_pm_relay_draining(relay))
		return dt_reason_text(DT_REASON_DRAINING);
	if (*c->converter && strncmp(relay->conf->name, c->converter, sizeof(c->converter) - 1) == 0)
		return "it is the converter";
	if (dt_pm_relay_carrier(relay, plan->carrier, now_ns) == DT_CARRIER_WIREGUARD)
		return tunnel_why(c, relay->tunnel);
	return "";
}

/* The relay's owner decides: which of its lines it is, and what would open it, as far as one can know here. */
static void put_denied(struct text *t, const struct dt_pm_lease *lease)
{
	const struct dt_ip *server = &lease->server.ip;
	char ip[DT_IP_STRLEN], range[DT_PREFIX_STRLEN];
	const struct dt_prefix *special;
	const char *name = "";

	dt_ip_format(server, ip);
	special = dt_special_find(server, &name);
	put(t, "%s: ", dt_reason_text(DT_REASON_DESTINATION));
	if (dt_ip_equal(server, &lease->link->remote.ip))
		put(t, "it is the relay's own address; allow = %s in its [relay] would open it", ip);
	else if (special)
		put(t, "%s (%s) is denied by default; allow = %s in its [relay] would open it",
		    dt_prefix_format(special, range), name, ip);
	else
		put(t,
		    "a deny there names %s, or the allow of this client's section does not; the relay's log says "
		    "which line it is",
		    ip);
}

/* What the detour waits for. False: for nothing. */
static bool put_wait(struct text *t, const struct dt_subflow *s)
{
	if (s->state == DT_SUBFLOW_WAITING)
		put(t, "waiting for a lease");
	else if (s->state == DT_SUBFLOW_PENDING)
		put(t, "the join is under way");
	else if (s->state == DT_SUBFLOW_SETTLING)
		put(t, "waiting for a moment, because another subflow has just ended");
	else if (!s->lease || s->lease->state != DT_LEASE_REFUSED)
		return false;
	else if (s->lease->reason == DT_REASON_DESTINATION)
		put_denied(t, s->lease);
	else if (s->lease->reason == DT_REASON_OK)
		put(t, "no answer to the lease request");
	else
		put(t, "%s", dt_reason_text(s->lease->reason));
	return true;
}

static const char *link_why(const struct dt_connection *c, const struct dt_pm_relay *relay)
{
	struct dt_endpoint remote;
	const char *why = "";

	if (!dt_ip_is_unset(&c->source) && !dt_relay_link_find(relay, &c->source, &remote, &why) && *why)
		return why;
	return *relay->problem ? relay->problem : "no link from this address is up yet";
}

/* Why there is no detour over this relay. */
static void put_detour(struct text *t, const struct dt_connection *c, const struct dt_plan *plan,
		       const struct dt_pm_relay *relay)
{
	const struct dt_subflow *s = dt_connection_detour(c, relay);
	uint64_t now_ns = dt_now_ns();
	const char *why;

	if (s && s->state == DT_SUBFLOW_ESTABLISHED && dt_pm_relay_state(relay) == DT_LINK_UP)
		return;
	put(t, "; %s: ", relay->conf->name);
	why = relay_why(c, plan, relay, now_ns);
	if (*why)
		put(t, "%s", why);
	else if (s && put_wait(t, s))
		return;
	else if (s && s->end != DT_END_NONE)
		put_end(t, s, now_ns);
	else
		put(t, "%s", link_why(c, relay));
}

/* --- connections ------------------------------------------------------------------------------- */

/* A reason that holds for all relays; "" if there is none. */
static const char *common_why(const struct dt_connection *c, const struct dt_plan *plan, unsigned have)
{
	struct dt_endpoint server;

	if (!dt_server_address(c, &server))
		return "; the server wants no joins at this address (C flag) and has announced no other";
	if (!*c->converter && !dt_plan_may_tell(plan, &server.ip))
		return "; the server has announced a private address only, which no relay is told of";
	if (dt_ip_is_unset(&c->source))
		return "; this host has no address now from which the server can be reached";
	if (plan->nrelays == 0)
		return "; no relays are configured";
	if (plan->nrelays < plan->detours && have == plan->nrelays)
		return "; at most one a relay";
	return "";
}

/* Why there are not as many detours as planned. */
static void put_fewer(struct text *t, const struct dt_connection *c, const struct dt_plan *plan, unsigned have)
{
	struct dt_endpoint server;

	put(t, "%s", common_why(c, plan, have));
	if (dt_server_limit_holds(c, dt_now_ns()))
		put(t, "; the server's limit is reached: it took %u additional subflows and refused more",
		    c->server_limit);
	if (!dt_server_address(c, &server))
		return;
	for (size_t i = 0; i < plan->nrelays; i++) {
		const struct dt_pm_relay *relay = dt_pm_relay_at(c->pm, dt_plan_relay(plan, i));

		if (relay)
			put_detour(t, c, plan, relay);
	}
}

/* Why interfaces have no subflow. */
static void put_plain(struct text *t, const struct dt_connection *c)
{
	uint64_t now_ns = dt_now_ns();
	struct dt_plain_wants wants;

	dt_plain_list(c, &wants);
	for (size_t i = 0; i < wants.count; i++) {
		const struct dt_subflow *s = dt_plain_find(c, &wants.all[i]);
		const char *interface = wants.all[i].from.interface;

		if (!*interface || (s && dt_subflow_is_under_way(s)))
			continue;
		put(t, "; by %s: ", interface);
		if (s && s->end != DT_END_NONE && s->may_try_ns > now_ns)
			put_end(t, s, now_ns);
		else
			put(t, "%s",
			    dt_server_limit_holds(c, now_ns) ? "the server's limit is reached"
							     : "it has no route to the server");
	}
}

/* No relay may be told of the server. */
static void put_untold(struct text *t, const struct dt_connection *c)
{
	char range[DT_PREFIX_STRLEN];
	const char *name = "";
	const struct dt_prefix *special = dt_special_find(&c->remote.ip, &name);

	put(t, "; no relay is told of private and other special-purpose addresses, unless a rule's destination is one "
	       "of them");
	if (special)
		put(t, ": destination = %s (%s) in a [rule NAME]", dt_prefix_format(special, range), name);
}

/* What it lacks of its plan. */
static void put_lack(struct text *t, const struct dt_connection *c, const struct dt_plan *plan)
{
	unsigned have = dt_connection_detours(c), working = dt_connection_detours_established(c),
		 unknown = dt_connection_unknown(c);
	/* more than one a relay there cannot be, so that is all right */
	size_t due = plan->nrelays && plan->nrelays < plan->detours ? plan->nrelays : plan->detours;

	if (c->young && have < plan->detours) {
		put(t, "; the connection is young: see detour-after");
		return;
	}
	if (unknown)
		put(t, "; and %u of an earlier run, not known yet over which relay", unknown);
	if (plan->untold)
		put_untold(t, c);
	if (working + unknown < due || dt_ip_is_unset(&c->source))
		put_fewer(t, c, plan, have);
	put_plain(t, c);
}

void dt_explain(const struct dt_connection *c, char *out, size_t cap)
{
	struct dt_plan plan = dt_connection_plan(c);
	struct text t = {out, cap, 0};
	size_t head;

	if (dt_connection_stays_here(c)) {
		put(&t, "the connection does not leave this host");
		return;
	}
	if (c->foreign) {
		put(&t, "the connection is under the kernel's path manager, from before detourd: left alone");
		return;
	}
	if (*c->converter)
		put(&t, "converted by %s; ", c->converter);
	put(&t, "%u of %u detours%s%s", dt_connection_detours_established(c), plan.detours,
	    plan.rule ? " by rule " : "", plan.rule ? plan.rule->name : "");
	head = t.len;
	put_lack(&t, c, &plan);
	/* it has all that it should have, unless a rule says that this is nothing */
	if (t.len == head && !*c->converter && (plan.detours || !plan.rule))
		*out = '\0';
}

/* Of a relay that is up; "": nothing is wrong. */
static const char *up_why(const struct dt_pm_relay *relay)
{
	if (dt_pm_relay_draining(relay))
		return dt_reason_text(DT_REASON_DRAINING);
	if (dt_pm_relay_carrier(relay, -1, dt_now_ns()) == DT_CARRIER_WIREGUARD)
		return relay->tunnel ? relay->tunnel->problem : "";
	return relay->nat_unanswered < DT_NAT_UNANSWERED_MAX ? ""
							     : "no join through its NAT is answered: something on the "
							       "way drops MPTCP, or a NAT here gives TCP "
							       "another address than UDP; try carrier = auto";
}

const char *dt_explain_relay(const struct dt_pm_relay *relay)
{
	uint8_t refused = relay->links ? dt_client_link_reason(relay->links->proto) : DT_REASON_OK;

	if (*relay->problem)
		return relay->problem;
	if (refused != DT_REASON_OK)
		return dt_reason_text(refused);
	switch (dt_pm_relay_state(relay)) {
	case DT_LINK_UP:
		return up_why(relay);
	case DT_LINK_CONNECTING:
		return "no answer yet";
	case DT_LINK_DOWN:
		break;
	}
	return "no answer: the relay is off or out of reach, its public key is not the configured one, or it does not "
	       "know this client's key";
}
