/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers with which connections that asked for MPTCP are plain TCP, remembered for a while; and those that spoke it, to
 * tell what strips MPTCP on the way from a server that has none. Bounded; the oldest is forgotten first. Pure.
 */
#ifndef DETOURD_PM_FALLBACK_H
#define DETOURD_PM_FALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define DT_DESTINATIONS_MAX 256

enum dt_fallback {
	DT_FALLBACK_PLAIN,    /* the answer carried no MPTCP: the server has none, or something strips it */
	DT_FALLBACK_STRIPPED, /* the same, of a server that spoke MPTCP within the last hour */
	DT_FALLBACK_SYN_LOST, /* SYNs that ask for MPTCP get lost; one that did not came through */
	DT_FALLBACK_DISABLED, /* the kernel did not ask, after it had lost such SYNs (blackhole_timeout) */
	DT_FALLBACKS
};

struct dt_destination {
	struct dt_endpoint server;
	uint64_t seen_ns;  /* the last connection that fell back; 0: none did since it spoke MPTCP */
	uint64_t spoke_ns; /* 0: never; both 0: a free place */
	uint64_t connections[DT_FALLBACKS];
	enum dt_fallback last;
};

struct dt_destinations {
	struct dt_destination at[DT_DESTINATIONS_MAX];
};

/* A connection to this server fell back to TCP. *how may become DT_FALLBACK_STRIPPED. True: that was not known of it. */
bool dt_destination_fell_back(struct dt_destinations *all, const struct dt_endpoint *server, enum dt_fallback *how,
			      uint64_t now_ns);
/* A connection to this server is MPTCP: what was known is no longer so. */
void dt_destination_speaks(struct dt_destinations *all, const struct dt_endpoint *server, uint64_t now_ns);
/* In order, those that are known still; *next begins at 0. NULL: that was all. */
const struct dt_destination *dt_destination_next(const struct dt_destinations *all, size_t *next, uint64_t now_ns);
const char *dt_fallback_text(enum dt_fallback how);

#endif
