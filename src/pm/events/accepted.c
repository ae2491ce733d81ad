/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/events/accepted.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/hash.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "net/sock_diag.h"
#include "pm/store/pm.h"

/* The kernel sends one announcement to a peer at a time: the next follows after this. */
#define ANNOUNCE_MS 200
/* A busy peer drops announcements that come too soon. Those it has not joined are repeated, in so many rounds. */
#define ROUNDS 3
#define ROUND_NS (1 * DT_SEC)
/* The kernel refuses announcements until the application has accepted the connection: tries, ANNOUNCE_MS apart. */
#define ANNOUNCE_TRIES 50

struct accepted {
	dt_mptcp_token token;
	struct dt_endpoint local; /* of the initial subflow */
	unsigned joined;	  /* additional subflows */
	unsigned stock;		  /* inventory that last saw it */
	uint32_t announced[8];	  /* bitmap: ids of the endpoints announced to its peer */
	uint32_t this_round[8];	  /* those announced in this round */
	uint32_t joined_at[8];	  /* those that the peer has joined */
	unsigned rounds;
	uint64_t again_ns; /* when the next round begins */
	unsigned tries;
	bool announcing;
	struct accepted *prev, *next; /* of those with something left to announce */
	UT_hash_handle hh;
};

struct dt_accepted {
	struct accepted *all;
	struct accepted *announcing;
	struct dt_mptcp_endpoint endpoints[DT_MPTCP_ENDPOINTS_MAX]; /* as last read */
	size_t nendpoints;
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
	a->stock = pm->stock_number;
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

static void endpoints_read(struct dt_pm *pm)
{
	struct dt_accepted *all = pm->accepted;

	if (dt_mptcp_endpoints(&pm->mptcp, all->endpoints, &all->nendpoints) < 0)
		dt_log_debug("cannot read the endpoints of ip mptcp");
}

static bool has_bit(const uint32_t *bits, uint8_t id)
{
	return bits[id / 32] & 1U << id % 32;
}

static void bit_set(uint32_t *bits, uint8_t id, bool value)
{
	if (value)
		bits[id / 32] |= 1U << id % 32;
	else
		bits[id / 32] &= ~(1U << id % 32);
}

static bool should_announce(const struct accepted *a, const struct dt_mptcp_endpoint *e)
{
	/* of either family: IPv6 sockets often accept both. The connection's own address needs no announcement. */
	return e->flags & DT_MPTCP_ENDPOINT_SIGNAL && (e->at.port || !dt_ip_equal(&e->at.ip, &a->local.ip));
}

static bool is_endpoint(const struct dt_accepted *all, const struct accepted *a, unsigned id)
{
	for (size_t i = 0; i < all->nendpoints; i++)
		if (all->endpoints[i].id == id && should_announce(a, &all->endpoints[i]))
			return true;
	return false;
}

/* Withdraws one address that is not an endpoint any more (RM_ADDR). False: there is none. */
static bool withdraw(struct dt_pm *pm, struct accepted *a)
{
	for (unsigned id = 1; id < 256; id++) {
		int err;

		if (!has_bit(a->announced, (uint8_t)id) || is_endpoint(pm->accepted, a, id))
			continue;
		err = dt_mptcp_remove(&pm->mptcp, a->token, (uint8_t)id);
		if (err)
			dt_log_debug("cannot withdraw an address: %s (%s)", strerror(-err), pm->mptcp.commands.error);
		bit_set(a->announced, (uint8_t)id, false);
		bit_set(a->this_round, (uint8_t)id, false);
		bit_set(a->joined_at, (uint8_t)id, false);
		return true;
	}
	return false;
}

static bool announce(struct dt_pm *pm, struct accepted *a)
{
	const struct dt_mptcp_endpoint *e = pm->accepted->endpoints, *end = e + pm->accepted->nendpoints;
	int err;

	while (e < end && (!should_announce(a, e) || has_bit(a->this_round, e->id)))
		e++;
	if (e == end)
		return false;
	err = dt_mptcp_announce(&pm->mptcp, a->token, e);
	if (err && ++a->tries < ANNOUNCE_TRIES)
		return true;
	if (err)
		dt_log_debug("cannot announce an address: %s (%s)", strerror(-err), pm->mptcp.commands.error);
	else
		pm->counters[DT_PM_ANNOUNCED] += !has_bit(a->announced, e->id);
	bit_set(a->announced, e->id, true);
	bit_set(a->this_round, e->id, true);
	a->tries = 0;
	return true;
}

/* After all were announced: begins another round. False: all are joined, or there were enough rounds. */
static bool round_begin(struct accepted *a, uint64_t now_ns)
{
	bool all_joined = true;

	for (size_t i = 0; i < sizeof(a->this_round) / sizeof(a->this_round[0]); i++)
		all_joined = all_joined && !(a->this_round[i] & ~a->joined_at[i]);
	if (all_joined || a->rounds++ >= ROUNDS)
		return false;
	memcpy(a->this_round, a->joined_at, sizeof(a->this_round));
	a->again_ns = now_ns + ROUND_NS;
	return true;
}

static void rounds_restart(struct dt_accepted *all, struct accepted *a)
{
	a->rounds = 0;
	a->again_ns = 0;
	announcing_set(all, a, true);
}

/* One announcement or withdrawal to each peer, then a pause. */
static void announcing_due(uv_timer_t *timer)
{
	struct dt_pm *pm = timer->data;
	struct accepted *a, *tmp;
	uint64_t now_ns = dt_now_ns();

	if (!pm->accepted->announcing)
		return;
	endpoints_read(pm);
	DL_FOREACH_SAFE(pm->accepted->announcing, a, tmp)
		if (now_ns >= a->again_ns && !withdraw(pm, a) && !announce(pm, a) && !round_begin(a, now_ns))
			announcing_set(pm->accepted, a, false);
	if (pm->accepted->announcing)
		dt_timer_arm(timer, announcing_due, ANNOUNCE_MS, 0);
}

static void announcing_begin(struct dt_pm *pm)
{
	if (!uv_is_active((uv_handle_t *)&pm->accepted->timer))
		dt_timer_arm(&pm->accepted->timer, announcing_due, 0, 0);
}

/* The user may have changed the endpoints (ip mptcp endpoint). */
static void endpoints_compare(struct dt_pm *pm)
{
	struct dt_accepted *all = pm->accepted;
	struct dt_mptcp_endpoint before[DT_MPTCP_ENDPOINTS_MAX];
	size_t nbefore = all->nendpoints;
	struct accepted *a, *tmp;

	if (!all->all)
		return;
	memcpy(before, all->endpoints, sizeof(before));
	endpoints_read(pm);
	if (nbefore == all->nendpoints && memcmp(before, all->endpoints, nbefore * sizeof(before[0])) == 0)
		return;
	HASH_ITER(hh, all->all, a, tmp)
		rounds_restart(all, a);
	announcing_begin(pm);
}

void dt_accepted_established(struct dt_pm *pm, const struct dt_mptcp_event *e)
{
	struct accepted *a = accepted_add(pm, e->token, &e->local);

	if (!a) {
		dt_log_err("out of memory: an accepted connection is not followed");
		return;
	}
	/* taking stock may have found it first; or the token is used again */
	a->local = e->local;
	memset(a->announced, 0, sizeof(a->announced));
	memset(a->this_round, 0, sizeof(a->this_round));
	memset(a->joined_at, 0, sizeof(a->joined_at));
	rounds_restart(pm->accepted, a);
	announcing_begin(pm);
}

/* --- the limit --------------------------------------------------------------------------------- */

static void joined(struct dt_pm *pm, struct accepted *a, const struct dt_mptcp_event *e)
{
	struct dt_mptcp_limits limits;
	int err;

	a->joined++;
	bit_set(a->joined_at, e->local_id, true);
	if (dt_mptcp_limits_get(&pm->mptcp, &limits) < 0 || a->joined <= limits.subflows)
		return;
	err = dt_sock_diag_destroy(&pm->diag, &e->local, &e->remote, e->device);
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

	/* connections of the kernel's own path manager are left to it */
	if (!(r->flags & DT_RECORD_USERSPACE_PM))
		return;
	a = accepted_find(pm, r->token);
	if (!a) {
		a = accepted_add(pm, r->token, &local);
		if (!a)
			return;
		/* an earlier run has announced them */
		for (size_t i = 0; i < pm->accepted->nendpoints; i++)
			if (should_announce(a, &pm->accepted->endpoints[i]))
				bit_set(a->announced, pm->accepted->endpoints[i].id, true);
		memcpy(a->this_round, a->announced, sizeof(a->this_round));
	}
	if (a->stock != pm->stock_number)
		a->joined = 0;
	a->stock = pm->stock_number;
	a->joined += r->flags & DT_RECORD_JOIN && r->state != BPF_TCP_CLOSE;
}

void dt_accepted_stock_end(struct dt_pm *pm)
{
	struct accepted *a, *tmp;

	HASH_ITER(hh, pm->accepted->all, a, tmp)
		if (a->stock + 1 <
		    pm->stock_number) /* not seen twice: it may have been accepted while stock was taken */
			accepted_forget(pm, a);
	endpoints_compare(pm);
}

int dt_accepted_new(struct dt_pm *pm)
{
	pm->accepted = calloc(1, sizeof(*pm->accepted));
	if (!pm->accepted)
		return -ENOMEM;
	uv_timer_init(pm->loop, &pm->accepted->timer);
	pm->accepted->timer.data = pm;
	endpoints_read(pm);
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
