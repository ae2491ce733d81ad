/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The converter leases: an index of what the pinned map has, a listening MPTCP socket for each, and what each client holds.
 * Nothing here knows of the copying process; who tells it goes by is_told.
 */
#ifndef DETOURD_RELAY_CONVERTER_LEASES_H
#define DETOURD_RELAY_CONVERTER_LEASES_H

#include "base/hash.h"
#include "detourd/wire.h"
#include "relay/converter_closed.h"
#include "relay/lease_table.h"
#include "relay/rate_grant.h"

/* What the copying process counted for a client. */
struct dt_converter_totals {
	uint32_t connections;	       /* open */
	uint64_t refused;	       /* for a limit */
	uint64_t bytes_up, bytes_down; /* payload */
	uint64_t up_bps, down_bps;     /* payload bits a second, between the last two sweeps; not the process's word */
};
/* What a client may have open; members as in struct dt_client_limits. */
struct dt_converter_limits {
	uint32_t max_connections, max_new;
	uint64_t rate;
};

struct dt_converter_lease {
	struct dt_lease_target target;
	struct dt_converter_key key;
	int fd; /* -1: over */
	bool special, is_over, is_revoked;
	bool is_told; /* the process knows it as it is */
	uint64_t expires_ns, created_ns;
	enum dt_convert_outcome outcome;
	uint32_t rtt_us;
	UT_hash_handle by_key, by_target;
};

/* How fast a client's bytes move: from what was counted at the last two looks. */
struct dt_converter_rates {
	uint64_t bytes_up, bytes_down, at_ns; /* at_ns 0: never looked */
	uint64_t up_bps, down_bps;
};

struct dt_converter_client {
	uint64_t id;
	struct dt_converter_limits limits;
	bool is_told;
	size_t leases;
	struct dt_converter_totals totals;
	struct dt_converter_rates rates;
	uint64_t limited_ns; /* a connection was reset for a limit; 0: none */
	struct dt_rate_reserve reserve;
	UT_hash_handle hh;
};

struct dt_converter_leases {
	int map_fd;
	struct dt_lease_table *ports;
	struct dt_converter_lease *by_key, *by_target; /* those that are over are in by_key only */
	struct dt_converter_client *clients;
	struct dt_converter_closed_ports closed;
};

/* NULL: this client has had none. */
struct dt_converter_client *dt_converter_client_find(const struct dt_converter_leases *l, uint64_t id);
/* Made where it is missing. */
struct dt_converter_client *dt_converter_client_get(struct dt_converter_leases *l, uint64_t id);

/* Looks at what each client has moved, for its rates. */
void dt_converter_clients_rate(struct dt_converter_leases *l, uint64_t now_ns);

/* By its port. NULL: there is none. */
struct dt_converter_lease *dt_converter_lease_at(const struct dt_converter_leases *l, const struct dt_endpoint *relay);
/* By who asks for it. NULL: there is none that takes connections. */
struct dt_converter_lease *dt_converter_lease_of(const struct dt_converter_leases *l, const struct dt_lease_entry *e);
/* Address and port of its socket. */
struct dt_endpoint dt_converter_lease_relay(const struct dt_converter_lease *lease);
struct dt_lease_entry dt_converter_lease_entry(const struct dt_converter_lease *lease);
/* Makes it, with a random free port. -EADDRNOTAVAIL, or what socket(2), bind(2) or the map said. */
int dt_converter_lease_make(struct dt_converter_leases *l, const struct dt_lease_entry *e,
			    struct dt_converter_lease **out);
/*
 * Takes over what the map says about this port, with the socket, if it is one of that port.
 * -ENOENT: the map has none, or the socket is another's; fd is closed in any case but success.
 */
int dt_converter_lease_adopt(struct dt_converter_leases *l, const struct dt_endpoint *relay, int fd, bool special);
/* Writes the map. */
int dt_converter_lease_store(const struct dt_converter_leases *l, const struct dt_converter_lease *lease);
/* It takes no new connections from now on. Its socket here is closed; the process has its own. */
void dt_converter_lease_over(struct dt_converter_leases *l, struct dt_converter_lease *lease);
/* Its port stays closed for a while, if that can be; else its entry of the map goes too. */
void dt_converter_lease_free(struct dt_converter_leases *l, struct dt_converter_lease *lease);
/* All of them. */
void dt_converter_leases_drop(struct dt_converter_leases *l);
/* Deletes from the map what is not here. Negative errno of the map. */
int dt_converter_leases_prune(struct dt_converter_leases *l);
/* Frees the memory and closes the sockets, with those of closed ports; the map stays. */
void dt_converter_leases_fini(struct dt_converter_leases *l);

#endif
