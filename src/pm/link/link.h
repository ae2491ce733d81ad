/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A link's socket and timer: one UDP socket, which drives one state machine of proto/client_link.h. */
#ifndef DETOURD_PM_LINK_LINK_H
#define DETOURD_PM_LINK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "pm/store/relay.h"

/*
 * Called once for each event of the link, never from within dt_relay_link_flush(). event NULL: the relay has been silent
 * for so long that the link takes a new socket.
 */
typedef void (*dt_relay_link_news_fn)(struct dt_relay_link *link, const struct dt_client_link_event *event,
				      uint64_t now_ns);

/* Appends a link to the relay's. bound NULL: the primary link, whose address the kernel chooses. -ENOMEM. */
int dt_relay_link_open(struct dt_pm_relay *relay, const struct dt_ip *bound, const struct dt_endpoint *remote,
		       dt_relay_link_news_fn news);
/* Removes it from the relay's links at once. Calls closed() in a later turn of the loop, then frees it. */
void dt_relay_link_close(struct dt_relay_link *link, void (*closed)(struct dt_pm_relay *relay));
/* Sends what is due and arms the timer. To be called after every call that changes link->proto. */
void dt_relay_link_flush(struct dt_relay_link *link);
/* Replaces the socket: the kernel chooses its address again. */
void dt_relay_link_reopen(struct dt_relay_link *link, uint64_t now_ns);
/* Keeps the socket for its full time from now on: the link's state has just changed. */
void dt_relay_link_keep_socket(struct dt_relay_link *link, uint64_t now_ns);
/* The path MTU to the relay that the kernel knows, in bytes; 0: unknown. */
uint32_t dt_relay_link_path_mtu(const struct dt_relay_link *link);

#endif
