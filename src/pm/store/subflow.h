/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of one additional subflow of a connection, that is any but the initial one. */
#ifndef DETOURD_PM_STORE_SUBFLOW_H
#define DETOURD_PM_STORE_SUBFLOW_H

#include <net/if.h>
#include <uv.h>

#include "base/addr.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/fading.h"
#include "pm/decide/liveness.h"
#include "pm/decide/pace.h"
#include "pm/decide/paths.h"

struct dt_connection;
struct dt_pm_lease;
struct dt_pm_relay;

enum dt_subflow_state {
	DT_SUBFLOW_IDLE,     /* not joined; may_try_ns says when it may */
	DT_SUBFLOW_WAITING,  /* for its lease */
	DT_SUBFLOW_SETTLING, /* joins at the connection's settled_ns */
	DT_SUBFLOW_PENDING,  /* SYN sent */
	DT_SUBFLOW_ESTABLISHED,
};

/* How a subflow last ended, for `why`. */
enum dt_subflow_end {
	DT_END_NONE,
	DT_END_REFUSED, /* the server answered the join with RST, or closed the subflow right after it */
	DT_END_TIMEOUT, /* no answer to the join */
	DT_END_CLOSED,
	DT_END_ERROR,	 /* the kernel refused the command: see error */
	DT_END_DEAD,	 /* closed by us: it no longer answered */
	DT_END_LATE,	 /* closed by us: data came late by it again and again */
	DT_END_ADDRESS,	 /* closed by us: its local address is gone */
	DT_END_LED_AWAY, /* closed by us: its packets leave by an interface that does not have its address */
	DT_END_REPLACED, /* closed by us: the policy prefers another relay */
};

/*
 * Either over a relay (a detour; at most one for each connection and relay), or plain: in place of the initial one,
 * from another interface, or to an address that the server announced.
 */
struct dt_subflow {
	struct dt_connection *connection;
	struct dt_pm_relay *relay;   /* NULL: plain */
	bool unknown;		     /* made by an earlier run, over a relay that is not known yet */
	char interface[IF_NAMESIZE]; /* plain, and from another interface than the connection's; else "" */
	struct dt_ip source;	     /* plain: local address */
	struct dt_endpoint server;   /* the server's end, whether reached over a relay or not */
	struct dt_pm_lease *lease;
	enum dt_carrier carrier; /* of the last join: NAT, WIREGUARD or DIRECT */
	enum dt_subflow_state state;
	enum dt_subflow_end end;
	int error;
	bool backup_wanted; /* by the configuration or the policy */
	bool backup;	    /* the server was told that it is backup */
	bool unlisted;	    /* just joined: backup until the server has surely listed it, see act/join.c */
	bool untold;	    /* it began as backup for that, and the server may have missed that it is no longer */
	uint8_t id;
	struct dt_endpoint local;
	struct dt_endpoint remote;
	uint64_t since_ns;  /* of this state */
	uint64_t wanted_ns; /* when the join, or its lease, was asked for; 0: by an earlier run */
	struct dt_liveness liveness;
	struct dt_pace pace; /* since the policy's last tick */
	struct dt_fading fading;
	struct dt_path_memory choice;
	char note[DT_POLICY_REASON_MAX]; /* the last decision about it */
	uint64_t backoff_ns;
	uint64_t may_try_ns;
	unsigned inventory;			    /* number of the inventory that last saw it */
	uv_timer_t timer;			    /* armed by act/join.c and act/end.c, by its state */
	struct dt_subflow *prev, *next;		    /* in the connection's list */
	struct dt_subflow *lease_prev, *lease_next; /* in the lease's list */
};

/* Pending or established. */
bool dt_subflow_is_under_way(const struct dt_subflow *s);
/* Moves it to this lease's list; NULL: to none. */
void dt_subflow_lease_set(struct dt_subflow *s, struct dt_pm_lease *lease);
const char *dt_subflow_end_word(enum dt_subflow_end end);
/* "direct", "unknown", or the relay's name. */
const char *dt_subflow_via(const struct dt_subflow *s);

#endif
