/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/plan/convert.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/source.h"
#include "pm/decide/rules.h"
#include "pm/kernel/convert.h"
#include "pm/link/leases.h"
#include "pm/link/relays.h"
#include "pm/store/conversion.h"
#include "pm/store/conversion_file.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/report.h"

/* A relay that is down is known after 5 s. Should this process hang, connections are direct as soon. */
#define BELIEVED_NS (6 * DT_SEC)
/* Then a connection is direct, to see whether the server speaks MPTCP by now. */
#define ASK_AGAIN_NS (3600 * DT_SEC)
#define UNUSED_NS (900 * DT_SEC)
#define REFUSED_NS (60 * DT_SEC)
#define UNREACHED_NS (600 * DT_SEC)

/* The link to this relay from the address that a connection to its converter would have. NULL: none now. */
static struct dt_relay_link *link_for(struct dt_pm_relay *relay, unsigned family, uint64_t now_ns)
{
	const struct dt_message *reply;
	struct dt_endpoint remote;
	struct dt_ip local;

	if (!relay->links || dt_pm_relay_state(relay) != DT_LINK_UP)
		return NULL;
	reply = dt_client_link_last_reply(relay->links->proto);
	remote = relay->links->remote;
	if (dt_ip_family(&remote.ip) != family)
		remote = family == 4 ? reply->control4 : reply->control6;
	if (remote.port == 0 || !dt_source_for(&remote, &local))
		return NULL;
	return dt_pm_relay_link(relay, &local, now_ns);
}

/* Why connections are direct, as far as one relay is the reason; the text of the highest rank is told. */
enum rank { RANK_NONE, RANK_UNKNOWN, RANK_NOT_HERE, RANK_AWAY, RANK_LEASE };

struct reason {
	enum rank rank;
	char text[128];
};

/* A relay that did convert, or said that it would, has the better reason than one that does not. */
static void away_take(struct reason *reason, const struct dt_conversion *v, struct dt_pm_relay *relay)
{
	bool is_ours = strncmp(v->relay, relay->conf->name, sizeof(v->relay) - 1) == 0 ||
		       (relay->links && dt_client_link_converts(relay->links->proto));
	enum rank rank = is_ours ? RANK_AWAY : RANK_UNKNOWN;
	const char *what = "is not reached yet from the address that connections to it would have";

	if (reason->rank >= rank)
		return;
	if (dt_pm_relay_state(relay) == DT_LINK_DOWN)
		what = "is down";
	else if (dt_pm_relay_draining(relay))
		what = "is draining";
	else if (dt_pm_relay_state(relay) == DT_LINK_CONNECTING)
		what = "has not answered yet";
	reason->rank = rank;
	snprintf(reason->text, sizeof(reason->text), "%s %s", relay->conf->name, what);
}

static void reason_take(struct reason *reason, enum rank rank, const char *text)
{
	if (reason->rank >= rank)
		return;
	reason->rank = rank;
	snprintf(reason->text, sizeof(reason->text), "%s", text);
}

/* Says why this relay is not used. */
static struct dt_pm_lease *lease_of(const struct dt_conversion *v, struct dt_pm_relay *relay,
				    const struct dt_endpoint *server, uint64_t now_ns, struct reason *reason)
{
	unsigned family = dt_ip_family(&server->ip);
	struct dt_relay_link *link = link_for(relay, family, now_ns);

	if (!link) /* IPv6 sockets reach IPv4 addresses, too */
		link = link_for(relay, 10 - family, now_ns);
	if (!link || dt_client_link_state(link->proto) != DT_LINK_UP || dt_pm_relay_draining(relay)) {
		away_take(reason, v, relay);
		return NULL;
	}
	if (!dt_client_link_converts(link->proto)) {
		reason_take(reason, RANK_NOT_HERE, dt_reason_text(DT_REASON_NO_CONVERTER));
		return NULL;
	}
	if (dt_client_link_limited(link->proto, now_ns)) {
		reason_take(reason, RANK_LEASE, "max-flows at the relay is reached");
		return NULL;
	}
	return dt_pm_lease_get_converter(link, server, now_ns);
}

