/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/accepted.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/loop.h"

/* Only one announcement may be under way to a peer: the next follows so much later. */
#define ANNOUNCE_MS 200
/* An address is refused until the application has accepted the connection. */
#define ANNOUNCE_TRIES 50

struct accepted {
	dt_mptcp_token token;
	struct dt_endpoint local; /* of the initial subflow */
	unsigned joined;	  /* additional subflows */
	unsigned stock;		  /* inventory that last saw it */
	size_t announced;	  /* endpoints already dealt with */
	unsigned tries;
	bool announcing;
	struct accepted *prev, *next; /* among those with something left to announce */
	UT_hash_handle hh;
};

struct dt_accepted {
	struct accepted *all;
	struct accepted *announcing;
	uv_timer_t timer;
};

static struct accepted *accepted_find(struct dt_pm *pm, dt_mptcp_token token)
{
	struct accepted *a;

	HASH_FIND(hh, pm->accepted->all, &token, sizeof(token), a);
	return a;
}

static struct accepted *accepted_add(struct dt_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local)
{
	struct accepted *a = accepted_find(pm, token);

	if (a)
		return a;
	a = calloc(1, sizeof(*a));
	if (!a)
		return NULL;
	a->token = token;
	a->local = *local;
	a->stock = pm->stock;
	HASH_ADD(hh, pm->accepted->all, token, sizeof(a->token), a);
	return a;
}

static void announcing_set(struct dt_accepted *all, struct accepted *a, bool announcing)
{
	if (a->announcing == announcing)
		return;
	a->announcing = announcing;
	if (announcing)
		DL_APPEND(all->announcing, a);
	else
		DL_DELETE(all->announcing, a);
}

static void accepted_forget(struct dt_pm *pm, struct accepted *a)
{
	announcing_set(pm->accepted, a, false);
	HASH_DELETE(hh, pm->accepted->all, a);
	free(a);
}

/* --- announcements ----------------------------------------------------------------------------- */

static bool to_announce(const struct accepted *a, const struct dt_mptcp_endpoint *e)
{
	if (!(e->flags & DT_MPTCP_ENDPOINT_SIGNAL) || dt_ip_family(&e->at.ip) != dt_ip_family(&a->local.ip))
		return false;
	/* the address the connection has already needs no word */
	return e->at.port || !dt_ip_equal(&e->at.ip, &a->local.ip);
}

/* The next endpoint; leaves the list when all are told. */
static void announce_next(struct dt_pm *pm, struct accepted *a, const struct dt_mptcp_endpoint *endpoints, size_t count)
{
	int err;

	while (a->announced < count && !to_announce(a, &endpoints[a->announced]))
		a->announced++;
	if (a->announced >= count) {
		announcing_set(pm->accepted, a, false);
		return;
	}
	err = dt_mptcp_announce(&pm->mptcp, a->token, &endpoints[a->announced]);
	if (err && ++a->tries < ANNOUNCE_TRIES)
		return;
	if (err)
		dt_log_debug("cannot announce an address: %s (%s)", strerror(-err), pm->mptcp.commands.error);
	else
		pm->counters[DT_PM_ANNOUNCED]++;
	a->announced++;
	a->tries = 0;
}

static void announce_due(uv_timer_t *timer)
{
	struct dt_mptcp_endpoint endpoints[DT_MPTCP_ENDPOINTS_MAX];
	struct dt_pm *pm = timer->data;
	struct accepted *a, *tmp;
	size_t count = 0;

	if (!pm->accepted->announcing)
		return;
	if (dt_mptcp_endpoints(&pm->mptcp, endpoints, &count) < 0)
		count = 0;
	DL_FOREACH_SAFE(pm->accepted->announcing, a, tmp)
		announce_next(pm, a, endpoints, count);
	if (pm->accepted->announcing)
		dt_timer_arm(timer, announce_due, ANNOUNCE_MS, 0);
}

