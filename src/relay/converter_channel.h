/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The channel to the copying process: starting the process, finding the one of an earlier run, and noticing that it ended or
 * hangs. What is said is in convert/channel.h; what it means for leases is relay/converters.h's.
 */
#ifndef DETOURD_RELAY_CONVERTER_CHANNEL_H
#define DETOURD_RELAY_CONVERTER_CHANNEL_H

#include <uv.h>

#include "convert/channel.h"

struct dt_converter_channel_events {
	void (*message)(const struct dt_channel_message *m, void *data);
	/* The found process has this lease, m->relay, since an earlier run. fd: its listening socket, now the callee's; or -1. */
	void (*has)(const struct dt_channel_message *m, int fd, void *data);
	/* The process ended by itself, or hung and was killed. The channel is closed. */
	void (*gone)(void *data);
};

struct dt_converter_channel {
	uv_loop_t *loop;
	uv_poll_t *poll; /* NULL: no process */
	int fd;
	uv_timer_t *heart;
	uint64_t beat_ns; /* the last one */
	unsigned silent;  /* beats since the process said something */
	const struct dt_converter_channel_events *events;
	void *data;
};

/* Opens nothing yet. -ENOMEM; dt_converter_channel_fini() is due in any case. */
int dt_converter_channel_init(struct dt_converter_channel *ch, uv_loop_t *loop,
			      const struct dt_converter_channel_events *events, void *data);
/* Leaves the process to the next run. What the loop holds is freed in a later turn. */
void dt_converter_channel_fini(struct dt_converter_channel *ch);

/* Starts a process. Negative errno. */
int dt_converter_channel_start(struct dt_converter_channel *ch);
/*
 * Finds the process of an earlier run, and waits for what it says of itself. -ENOENT, -ECONNREFUSED: there is none. On any
 * other error the channel is closed again, and the process was killed (it is silent), or told to finish what it has.
 */
int dt_converter_channel_find(struct dt_converter_channel *ch);
bool dt_converter_channel_is_open(const struct dt_converter_channel *ch);
/* As dt_channel_send(). */
int dt_converter_channel_send(struct dt_converter_channel *ch, struct dt_channel_message *m, int passed);
/* The process goes on. */
void dt_converter_channel_close(struct dt_converter_channel *ch);

/* Ends a process that an earlier run left behind in this network namespace, and waits until it has ended. */
void dt_converter_channel_flush(void);

#endif
