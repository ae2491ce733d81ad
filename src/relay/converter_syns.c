/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/converter_syns.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"

static int syn_take(void *data, void *event, size_t size)
{
	struct dt_converter_syns *s = data;

	if (size >= sizeof(struct dt_converter_syn))
		s->taken(event, s->data);
	return 0;
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct dt_converter_syns *s = poll->data;

	dt_poll_resume(poll, status, readable);
	ring_buffer__consume(s->ring);
}

void dt_converter_syns_watch(struct dt_converter_syns *s, uv_loop_t *loop, int fd, dt_converter_syn_fn taken,
			     void *data)
{
	int err;

	s->taken = taken;
	s->data = data;
	s->ring = ring_buffer__new(fd, syn_take, s, NULL);
	s->poll = s->ring ? calloc(1, sizeof(*s->poll)) : NULL;
	err = s->poll ? uv_poll_init(loop, s->poll, ring_buffer__epoll_fd(s->ring)) : -ENOMEM;
	if (err == 0) {
		s->poll->data = s;
		uv_poll_start(s->poll, UV_READABLE, readable);
		return;
	}
	dt_log_warn("converter: connects to servers late: %s", strerror(-err));
	free(s->poll);
	s->poll = NULL;
}

void dt_converter_syns_close(struct dt_converter_syns *s)
{
	if (s->poll) {
		uv_poll_stop(s->poll);
		uv_close((uv_handle_t *)s->poll, dt_handle_free);
	}
	ring_buffer__free(s->ring);
}
