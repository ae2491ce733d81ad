/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The relay's WireGuard device and its peers. A peer is the key of one run of a client, with an address of each
 * family that the device accepts from this peer alone. That these addresses may open flows is said by leases in the
 * BPF map, as for NAT. So a restart finds everything again: peers in the device, their owners and times in the map.
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
 * Makes the device or takes over the last run's, and reads its peers: those whose lease has expired are removed. Logs
 * why it failed.
 */
int dt_tunnels_open(struct dt_tunnels **out, const char *device, uint16_t port, const uint8_t relay_secret[DT_KEY_LEN],
		    int leases_fd, uint64_t now_ns);
/* Leaves device, peers and leases to the next run. May be NULL. */
void dt_tunnels_close(struct dt_tunnels *t);
/*
 * Is the filter on the device? To be told every few seconds. Without the filter whatever clients send would reach this host,
 * and the networks behind it, so the device is set down until it has one.
 */
void dt_tunnels_guard(struct dt_tunnels *t, bool guarded);
uint32_t dt_tunnels_ifindex(const struct dt_tunnels *t);
/* Bytes that the smallest route to clients carries, 0: not known. The device's MTU follows it. */
void dt_tunnels_route_mtu(struct dt_tunnels *t, uint32_t route_mtu);
/*
 * The addresses that servers see from now on. Unset: tunnels do not carry this family, and clients get no address of it.
 * Logs if none is set.
 */
void dt_tunnels_sources(struct dt_tunnels *t, const struct dt_ip *source4, const struct dt_ip *source6);

/*
 * Makes the peer asked->key of this client, or extends it, until expires_ns; given is what the reply says. Proposed
 * addresses are given if they are free, else others; of a family that is not carried none. The peer is of this session
 * from now on. -EEXIST: another client's key; -EDQUOT: the client has max peers; -EADDRNOTAVAIL: no address is free;
 * -ENETUNREACH: no family is carried; -ENOMEM; errors of the device.
 */
int dt_tunnels_ask(struct dt_tunnels *t, uint64_t client_id, const uint8_t session[DT_SESSION_LEN],
		   const struct dt_tunnel *asked, unsigned max, uint64_t now_ns, uint64_t expires_ns,
		   struct dt_tunnel *given);
/* Ends the first peer of this client whose session is over. False: none is. Of peers from before a restart none is known. */
bool dt_tunnels_end_over(struct dt_tunnels *t, uint64_t client_id,
			 bool (*over)(const uint8_t session[DT_SESSION_LEN], void *data), void *data);
/* Does the client have this peer? */
bool dt_tunnels_has(const struct dt_tunnels *t, uint64_t client_id, const uint8_t key[DT_KEY_LEN]);
/* -ENOENT. */
int dt_tunnels_end(struct dt_tunnels *t, uint64_t client_id, const uint8_t key[DT_KEY_LEN]);
void dt_tunnels_expire(struct dt_tunnels *t, uint64_t now_ns);
/* Ends the peers of clients for which keep says no. */
void dt_tunnels_keep_if(struct dt_tunnels *t, bool (*keep)(uint64_t client_id, void *data), void *data);
size_t dt_tunnels_count(const struct dt_tunnels *t, uint64_t client_id);
/* --flush: removes the device of that name, if there is one. Logs why it failed. */
int dt_tunnels_flush(const char *device, uint16_t port, const uint8_t relay_secret[DT_KEY_LEN]);

#endif
