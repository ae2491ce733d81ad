/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The relay's UDP sockets: datagrams in, with the address they were sent to; replies out from that address. */
#ifndef DETOURD_RELAY_LISTENER_H
#define DETOURD_RELAY_LISTENER_H

#include <uv.h>

#include "base/addr.h"
#include "detourd/wire.h"

struct dt_listener;

/* Handles one datagram from `from` to local address `to`; writes the reply and returns its length, 0: none. */
typedef size_t (*dt_listener_fn)(void *data, const struct dt_endpoint *from, const struct dt_ip *to, const uint8_t *in,
				 size_t len, uint8_t *reply);

/*
 * Binds and starts reading. -EADDRINUSE, -EADDRNOTAVAIL, -EAFNOSUPPORT (no such family here) and others of
 * socket and bind. fn is called from the loop.
 */
int dt_listener_open(struct dt_listener **out, uv_loop_t *loop, const struct dt_endpoint *at, dt_listener_fn fn,
		     void *data);
/* Freed once the loop turns. May be NULL. */
void dt_listener_close(struct dt_listener *l);

#endif
