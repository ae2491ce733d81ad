/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/link/leases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "pm/link/link.h"
#include "pm/link/relay_log.h"
#include "pm/store/connection.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/subflow.h"
#include "pm/store/todo.h"

#define NO_ANSWER_RETRY_NS (2 * DT_SEC)
#define VERIFY_PAUSE_NS (1 * DT_SEC)
/* The relay looks at its flows every 2 s. */
#define ASK_WHY_NS (3 * DT_SEC)
#define BUSY_RETRY_NS (10 * DT_SEC)
#define DENIED_RETRY_NS (20 * DT_SEC) /* twice as long each time, */
#define DENIED_DOUBLINGS 3	      /* ... so often */

static struct dt_endpoint server_of(const struct dt_pm_lease *lease)
{
	return (struct dt_endpoint){lease->server.ip, lease->server.port};
}

static void lease_ask(struct dt_pm_lease *lease, uint8_t op, uint64_t now_ns)
{
	struct dt_message m;
	int err;

	if (lease->under_way)
		return;
	memset(&m, 0, sizeof(m));
	m.op = lease->server.converts ? (op == DT_OP_RELEASE ? DT_OP_UNCONVERT : DT_OP_CONVERT) : op;
	m.server = server_of(lease);
	m.dpt = op == DT_OP_LEASE || lease->server.converts ? 0 : lease->dpt;
	m.lifetime_s = DT_LEASE_LIFETIME_DEFAULT_S;
	err = dt_client_link_request(lease->link->proto, &m, lease, now_ns);
	if (err) {
		lease->retry_ns = lease->renew_ns = now_ns + NO_ANSWER_RETRY_NS;
		return;
	}
	lease->under_way = true;
	lease->used = false;
	lease->asked_ns = now_ns;
	lease->link->relay->pm->counters[DT_PM_LEASES_ASKED]++;
	dt_relay_link_flush(lease->link);
}

static struct dt_pm_lease *lease_get(struct dt_relay_link *link, const struct dt_endpoint *server, bool converts,
				     uint64_t now_ns)
{
	struct dt_pm_lease *lease, key;

	memset(&key.server, 0, sizeof(key.server));
	key.server.ip = server->ip;
	key.server.port = server->port;
	key.server.converts = converts;
	HASH_FIND(hh, link->leases, &key.server, sizeof(key.server), lease);
	if (!lease) {
		lease = calloc(1, sizeof(*lease));
		if (!lease)
			return NULL;
		lease->link = link;
		lease->server = key.server;
		HASH_ADD(hh, link->leases, server, sizeof(lease->server), lease);
		lease_ask(lease, DT_OP_LEASE, now_ns);
	} else if (lease->state == DT_LEASE_REFUSED && now_ns >= lease->retry_ns) {
		lease->state = DT_LEASE_ASKED;
		lease_ask(lease, DT_OP_LEASE, now_ns);
	} else if (lease->state == DT_LEASE_READY && now_ns >= lease->expires_ns) {
		lease->state = DT_LEASE_ASKED;
		lease_ask(lease, DT_OP_LEASE, now_ns);
	}
	lease->used = true;
	return lease;
}

struct dt_pm_lease *dt_pm_lease_get(struct dt_relay_link *link, const struct dt_endpoint *server, uint64_t now_ns)
{
	return lease_get(link, server, false, now_ns);
}

struct dt_pm_lease *dt_pm_lease_get_converter(struct dt_relay_link *link, const struct dt_endpoint *server,
					      uint64_t now_ns)
{
	return lease_get(link, server, true, now_ns);
}

static uint64_t refusal_retry_ns(struct dt_pm_lease *lease)
{
	switch ((enum dt_reason)lease->reason) {
	case DT_REASON_QUOTA:
	case DT_REASON_NO_PORT:
	case DT_REASON_SESSIONS:
	case DT_REASON_DRAINING:
		return BUSY_RETRY_NS;
	case DT_REASON_DESTINATION:
	case DT_REASON_FAMILY:
	case DT_REASON_UNSUPPORTED:
	case DT_REASON_NO_CONVERTER:
		return DENIED_RETRY_NS << (lease->denied < DENIED_DOUBLINGS ? lease->denied++ : DENIED_DOUBLINGS);
	case DT_REASON_OK:
	case DT_REASON_TOKEN:
	case DT_REASON_NO_LEASE:
	case DT_REASON_NO_TUNNEL:
	/* these answer a join */
	case DT_REASON_USED:
	case DT_REASON_EXPIRED:
	case DT_REASON_WITHDRAWN:
	case DT_REASON_KEY:
	case DT_REASON_STORE:
		break;
	}
	return NO_ANSWER_RETRY_NS;
}

static void lease_refused(struct dt_pm_lease *lease, uint8_t reason, uint64_t now_ns)
{
	char server[DT_ENDPOINT_STRLEN];
	struct dt_endpoint e = server_of(lease);

	lease->state = DT_LEASE_REFUSED;
	lease->reason = reason;
	lease->retry_ns = now_ns + refusal_retry_ns(lease);
	lease->link->relay->pm->counters[DT_PM_LEASES_REFUSED]++;
	if (lease->logged == reason + 1U)
		return;
	lease->logged = reason + 1U;
	dt_relay_log(lease->link->relay, DT_LOG_INFO, "no %slease: %s relay=%s server=%s",
		     lease->server.converts ? "converter " : "",
		     reason == DT_REASON_OK ? "no answer" : dt_reason_text(reason), lease->link->relay->conf->name,
		     dt_endpoint_format(&e, server));
}

