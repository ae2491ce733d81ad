/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases: (client, its proven address, server) -> a relay port. The BPF map is the truth; here is an index over it
 * that is built anew from the map at start.
 */
#ifndef DETOURD_RELAY_LEASES_H
#define DETOURD_RELAY_LEASES_H

#include "base/addr.h"

struct dt_leases;
struct dt_lease_entry {
	uint64_t client_id;
	struct dt_ip client; /* proven */
	struct dt_ip relay;  /* local NAT address */
	struct dt_endpoint server;
	uint16_t dpt;
	uint64_t expires_ns;
	uint64_t created_ns;
	uint32_t rtt_us; /* to the server and back, by the answers to SYNs; 0: not known */
};

/* Reads what the map holds. -ENOMEM, or the map's error. map_fd is borrowed. */
int dt_leases_new(struct dt_leases **out, int map_fd, unsigned max_leases, struct dt_port_range ports);
void dt_leases_free(struct dt_leases *l);
/* A new configuration; leases on ports outside the range are ended. Returns how many. */
size_t dt_leases_configure(struct dt_leases *l, unsigned max_leases, struct dt_port_range ports);

/*
 * Makes the lease, or extends the one there is for the same client, address, relay address and server. Fills
 * dpt, created_ns and rtt_us of *e. -EDQUOT client's or relay's number is reached, -EADDRNOTAVAIL no free port, map error.
 */
int dt_leases_make(struct dt_leases *l, struct dt_lease_entry *e, unsigned client_max);
/*
 * Extends the client's lease of e->dpt to e->server, moving it to e->client and e->relay if it is at another
 * address. -ENOENT: there is none; -EADDRINUSE: the port is taken at the new address; -EDQUOT: the client holds more
 * than it may since a reload, and this one is ended.
 */
int dt_leases_renew(struct dt_leases *l, struct dt_lease_entry *e, unsigned client_max);
/* Under this lease a SYN was answered after so long. Not kept over a restart. */
void dt_leases_note_rtt(struct dt_leases *l, const struct dt_ip *client, const struct dt_endpoint *relay,
			uint32_t rtt_us);
/* -ENOENT. */
int dt_leases_release(struct dt_leases *l, const struct dt_lease_entry *e);
/* Deletes the expired; returns when the next one may expire. */
uint64_t dt_leases_expire(struct dt_leases *l, uint64_t now_ns);
/* Deletes those for which doomed() says so; returns how many. */
size_t dt_leases_remove_if(struct dt_leases *l, bool (*doomed)(const struct dt_lease_entry *e, void *data), void *data);

size_t dt_leases_count(const struct dt_leases *l);
size_t dt_leases_count_client(const struct dt_leases *l, uint64_t client_id);

#endif
