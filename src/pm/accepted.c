/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/accepted.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/loop.h"

/* Only one announcement may be under way to a peer: the next follows so much later. */
#define TELL_MS 200
/* A busy peer drops what comes too soon: what it has not joined is said again, so often and so much later. */
#define ROUNDS 3
#define ROUND_NS (1 * DT_SEC)
/* An address is refused until the application has accepted the connection. */
#define ANNOUNCE_TRIES 50

struct accepted {
	dt_mptcp_token token;
	struct dt_endpoint local; /* of the initial subflow */
	unsigned joined;	  /* additional subflows */
	unsigned stock;		  /* inventory that last saw it */
	uint32_t told[8];	  /* bitmap of the endpoints' ids that its peer has been told of */
	uint32_t said[8];	  /* in this round */
	uint32_t met[8];	  /* it has joined there */
	unsigned rounds;
	uint64_t again_ns; /* when the next round begins */
	unsigned tries;
	bool telling;
	struct accepted *prev, *next; /* among those with something left to tell */
	UT_hash_handle hh;
};

struct dt_accepted {
	struct accepted *all;
	struct accepted *telling;
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
	a->stock = pm->stock;
	HASH_ADD(hh, pm->accepted->all, token, sizeof(a->token), a);
	return a;
}

static void telling_set(struct dt_accepted *all, struct accepted *a, bool telling)
{
	if (a->telling == telling)
		return;
	a->telling = telling;
	if (telling)
		DL_APPEND(all->telling, a);
	else
		DL_DELETE(all->telling, a);
}

static void accepted_forget(struct dt_pm *pm, struct accepted *a)
{
	telling_set(pm->accepted, a, false);
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

static bool to_tell(const struct accepted *a, const struct dt_mptcp_endpoint *e)
{
	/* of either family: sockets of IPv6 often take both; what the connection has already needs no word */
	return e->flags & DT_MPTCP_ENDPOINT_SIGNAL && (e->at.port || !dt_ip_equal(&e->at.ip, &a->local.ip));
}

static bool is_endpoint(const struct dt_accepted *all, const struct accepted *a, unsigned id)
{
	for (size_t i = 0; i < all->nendpoints; i++)
		if (all->endpoints[i].id == id && to_tell(a, &all->endpoints[i]))
			return true;
	return false;
}

/* Takes back an address that is no endpoint any more; true if there was one. */
static bool take_back(struct dt_pm *pm, struct accepted *a)
{
	for (unsigned id = 1; id < 256; id++) {
		int err;

		if (!has_bit(a->told, (uint8_t)id) || is_endpoint(pm->accepted, a, id))
			continue;
		err = dt_mptcp_remove(&pm->mptcp, a->token, (uint8_t)id);
		if (err)
			dt_log_debug("cannot take an address back: %s (%s)", strerror(-err), pm->mptcp.commands.error);
		bit_set(a->told, (uint8_t)id, false);
		bit_set(a->said, (uint8_t)id, false);
		bit_set(a->met, (uint8_t)id, false);
		return true;
	}
	return false;
}

static bool announce(struct dt_pm *pm, struct accepted *a)
{
	const struct dt_mptcp_endpoint *e = pm->accepted->endpoints, *end = e + pm->accepted->nendpoints;
	int err;

	while (e < end && (!to_tell(a, e) || has_bit(a->said, e->id)))
		e++;
	if (e == end)
		return false;
	err = dt_mptcp_announce(&pm->mptcp, a->token, e);
	if (err && ++a->tries < ANNOUNCE_TRIES)
		return true;
	if (err)
		dt_log_debug("cannot announce an address: %s (%s)", strerror(-err), pm->mptcp.commands.error);
	else
		pm->counters[DT_PM_ANNOUNCED] += !has_bit(a->told, e->id);
	bit_set(a->told, e->id, true);
	bit_set(a->said, e->id, true);
	a->tries = 0;
	return true;
}

/* All is said. False: and joined, or it was said often enough. */
static bool round_begin(struct accepted *a, uint64_t now_ns)
{
	bool heard = true;

	for (size_t i = 0; i < sizeof(a->said) / sizeof(a->said[0]); i++)
		heard = heard && !(a->said[i] & ~a->met[i]);
	if (heard || a->rounds++ >= ROUNDS)
		return false;
	memcpy(a->said, a->met, sizeof(a->said));
	a->again_ns = now_ns + ROUND_NS;
	return true;
}

static void rounds_restart(struct dt_accepted *all, struct accepted *a)
{
	a->rounds = 0;
	a->again_ns = 0;
	telling_set(all, a, true);
}

/* One word to each peer, then a pause. */
static void telling_due(uv_timer_t *timer)
{
	struct dt_pm *pm = timer->data;
	struct accepted *a, *tmp;
	uint64_t now_ns = dt_now_ns();

	if (!pm->accepted->telling)
		return;
	endpoints_read(pm);
	DL_FOREACH_SAFE(pm->accepted->telling, a, tmp)
		if (now_ns >= a->again_ns && !take_back(pm, a) && !announce(pm, a) && !round_begin(a, now_ns))
			telling_set(pm->accepted, a, false);
	if (pm->accepted->telling)
		dt_timer_arm(timer, telling_due, TELL_MS, 0);
}

static void telling_begin(struct dt_pm *pm)
{
	if (!uv_is_active((uv_handle_t *)&pm->accepted->timer))
		dt_timer_arm(&pm->accepted->timer, telling_due, 0, 0);
}

/* `ip mptcp endpoint` may have been used. */
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
	telling_begin(pm);
}

void dt_accepted_established(struct dt_pm *pm, const struct dt_mptcp_event *e)
{
	struct accepted *a = accepted_add(pm, e->token, &e->local);

	if (!a) {
		dt_log_err("out of memory: an accepted connection is not followed");
		return;
	}
	/* the inventory may have been faster; or the token is used again */
	a->local = e->local;
	memset(a->told, 0, sizeof(a->told));
	memset(a->said, 0, sizeof(a->said));
	memset(a->met, 0, sizeof(a->met));
	rounds_restart(pm->accepted, a);
	telling_begin(pm);
}

/* --- the limit --------------------------------------------------------------------------------- */

static void joined(struct dt_pm *pm, struct accepted *a, const struct dt_mptcp_event *e)
{
	struct dt_mptcp_limits limits;
	int err;

	a->joined++;
	bit_set(a->met, e->local_id, true);
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

	/* the kernel's own path manager looks after those it has */
	if (!(r->flags & DT_RECORD_USERSPACE_PM))
		return;
	a = accepted_find(pm, r->token);
	if (!a) {
		a = accepted_add(pm, r->token, &local);
		if (!a)
			return;
		/* an earlier run has told its peer */
		for (size_t i = 0; i < pm->accepted->nendpoints; i++)
			if (to_tell(a, &pm->accepted->endpoints[i]))
				bit_set(a->told, pm->accepted->endpoints[i].id, true);
		memcpy(a->said, a->told, sizeof(a->said));
	}
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