void dt_accepted_established(struct dt_pm *pm, const struct dt_mptcp_event *e)
{
	struct accepted *a = accepted_add(pm, e->token, &e->local);

	if (!a) {
		dt_log_err("out of memory: an accepted connection is not followed");
		return;
	}
	announcing_set(pm->accepted, a, true);
	if (!uv_is_active((uv_handle_t *)&pm->accepted->timer))
		dt_timer_arm(&pm->accepted->timer, announce_due, 0, 0);
}

/* --- the limit --------------------------------------------------------------------------------- */

static void joined(struct dt_pm *pm, struct accepted *a, const struct dt_mptcp_event *e)
{
	struct dt_mptcp_limits limits;
	int err;

	a->joined++;
	if (dt_mptcp_limits_get(&pm->mptcp, &limits) < 0 || a->joined <= limits.subflows)
		return;
	err = dt_sock_diag_destroy(&pm->diag, &e->local, &e->remote);
	if (err == -EOPNOTSUPP)
		err = dt_mptcp_subflow_destroy(&pm->mptcp, a->token, &e->local, &e->remote);
	if (err && err != -ENOENT)
		dt_log_warn("cannot close a subflow beyond the limit: %s", strerror(-err));
	pm->counters[DT_PM_SURPLUS_CLOSED]++;
}

void dt_accepted_event(struct dt_pm *pm, const struct dt_mptcp_event *e)
{
	struct accepted *a = accepted_find(pm, e->token);

	if (!a)
		return;
	switch (e->type) {
	case DT_MPTCP_CLOSED:
		accepted_forget(pm, a);
		break;
	case DT_MPTCP_SUB_ESTABLISHED:
		joined(pm, a, e);
		break;
	case DT_MPTCP_SUB_CLOSED:
		if (a->joined && e->local_id | e->remote_id)
			a->joined--;
		break;
	case DT_MPTCP_CREATED:
	case DT_MPTCP_ESTABLISHED:
	case DT_MPTCP_ANNOUNCED:
	case DT_MPTCP_REMOVED:
	case DT_MPTCP_SUB_PRIORITY:
		break;
	}
}

void dt_accepted_seen(struct dt_pm *pm, const struct dt_subflow_record *r)
{
	struct dt_endpoint local = {r->initial.local, r->initial.lport};
	struct accepted *a;

	/* the kernel's own path manager looks after those it has */
	if (!(r->flags & DT_RECORD_USERSPACE_PM))
		return;
	a = accepted_add(pm, r->token, &local);
	if (!a)
		return;
	if (a->stock != pm->stock)
		a->joined = 0;
	a->stock = pm->stock;
	a->joined += r->flags & DT_RECORD_JOIN && r->state != BPF_TCP_CLOSE;
}

void dt_accepted_stock_end(struct dt_pm *pm)
{
	struct accepted *a, *tmp;

	HASH_ITER(hh, pm->accepted->all, a, tmp)
		if (a->stock + 1 < pm->stock) /* one that was accepted meanwhile was not seen yet */
			accepted_forget(pm, a);
}

int dt_accepted_new(struct dt_pm *pm)
{
	pm->accepted = calloc(1, sizeof(*pm->accepted));
	if (!pm->accepted)
		return -ENOMEM;
	uv_timer_init(pm->loop, &pm->accepted->timer);
	pm->accepted->timer.data = pm;
	return 0;
}

static void timer_closed(uv_handle_t *handle)
{
	free((char *)handle - offsetof(struct dt_accepted, timer));
}

void dt_accepted_free(struct dt_pm *pm)
{
	struct accepted *a, *tmp;

	if (!pm->accepted)
		return;
	HASH_ITER(hh, pm->accepted->all, a, tmp)
		accepted_forget(pm, a);
	uv_close((uv_handle_t *)&pm->accepted->timer, timer_closed);
	pm->accepted = NULL;
}
