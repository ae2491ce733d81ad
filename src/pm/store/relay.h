/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is known of a relay of the configuration and of its links. Updated by link/relays.c and link/link.c. */
#ifndef DETOURD_PM_STORE_RELAY_H
#define DETOURD_PM_STORE_RELAY_H

#include "base/addr.h"
#include "base/bucket.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/rules.h"
#include "proto/client_link.h"

struct dt_pm;
struct dt_pm_lease;
struct dt_pm_relay;
struct dt_pm_tunnel;
struct dt_tally;

/* One conversation with a relay, from one local address. */
struct dt_relay_link {
	struct dt_pm_relay *relay;
	struct dt_ip bound;	  /* the local address; unset: the kernel chooses one (the primary link) */
	struct dt_endpoint local; /* of its socket; port 0: not open */
	struct dt_endpoint remote;
	struct dt_client_link *proto;
	struct dt_pm_lease *leases;
	uint64_t used_ns; /* when a connection last needed it */
	struct dt_relay_link *prev, *next;
};

/* One [relay NAME]. */
struct dt_pm_relay {
	struct dt_pm *pm;
	const struct dt_relay_conf *conf;
	size_t index; /* in the relays of the configuration in force */
	struct dt_pair_keys keys;
	struct dt_client_session session;
	struct dt_relay_link *links; /* the first is the primary one; NULL while the name is unresolved */
	struct dt_pm_tunnel *tunnel; /* NULL: carrier = nat */
	uint64_t nat_blocked_ns; /* carrier = auto: use the tunnel until then, as joins through NAT were not answered */
	unsigned nat_unanswered; /* joins through its NAT that were not answered, since one was */
	char problem[128];	 /* why there is no link; "": there is one */
	struct dt_ip disbelieved; /* the last address that it named and that is not used; unset: none */
	struct dt_bucket log;	  /* link/relay_log.c */
	uint64_t log_suppressed;
	struct dt_tally *tally; /* borrowed */
	unsigned todo;		/* enum dt_relay_todo */
	struct dt_pm_relay *next;
};

/* So many unanswered joins in a row, while the relay itself answers, are no accident. */
#define DT_NAT_UNANSWERED_MAX 3

/* The relay with this index in the configuration; NULL: not open. */
struct dt_pm_relay *dt_pm_relay_at(const struct dt_pm *pm, size_t index);
enum dt_client_link_state dt_pm_relay_state(const struct dt_pm_relay *relay);
/* It will close soon, so it gets no new subflows. */
bool dt_pm_relay_draining(const struct dt_pm_relay *relay);
/* The carrier to use now, if a rule says this one; -1: the relay's own. AUTO becomes NAT or WIREGUARD. */
enum dt_carrier dt_pm_relay_carrier(const struct dt_pm_relay *relay, int carrier, uint64_t now_ns);

bool dt_relay_link_is_primary(const struct dt_relay_link *link);
/*
 * The link for connections from this local address; NULL: there is none yet. *remote: the relay's address for it. If
 * its port is 0, no link is possible, and *why says the reason (owned by the relay, or static).
 */
struct dt_relay_link *dt_relay_link_find(const struct dt_pm_relay *relay, const struct dt_ip *local,
					 struct dt_endpoint *remote, const char **why);
/* The relay's address to which subflows connect for a lease of this link. The port is the lease's. */
struct dt_ip dt_relay_link_nat_address(const struct dt_relay_link *link);

#endif
