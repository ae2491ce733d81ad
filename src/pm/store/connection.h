/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of one MPTCP connection that this host opened. */
#ifndef DETOURD_PM_STORE_CONNECTION_H
#define DETOURD_PM_STORE_CONNECTION_H

#include "base/addr.h"
#include "base/hash.h"
#include "detourd/maps.h"
#include "net/mptcp_pm.h"
#include "pm/decide/ids.h"
#include "pm/decide/fading.h"
#include "pm/decide/liveness.h"
#include "pm/decide/pace.h"
#include "pm/decide/paths.h"
#include "pm/decide/rules.h"
#include "pm/store/converted.h"
#include "pm/store/marks.h"

struct dt_doubt;
struct dt_growing;
struct dt_leaving;
struct dt_pm;
struct dt_pm_relay;
struct dt_subflow;
struct dt_tally;
struct dt_watched;

/* Addresses kept of those that the server announced (ADD_ADDR). */
#define DT_ANNOUNCED_MAX 8

struct dt_announced {
	uint8_t id;
	struct dt_endpoint at;
};

struct dt_connection {
	struct dt_pm *pm;
	dt_mptcp_token token;
	uint64_t number;	  /* the id shown to users */
	struct dt_endpoint local; /* of the initial subflow */
	struct dt_endpoint remote;
	struct dt_endpoint server;		/* whom the application means: remote, unless that is a converter */
	char converter[DT_CONVERSION_NAME_LEN]; /* the relay that converts; "": none does */
	/*
	 * Local address of new subflows; unset: no route. It is local.ip, unless the host has lost that or its packets leave
	 * by another interface now.
	 */
	struct dt_ip source;
	/* interface by which packets of the initial subflow left when it was planned first; 0: unknown */
	uint32_t leaves_by;
	uint32_t device; /* index of the device it is bound to (SO_BINDTODEVICE), and so its subflows; 0: none */
	uint64_t since_ns;
	bool foreign;	 /* the kernel's path manager has it, since before we took over: left alone */
	bool has_origin; /* origin says who opened it; false: unknown */
	struct dt_origin origin;
	struct dt_subflow *subflows; /* additional ones */

	bool direct_established; /* the initial subflow is established */
	bool direct_backup;	 /* the server was told that the initial subflow is backup */
	struct dt_liveness direct_liveness;
	struct dt_pace direct_pace; /* since the policy's last tick */
	struct dt_fading direct_fading;
	bool backups_lifted; /* all that are not backup fade, so backups carry meanwhile */
	struct dt_path_memory direct_choice;
	char direct_note[DT_POLICY_REASON_MAX]; /* the last decision about it */
	struct dt_chooser chooser;
	enum dt_way way;	       /* in which most bytes moved when it was last looked at */
	uint64_t moved_down, moved_up; /* bytes, until then */
	struct dt_ids ids;
	uint64_t settled_ns; /* no join before this time, because a subflow has just ended */

	/* what its server does */
	bool deny_join_id0;	  /* it wants no joins to remote (C flag) */
	uint8_t refusals;	  /* joins refused in a row */
	unsigned server_took;	  /* most additional subflows that were established at once */
	unsigned server_limit;	  /* most additional subflows that it accepts */
	uint64_t server_limit_ns; /* server_limit holds until then; 0: no limit was met */
	struct dt_announced announced[DT_ANNOUNCED_MAX];
	size_t nannounced;

	unsigned inventory; /* number of the inventory that last saw it */
	bool direct_seen;   /* ... and that saw its initial subflow, too */

	/* each belongs to one module, which alone knows what is in it */
	struct dt_connection_marks todo;
	bool early; /* in the pm's list of those with a young detour: plan/choice.c */
	struct dt_connection *early_prev, *early_next;
	struct dt_growing *young;   /* events/young.c; not NULL: too young for detours */
	struct dt_watched *watched; /* events/watch.c; not NULL: something moves on it, */
	bool drowsy;		    /* or may receive more data soon */
	/* a path of it died: until its others move data, events/watch.c waits for that */
	struct dt_tally *gap_of;    /* whose path it was; NULL: none */
	uint64_t gap_since_ns;	    /* when that fell silent */
	uint64_t gap_died_ns;	    /* when it was given up */
	struct dt_doubt *doubt;	    /* events/lifetime.c; not NULL: it may have ended */
	struct dt_leaving *leaving; /* act/leave.c; not NULL: subflows given up are still open */
	uint64_t left_ns;	    /* act/leave.c: when REMOVE was last sent for one of its subflows */
	UT_hash_handle hh;
};

/* Its subflow is to be backup now: because that is wanted, because its path fades, or because it is new. */
bool dt_connection_backup_due(const struct dt_subflow *s);
struct dt_connection *dt_connection_find(const struct dt_pm *pm, dt_mptcp_token token);
/* This four-tuple is the initial subflow's. */
bool dt_connection_is_initial(const struct dt_connection *c, const struct dt_endpoint *local,
			      const struct dt_endpoint *remote);
/* It does not leave this host. */
bool dt_connection_stays_here(const struct dt_connection *c);
/* This host has the address now. */
bool dt_connection_is_at(const struct dt_connection *c, const struct dt_ip *ip);
/* A subflow is established. Without one the connection ends soon, or waits for a new one. */
bool dt_connection_has_subflow(const struct dt_connection *c);
/* A subflow is established whose local address is on a running interface. */
bool dt_connection_has_way(const struct dt_connection *c);
/* A subflow has just ended: no join for a while. */
void dt_connection_settle(struct dt_connection *c, uint64_t now_ns);
/* What the rules in force give it. */
struct dt_plan dt_connection_plan(const struct dt_connection *c);
/* Its detour over this relay, in any state; NULL: none. */
struct dt_subflow *dt_connection_detour(const struct dt_connection *c, const struct dt_pm_relay *relay);
/* A new additional subflow; relay NULL: plain. NULL: out of memory. Freed by dt_subflow_free() of act/end.h. */
struct dt_subflow *dt_connection_add(struct dt_connection *c, struct dt_pm_relay *relay);
/* The additional subflow with this four-tuple that is pending or established; NULL: none. */
struct dt_subflow *dt_connection_subflow(const struct dt_connection *c, const struct dt_endpoint *local,
					 const struct dt_endpoint *remote);
/* It has a young detour, or none any more: it is in, or out of, pm->early. */
void dt_connection_early_set(struct dt_connection *c, bool early);
/* Number of detours, pending or established. */
unsigned dt_connection_detours(const struct dt_connection *c);
/* ... that are established. */
unsigned dt_connection_detours_established(const struct dt_connection *c);
/* Number of subflows that an earlier run made, over a relay that is not known yet. */
unsigned dt_connection_unknown(const struct dt_connection *c);
/* Number of additional subflows that are established. */
unsigned dt_connection_established(const struct dt_connection *c);

#endif