void dt_pm_lease_answered(struct dt_pm_lease *lease, const struct dt_client_link_event *event, uint64_t now_ns)
{
	const struct dt_message *m = &event->message;
	bool valid = lease->state == DT_LEASE_READY && now_ns < lease->expires_ns;

	lease->under_way = false;
	if (event->type == DT_LINK_TIMEOUT) {
		if (valid)
			lease->renew_ns = now_ns + NO_ANSWER_RETRY_NS;
		else
			lease_refused(lease, DT_REASON_OK, now_ns);
	} else if (m->reason == DT_REASON_OK && m->dpt) {
		if (lease->state == DT_LEASE_READY && m->resets > lease->resets)
			lease->reset_ns = now_ns;
		lease->resets = m->resets;
		/* counted from the request, so that it never ends later here than at the relay */
		lease->state = DT_LEASE_READY;
		lease->dpt = m->dpt;
		lease->logged = 0;
		lease->denied = 0;
		lease->rtt_us = m->rtt_us;
		lease->outcome = m->outcome;
		lease->expires_ns = lease->asked_ns + m->lifetime_s * DT_SEC;
		lease->renew_ns = lease->asked_ns + (lease->ask_why ? ASK_WHY_NS : m->lifetime_s * DT_SEC / 2);
		lease->ask_why = false;
		lease->link->relay->pm->counters[DT_PM_LEASES_GRANTED]++;
	} else if (m->reason == DT_REASON_NO_LEASE && lease->state == DT_LEASE_READY) {
		/* the relay does not have it (a reboot, a revocation, another client address): ask for a new one */
		dt_todo_lease(lease, DT_LEASE_STIR);
		lease->state = DT_LEASE_ASKED;
		lease_ask(lease, DT_OP_LEASE, now_ns);
	} else {
		lease_refused(lease, m->reason, now_ns);
	}
	dt_todo_lease(lease, DT_LEASE_CHANGED);
}

void dt_pm_leases_refresh(struct dt_relay_link *link, uint64_t now_ns)
{
	struct dt_pm_lease *lease, *tmp;

	HASH_ITER(hh, link->leases, lease, tmp) {
		if (!lease->subflows && !lease->used)
			continue;
		if (lease->state == DT_LEASE_READY) {
			lease_ask(lease, DT_OP_RENEW, now_ns);
		} else {
			lease->state = DT_LEASE_ASKED;
			lease_ask(lease, DT_OP_LEASE, now_ns);
		}
	}
}

void dt_pm_lease_verify(struct dt_pm_lease *lease, uint64_t now_ns)
{
	if (lease->state == DT_LEASE_READY && now_ns >= lease->asked_ns + VERIFY_PAUSE_NS)
		lease_ask(lease, DT_OP_RENEW, now_ns);
}

static void lease_forget(struct dt_pm_lease *lease)
{
	struct dt_relay_link *link = lease->link;

	dt_client_link_cancel(link->proto, lease);
	dt_todo_forget_lease(lease);
	HASH_DELETE(hh, link->leases, lease);
	free(lease);
}

static void lease_tick(struct dt_pm_lease *lease, uint64_t now_ns)
{
	bool wanted = lease->subflows || lease->used;

	switch (lease->state) {
	case DT_LEASE_READY:
		if (wanted && now_ns >= lease->renew_ns)
			lease_ask(lease, DT_OP_RENEW, now_ns);
		else if (!wanted && now_ns >= lease->expires_ns)
			lease_forget(lease);
		break;
	case DT_LEASE_ASKED:
		if (!lease->under_way && now_ns >= lease->retry_ns)
			lease_ask(lease, DT_OP_LEASE, now_ns);
		break;
	case DT_LEASE_REFUSED:
		if (now_ns < lease->retry_ns)
			break;
		if (lease->subflows) {
			lease->state = DT_LEASE_ASKED;
			lease_ask(lease, DT_OP_LEASE, now_ns);
		} else {
			lease_forget(lease);
		}
		break;
	}
}

void dt_pm_leases_tick(struct dt_pm *pm, uint64_t now_ns)
{
	struct dt_pm_lease *lease, *tmp;
	struct dt_pm_relay *relay;
	struct dt_relay_link *link;

	for (relay = pm->relays; relay; relay = relay->next)
		DL_FOREACH(relay->links, link)
			if (dt_client_link_state(link->proto) == DT_LINK_UP)
				HASH_ITER(hh, link->leases, lease, tmp)
					lease_tick(lease, now_ns);
}

void dt_pm_leases_drop(struct dt_relay_link *link, bool tell, uint64_t now_ns)
{
	struct dt_pm_lease *lease, *tmp;

	HASH_ITER(hh, link->leases, lease, tmp) {
		while (lease->subflows)
			dt_subflow_lease_set(lease->subflows, NULL);
		dt_client_link_cancel(link->proto, lease);
		if (tell && lease->state == DT_LEASE_READY && dt_client_link_state(link->proto) == DT_LINK_UP) {
			lease->under_way = false;
			lease_ask(lease, DT_OP_RELEASE, now_ns);
			dt_client_link_cancel(link->proto, lease);
		}
		lease_forget(lease);
	}
}
