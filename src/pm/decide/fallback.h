/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Remembers for an hour servers with which connections fell back to TCP. Also those with which MPTCP worked: if one
 * falls back later, something on the way strips MPTCP, and the server is not the cause. Bounded; the oldest entry is
 * replaced first. Pure.
 */
#ifndef DETOURD_PM_DECIDE_FALLBACK_H
#define DETOURD_PM_DECIDE_FALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define DT_DESTINATIONS_MAX 256

enum dt_fallback {
	DT_FALLBACK_PLAIN,    /* SYN-ACK without MP_CAPABLE: the server has no MPTCP, or something strips it */
	DT_FALLBACK_STRIPPED, /* the same, from a server that spoke MPTCP within the last hour */
	DT_FALLBACK_SYN_LOST, /* SYNs with MP_CAPABLE were lost; one without it was answered */
	DT_FALLBACK_DISABLED, /* the kernel sent no MP_CAPABLE, as such SYNs were lost before (blackhole_timeout) */
	DT_FALLBACKS
};

struct dt_destination {
	struct dt_endpoint server;
	uint64_t seen_ns;  /* when a connection last fell back; 0: none did since it spoke MPTCP */
	uint64_t spoke_ns; /* when it last spoke MPTCP; 0: never. Both 0: this entry is free */
	uint64_t connections[DT_FALLBACKS];
	enum dt_fallback last;
};

struct dt_destinations {
	struct dt_destination at[DT_DESTINATIONS_MAX];
};

/* A connection to this server fell back to TCP. *how may become DT_FALLBACK_STRIPPED. True: this is new for it. */
bool dt_destination_fell_back(struct dt_destinations *all, const struct dt_endpoint *server, enum dt_fallback *how,
			      uint64_t now_ns);
/* A connection to this server is MPTCP. Forgets earlier fallbacks. */
void dt_destination_speaks(struct dt_destinations *all, const struct dt_endpoint *server, uint64_t now_ns);
/* Iterates over the servers with fallbacks in the last hour. *next starts at 0. NULL: no more. */
const struct dt_destination *dt_destination_next(const struct dt_destinations *all, size_t *next, uint64_t now_ns);
const char *dt_fallback_text(enum dt_fallback how);

#endif
