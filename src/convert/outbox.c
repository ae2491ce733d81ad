/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/log.h"

#define WAITING_MAX 16384

struct letter {
	struct dt_channel_message message;
	int passed; /* borrowed */
	struct letter *prev, *next;
};

struct dt_outbox {
	int fd;
	struct letter *waiting;
	size_t count;
	unsigned long long lost;
};

int dt_outbox_new(struct dt_outbox **out)
{
	struct dt_outbox *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	o->fd = -1;
	*out = o;
	return 0;
}

static void letter_drop(struct dt_outbox *o, struct letter *l)
{
	DL_DELETE(o->waiting, l);
	o->count--;
	free(l);
}

void dt_outbox_connect(struct dt_outbox *o, int fd)
{
	struct letter *l, *tmp;

	o->fd = fd;
	if (fd >= 0)
		return;
	DL_FOREACH_SAFE(o->waiting, l, tmp)
		if (l->message.type != DT_CHANNEL_FLOW)
			letter_drop(o, l);
}

int dt_outbox_fd(const struct dt_outbox *o)
{
	return o->fd;
}

void dt_outbox_put(struct dt_outbox *o, const struct dt_channel_message *m, int passed)
{
	struct letter *l;

	if (o->fd < 0 && m->type != DT_CHANNEL_FLOW)
		return;
	l = o->count < WAITING_MAX ? malloc(sizeof(*l)) : NULL;
	if (!l) {
		o->lost++;
		return;
	}
	l->message = *m;
	l->passed = passed;
	DL_APPEND(o->waiting, l);
	o->count++;
}

bool dt_outbox_flush(struct dt_outbox *o)
{
	while (o->fd >= 0 && o->waiting) {
		if (dt_channel_send(o->fd, &o->waiting->message, o->waiting->passed) == -EAGAIN)
			return false;
		/* other errors: the daemon is gone, which its end of the socket says too */
		letter_drop(o, o->waiting);
	}
	if (o->fd >= 0 && o->lost) {
		dt_log_warn("converter: the daemon was away for too long, so lines of log-flows are missing lines=%llu",
			    o->lost);
		o->lost = 0;
	}
	return true;
}

struct dt_channel_message dt_outbox_message(const struct dt_copy_lease *lease, enum dt_channel_type type)
{
	struct dt_channel_message m;

	memset(&m, 0, sizeof(m));
	m.type = type;
	m.client_id = lease->client->id;
	m.client.ip = lease->allowed;
	m.relay = (struct dt_endpoint){lease->relay.ip, lease->relay.port};
	m.server = lease->server;
	m.special = lease->special;
	return m;
}
