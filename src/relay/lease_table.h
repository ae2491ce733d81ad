/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases: a client, at an address it has proven, may reach a server through a port of the relay. The BPF map holds
 * them; here is an index over it, built from the map at start.
 */
#ifndef DETOURD_RELAY_LEASE_TABLE_H
#define DETOURD_RELAY_LEASE_TABLE_H

#include "base/addr.h"

struct dt_lease_table;
struct dt_lease_entry {
	uint64_t client_id;
	struct dt_ip client; /* proven */
	struct dt_ip relay;  /* local NAT address */
	struct dt_endpoint server;
	uint16_t dpt;
	uint64_t expires_ns;
	uint64_t created_ns;
	uint32_t rtt_us; /* relay to server and back, measured by answers to SYNs; 0: not known */
	uint32_t resets; /* joins under this lease that the server refused by an RST */
};

/* Two requests with the same target are for the same lease. Padded by hand: it is hashed as bytes. */
struct dt_lease_target {
	uint64_t client_id;
	struct dt_ip client;
	struct dt_ip relay;
	struct dt_ip server;
	uint16_t rpt; /* the server's port */
	uint16_t pad[3];
};

struct dt_lease_target dt_lease_target_of(const struct dt_lease_entry *e);

/* Reads what the map holds. -ENOMEM, or the map's error. map_fd is borrowed. */
int dt_lease_table_new(struct dt_lease_table **out, int map_fd, unsigned max_leases, struct dt_port_range ports);
void dt_lease_table_free(struct dt_lease_table *l);
/* Called for each lease that ends, by its time or otherwise, while the table is in use. */
typedef void (*dt_lease_ended_fn)(const struct dt_lease_entry *e, void *data);
void dt_lease_table_on_end(struct dt_lease_table *l, dt_lease_ended_fn ended, void *data);
/* Takes a new configuration and ends leases on ports outside its range. Returns how many. */
size_t dt_lease_table_configure(struct dt_lease_table *l, unsigned max_leases, struct dt_port_range ports);

/*
 * Makes the lease, or extends the one that the same client, address, relay address and server have already. Fills
 * dpt, created_ns, rtt_us and resets of *e. -EDQUOT: the client or the relay has its maximum; -EADDRNOTAVAIL: no free port;
 * -ENOMEM; the map's error.
 */
int dt_lease_table_make(struct dt_lease_table *l, struct dt_lease_entry *e, unsigned client_max);
/*
 * Extends the client's lease of e->dpt to e->server, and moves it to e->client and e->relay if it is at other
 * addresses. -ENOENT: there is none; -EADDRINUSE: the port is taken at the new address; -EDQUOT: a reload lowered the
 * client's maximum below what it holds, and this lease is ended.
 */
int dt_lease_table_renew(struct dt_lease_table *l, struct dt_lease_entry *e, unsigned client_max);
/* A SYN under this lease was answered after rtt_us. A restart forgets it. */
void dt_lease_table_note_rtt(struct dt_lease_table *l, const struct dt_ip *client, const struct dt_endpoint *relay,
			     uint32_t rtt_us);
/* A join under this lease was refused by the server's RST. A restart forgets it. */
void dt_lease_table_note_reset(struct dt_lease_table *l, const struct dt_ip *client, const struct dt_endpoint *relay);
/* -ENOENT. */
int dt_lease_table_release(struct dt_lease_table *l, const struct dt_lease_entry *e);
/* Deletes expired leases; returns when the next one may expire. */
uint64_t dt_lease_table_expire(struct dt_lease_table *l, uint64_t now_ns);
/*
 * Deletes those for which doomed() says so, in steps: each ends with the first lease at or after until_ns. True: there is
 * more to do. Leases may come and go between steps; those that come are looked at, too. begin() drops a check that is not
 * over. *removed is raised by how many were deleted.
 */
void dt_lease_table_check_begin(struct dt_lease_table *l);
bool dt_lease_table_check_step(struct dt_lease_table *l, bool (*doomed)(const struct dt_lease_entry *e, void *data),
			       void *data, uint64_t until_ns, size_t *removed);
/* The same at once; returns how many. Drops a check that is not over. */
size_t dt_lease_table_remove_if(struct dt_lease_table *l, bool (*doomed)(const struct dt_lease_entry *e, void *data),
				void *data);

/* A port is free if no lease has it, at whatever addresses, and it is not reserved: leases get no reserved port. */
bool dt_lease_table_port_is_free(const struct dt_lease_table *l, uint16_t port);
void dt_lease_table_reserve(struct dt_lease_table *l, uint16_t port, bool reserved);
struct dt_port_range dt_lease_table_ports(const struct dt_lease_table *l);

size_t dt_lease_table_count(const struct dt_lease_table *l);
size_t dt_lease_table_count_client(const struct dt_lease_table *l, uint64_t client_id);

#endif
