/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One join through a relay's NAT, to see whether its lease ports can be reached and its way to a server is open. */
#ifndef DETOURD_CLI_DOCTOR_JOIN_H
#define DETOURD_CLI_DOCTOR_JOIN_H

#include "base/addr.h"
#include "proto/keys.h"

enum dt_join {
	DT_JOIN_UNTRIED,  /* the relay did not answer, or something is missing here */
	DT_JOIN_NO_LEASE, /* the relay refused, see reason */
	DT_JOIN_ANSWERED,
	DT_JOIN_SILENT,
};

struct dt_join_result {
	enum dt_join join;
	uint8_t reason;	       /* enum dt_reason */
	struct dt_endpoint at; /* the lease's address and port */
};

/*
 * Asks the relay for the lease to this server, which is the daemon's own if it has one, and sends SYNs with an MP_JOIN of
 * no connection: whatever answers (the server resets it) shows that the way is open. Takes 3 s where nothing answers, and
 * for some minutes one of the eight sessions that the relay grants a key. Needs CAP_NET_RAW.
 */
void dt_join_try(struct dt_join_result *out, const struct dt_endpoint *relay, const struct dt_pair_keys *keys,
		 const struct dt_endpoint *server);

#endif
