/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The relay's WireGuard device and its peers. A peer is a client's key of one run, with an address of each family that
 * the device lets by for it alone; the right of those addresses to open flows are leases in the BPF map, as for NAT,
 * so that a restart finds both again: device and map.
 */
#ifndef DETOURD_RELAY_TUNNELS_H
#define DETOURD_RELAY_TUNNELS_H

#include "base/key.h"
#include "net/wireguard.h"
#include "proto/message.h"

struct dt_tunnels;

/* The WireGuard key of a relay: derived from its own, so that it outlives restarts and needs no file. */
void dt_tunnels_secret(uint8_t out[DT_KEY_LEN], const uint8_t relay_secret[DT_KEY_LEN]);

/*
 * Makes or adopts the device and takes stock of its peers: those without a living lease are removed. source4 and
 * source6 (unset: the family is not served) are what servers see. Logs why it failed.
 */
int dt_tunnels_open(struct dt_tunnels **out, const char *device, uint16_t port, const uint8_t relay_secret[DT_KEY_LEN],
		    int leases_fd, uint64_t now_ns);
/* Leaves device, peers and leases to the next run. May be NULL. */
void dt_tunnels_close(struct dt_tunnels *t);
uint32_t dt_tunnels_ifindex(const struct dt_tunnels *t);
/* What the smallest route to clients carries, 0: not known. The device's MTU follows, so that nothing is fragmented. */
void dt_tunnels_route_mtu(struct dt_tunnels *t, uint32_t mtu);
/* What servers see from now on, for leases made or extended. Unset: none of this family. */
void dt_tunnels_sources(struct dt_tunnels *t, const struct dt_ip *source4, const struct dt_ip *source6);

/*
 * The peer asked.key of this client, made or extended until expires_ns; given is what the reply says. Proposed addresses
 * are taken if they are free, else others are given. -EDQUOT: more than max peers of this client.
 */
int dt_tunnels_ask(struct dt_tunnels *t, uint64_t client_id, const struct dt_tunnel *asked, unsigned max,
		   uint64_t now_ns, uint64_t expires_ns, struct dt_tunnel *given);
/* Is the peer asked for there already? */
bool dt_tunnels_has(const struct dt_tunnels *t, uint64_t client_id, const uint8_t key[DT_KEY_LEN]);
/* -ENOENT. */
int dt_tunnels_end(struct dt_tunnels *t, uint64_t client_id, const uint8_t key[DT_KEY_LEN]);
void dt_tunnels_expire(struct dt_tunnels *t, uint64_t now_ns);
/* Ends the peers of clients for which keep says no. */
void dt_tunnels_keep_if(struct dt_tunnels *t, bool (*keep)(uint64_t client_id, void *data), void *data);
size_t dt_tunnels_count(const struct dt_tunnels *t, uint64_t client_id);
/* --flush: removes a device of ours of that name, if there is one. */
void dt_tunnels_flush(const char *device, uint16_t port, const uint8_t relay_secret[DT_KEY_LEN]);

#endif
