/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases and clients in the copying process: made, changed and ended as the daemon says. */
#ifndef DETOURD_CONVERT_LEASE_H
#define DETOURD_CONVERT_LEASE_H

#include "convert/channel.h"
#include "convert/state.h"

void dt_copy_client_set(struct dt_copier *copier, const struct dt_channel_message *m);
/* The daemon's answer: see convert/allowance.h. */
void dt_copy_client_grant(struct dt_copier *copier, const struct dt_channel_message *m);
/* Takes the socket: accepts what comes, or closes it if the message makes no sense. */
void dt_copy_lease_listen(struct dt_copier *copier, const struct dt_channel_message *m, int fd);
/* A connection to it is about to come: connects to its server already. */
void dt_copy_lease_syn(struct dt_copier *copier, const struct dt_channel_message *m);
/* Those that wait for max-new-flows have their turn. */
void dt_copy_leases_accept(struct dt_copier *copier);
/* Called now and then. */
void dt_copy_leases_tick(struct dt_copier *copier);
/* It takes no new connections. */
void dt_copy_lease_end(struct dt_copier *copier, const struct dt_endpoint *relay);
/* Its connections end at once, too. */
void dt_copy_lease_revoke(struct dt_copier *copier, const struct dt_endpoint *relay);
void dt_copy_leases_end(struct dt_copier *copier);
/* Closes those that are over and have no connection any more, and tells the daemon. */
void dt_copy_leases_reap(struct dt_copier *copier);
/* Tells a daemon that has just come everything it does not know. */
void dt_copy_leases_tell(struct dt_copier *copier);
/* Tells what changed of the clients' numbers. */
void dt_copy_clients_tell(struct dt_copier *copier);

#endif
