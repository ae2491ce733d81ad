/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question to a relay from this host, and what came of it. It changes nothing at the relay. */
#ifndef DETOURD_CLI_DOCTOR_REACH_H
#define DETOURD_CLI_DOCTOR_REACH_H

#include "base/addr.h"
#include "proto/keys.h"

enum dt_reach {
	DT_REACH_ANSWERED,    /* the relay knows this client */
	DT_REACH_NO_ROUTE,    /* nothing can be sent; error says why */
	DT_REACH_FORBIDDEN,   /* this host's own firewall does not let it out */
	DT_REACH_CLOSED,      /* the relay's host: nobody listens at this port */
	DT_REACH_REJECTED,    /* a firewall refuses it, see by */
	DT_REACH_UNREACHABLE, /* a router cannot deliver it, see by; this host itself if nobody answers in its network */
	DT_REACH_IGNORED,     /* no answer, but at the next port the relay's host says that nobody listens there */
	DT_REACH_FILTERED,    /* no answer at either port, but the host answers a ping */
	DT_REACH_SILENT,      /* nothing at all */
};

struct dt_reach_result {
	enum dt_reach reach;
	int error;	 /* NO_ROUTE: a negative errno */
	struct dt_ip by; /* who sent the ICMP error; unset: nobody */
};

/*
 * Sends PINGs without a token, to which a relay that knows the key answers with a token, and forgets it. Takes 4 s where
 * nobody answers. Needs CAP_NET_RAW to tell FILTERED from SILENT.
 */
void dt_reach_try(struct dt_reach_result *out, const struct dt_endpoint *relay, const struct dt_pair_keys *keys);

#endif
