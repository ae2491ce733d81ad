/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One short conversation with a relay by its protocol, without a daemon. */
#ifndef DETOURD_CLI_TALK_H
#define DETOURD_CLI_TALK_H

#include "base/addr.h"
#include "proto/message.h"

struct dt_talk {
	uint8_t reason;	 /* enum dt_reason */
	uint32_t rtt_us; /* 0: not known */
	bool converts;	 /* the relay said that it converts for this client */
};

/*
 * Asks the relay, with these keys; ask NULL: whether it is up. 0: it answered, out is filled. -ETIMEDOUT: silence, for
 * DT_LINK_GIVE_UP_MS; -ECONNREFUSED: nothing but ICMP errors, nothing listens there; -ENETUNREACH and others of sending.
 */
int dt_talk(const struct dt_endpoint *relay, const struct dt_pair_keys *keys, const struct dt_message *ask,
	    struct dt_talk *out);

#endif
