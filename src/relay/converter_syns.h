/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections that begin at a converter's port, as nat.bpf reports them: so the relay connects to the server before the
 * client's connection is accepted, a round trip sooner.
 */
#ifndef DETOURD_RELAY_CONVERTER_SYNS_H
#define DETOURD_RELAY_CONVERTER_SYNS_H

#include <uv.h>

#include "detourd/maps.h"

typedef void (*dt_converter_syn_fn)(const struct dt_converter_syn *syn, void *data);

struct dt_converter_syns {
	struct ring_buffer *ring; /* NULL: none */
	uv_poll_t *poll;
	dt_converter_syn_fn taken;
	void *data;
};

/* fd: of the ring buffer's map. Warns if it fails: the relay then connects to servers once a connection is accepted. */
void dt_converter_syns_watch(struct dt_converter_syns *s, uv_loop_t *loop, int fd, dt_converter_syn_fn taken,
			     void *data);
/* What the loop holds is freed in a later turn. */
void dt_converter_syns_close(struct dt_converter_syns *s);

#endif
