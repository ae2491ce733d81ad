/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What feeds `detourd top`: questions to the daemon and its events, without waiting for either. */
#ifndef DETOURD_CLI_TOP_FEED_H
#define DETOURD_CLI_TOP_FEED_H

#include <poll.h>

#include "cli/options.h"
#include "cli/top/model.h"

struct dt_top_feed;

/* options is borrowed. The program ends where memory does. */
struct dt_top_feed *dt_top_feed_new(const struct dt_options *options);
void dt_top_feed_free(struct dt_top_feed *f);
/*
 * Asks for the so many fastest connections, and (not 0) for one by its number, unless the last question is not answered
 * yet. Follows the events, too. What goes wrong goes into m.
 */
void dt_top_feed_ask(struct dt_top_feed *f, struct dt_top_model *m, size_t connections, json_int_t id, uint64_t now_ms);
/* Fills two. */
void dt_top_feed_poll(const struct dt_top_feed *f, struct pollfd fds[2]);
/* Reads what there is; events only if told to. True: m has changed. */
bool dt_top_feed_read(struct dt_top_feed *f, struct dt_top_model *m, bool events, uint64_t now_ms);

#endif
