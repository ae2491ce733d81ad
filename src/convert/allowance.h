/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes that a client's connections may copy now. max-rate is one for them and for its flows; nat.bpf keeps it. So the
 * copying process asks the daemon for some in advance, which takes them there. While the daemon is away or does not answer,
 * what is copied has max-rate to itself.
 */
#ifndef DETOURD_CONVERT_ALLOWANCE_H
#define DETOURD_CONVERT_ALLOWANCE_H

#include "convert/channel.h"
#include "convert/state.h"

/* How many in this direction; asks for more before they are used up. Who copies takes them from c->tokens. */
int64_t dt_allowance(struct dt_copier *copier, struct dt_copy_client *c, enum dt_flow_dir dir);
void dt_allowance_granted(struct dt_copy_client *c, const struct dt_channel_message *m);
/* A question to an earlier run of the daemon gets no answer. */
void dt_allowance_forget(struct dt_copy_client *c);

#endif