/* How the relay reached the server last; true: it did not, and connections are direct for a while. */
static bool outcome_take(struct dt_conversion *v, struct dt_pm_lease *lease, uint64_t now_ns)
{
	switch ((enum dt_convert_outcome)lease->outcome) {
	case DT_CONVERT_UNKNOWN:
	case DT_CONVERT_REACHED:
	case DT_CONVERT_LIMITED: /* of the relay, not of this server: see lease_of() */
		return false;
	case DT_CONVERT_REFUSED:
		v->pause_ns = now_ns + REFUSED_NS;
		dt_conversion_lead(v, NULL, "", "the server refused the relay's last connection");
		break;
	case DT_CONVERT_UNREACHABLE:
	case DT_CONVERT_DENIED:
		v->pause_ns = now_ns + UNREACHED_NS;
		dt_conversion_lead(v, NULL, "", "the relay did not reach the server");
		break;
	}
	lease->outcome = DT_CONVERT_UNKNOWN;
	return true;
}

static void lead(struct dt_pm *pm, struct dt_conversion *v, const struct dt_plan *plan, uint64_t now_ns)
{
	struct dt_endpoint server = dt_conversion_server(v), to;
	struct reason reason = {RANK_NONE, "no relay is configured for it"};

	for (size_t i = 0; i < plan->nrelays; i++) {
		struct dt_pm_relay *relay = dt_pm_relay_at(pm, dt_plan_relay(plan, i));
		struct dt_pm_lease *lease = relay ? lease_of(v, relay, &server, now_ns, &reason) : NULL;

		if (lease && v->doubted)
			dt_pm_lease_verify(lease, now_ns);
		if (lease && outcome_take(v, lease, now_ns))
			return;
		if (lease && lease->state == DT_LEASE_READY && now_ns < lease->expires_ns) {
			to = (struct dt_endpoint){dt_relay_link_nat_address(lease->link), lease->dpt};
			dt_conversion_lead(v, &to, relay->conf->name, "");
			return;
		}
		if (lease)
			reason_take(&reason, RANK_LEASE,
				    lease->state == DT_LEASE_REFUSED ? dt_reason_text(lease->reason)
								     : "waiting for a lease");
		if (lease && lease->state != DT_LEASE_REFUSED)
			break; /* it will be there in a moment */
	}
	dt_conversion_lead(v, NULL, "", reason.text);
}

/* The kernel gets what was decided; the file first, so that the next run knows each address that connections had. */
static void tell(struct dt_pm *pm, struct dt_conversion *v, const struct dt_endpoint *was, uint64_t now_ns)
{
	struct dt_endpoint server = dt_conversion_server(v);
	char from[DT_ENDPOINT_STRLEN], detail[256];
	int err = 0;

	if (v->to.port && !dt_endpoint_equal(&v->to, was))
		dt_conversion_file_write(pm);

	if (v->to.port)
		err = dt_convert_put(pm->convert, &server, &v->to, now_ns + BELIEVED_NS);
	else if (v->told)
		dt_convert_remove(pm->convert, &server);
	v->told = v->to.port && err == 0;
	if (err)
		dt_log_warn("cannot have connections converted: %s", strerror(-err));
	if ((was->port != 0) == (v->to.port != 0))
		return;
	snprintf(detail, sizeof(detail), "%s: %s%s", dt_endpoint_format(&server, from),
		 v->to.port ? "new connections are converted by " : "new connections are direct: ",
		 v->to.port ? v->relay : v->why);
	dt_report(pm, "convert", NULL, NULL, detail);
	dt_log_debug("%s", detail);
}

static void conversion_plan(struct dt_pm *pm, struct dt_conversion *v, uint64_t now_ns)
{
	struct dt_endpoint server = dt_conversion_server(v);
	struct dt_endpoint was = v->to;
	struct dt_plan plan;
	enum dt_convert_mode mode = dt_rules_convert(pm->config, &server, &plan);
	enum dt_worth_verdict worth = mode == DT_CONVERT_AUTO ? dt_worth_judge(&v->worth, now_ns) : DT_WORTH_PAYS;

	if (mode == DT_CONVERT_NO || now_ns > v->since_ns + ASK_AGAIN_NS || now_ns > v->used_ns + UNUSED_NS) {
		dt_conversion_lead(v, NULL, "", "");
		tell(pm, v, &was, now_ns);
		dt_conversion_free(pm, v);
		return;
	}
	if (now_ns < v->pause_ns)
		dt_conversion_lead(v, NULL, "", v->why);
	else if (worth != DT_WORTH_PAYS)
		dt_conversion_lead(v, NULL, "", dt_worth_text(worth));
	else
		lead(pm, v, &plan, now_ns);
	v->doubted = false;
	tell(pm, v, &was, now_ns);
}

void dt_convert_plan(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_conversion *v, *next;

	pm->conversions.due = false;
	if (!pm->convert)
		return;
	HASH_ITER(hh, pm->conversions.all, v, next)
		conversion_plan(pm, v, now_ns);
}
