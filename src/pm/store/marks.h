/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The marks that store/todo.h sets and takes, and where they are kept. */
#ifndef DETOURD_PM_STORE_MARKS_H
#define DETOURD_PM_STORE_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dt_connection;
struct dt_pm_lease;

enum dt_connection_todo {
	DT_CONNECTION_PLAN = 1 << 0,  /* subflows that it should have may be missing */
	DT_CONNECTION_LEAVE = 1 << 1, /* it has another subflow now, so those kept only until then may end */
};

enum dt_relay_todo {
	DT_RELAY_STIR = 1 << 0,	 /* it may have lost its flows */
	DT_RELAY_DOWN = 1 << 1,	 /* it stopped answering */
	DT_RELAY_BACK = 1 << 2,	 /* it answers again after a silence */
	DT_RELAY_RETRY = 1 << 3, /* joins that failed over it may work now */
	DT_RELAY_DRAIN = 1 << 4, /* it announced that it will close */
};

enum dt_lease_todo {
	DT_LEASE_CHANGED = 1 << 0, /* granted, refused, moved to another port, or gone */
	DT_LEASE_STIR = 1 << 1,	   /* the relay no longer knows it */
};

enum dt_host_todo {
	DT_HOST_NETWORK = 1 << 0,  /* links, addresses or routes changed */
	DT_HOST_RETURNED = 1 << 1, /* ... and interfaces, or their routes, came back */
	DT_HOST_RULES = 1 << 2,	   /* the configuration was replaced */
};

/* The marks of one connection. In the list while flags is not 0. */
struct dt_connection_marks {
	unsigned flags; /* enum dt_connection_todo */
	struct dt_connection *prev, *next;
};

/* The marks of one lease. In the list while flags is not 0. */
struct dt_lease_marks {
	unsigned flags; /* enum dt_lease_todo */
	struct dt_pm_lease *prev, *next;
};

/* More interfaces at once are ignored: what hangs over them waits for the kernel's own retransmissions. */
#define DT_RETURNS_MAX 16

/* An interface that came back, or got another route. */
struct dt_return {
	uint32_t ifindex;
	uint64_t lost_ns; /* when it, or its route, was lost; 0: it was not there before */
};

struct dt_todo {
	unsigned host;				  /* enum dt_host_todo */
	struct dt_return returns[DT_RETURNS_MAX]; /* those of DT_HOST_RETURNED */
	size_t nreturns;
	bool relays; /* one of them has marks */
	struct dt_pm_lease *leases;
	struct dt_connection *connections;
	unsigned nconnections;
};

#endif
