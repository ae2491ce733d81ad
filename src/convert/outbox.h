/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages to the daemon. They wait here while it is away or busy. */
#ifndef DETOURD_CONVERT_OUTBOX_H
#define DETOURD_CONVERT_OUTBOX_H

#include "convert/channel.h"
#include "convert/state.h"

struct dt_outbox;

/* -ENOMEM. */
int dt_outbox_new(struct dt_outbox **out);
/* The daemon's end from now on; -1: it is away. Messages about connections wait, others are dropped. */
void dt_outbox_connect(struct dt_outbox *o, int fd);
int dt_outbox_fd(const struct dt_outbox *o);
/* Puts a copy into the queue. If that is full, the message is lost, and counted in the log when there is room again. */
void dt_outbox_put(struct dt_outbox *o, const struct dt_channel_message *m, int passed);
/* Sends what can be sent now. False: more waits for room. */
bool dt_outbox_flush(struct dt_outbox *o);
/* A message about a lease, with its client's id and address, its socket's address and its server. */
struct dt_channel_message dt_outbox_message(const struct dt_copy_lease *lease, enum dt_channel_type type);

#endif
