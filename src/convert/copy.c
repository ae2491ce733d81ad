/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert/copy.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "convert/allowance.h"

#define SCRATCH (256 << 10) /* shared: no connection has a buffer while its receiver keeps up */
#define TURN (1 << 20)	    /* bytes of one direction in a turn, so that others have theirs */
#define HELD_MAX (64 << 20) /* bytes that a client's receivers leave here, beyond that they get little at a time */
#define HELD_STEP 4096
#define DRAIN_MAX_NS (60 * DT_SEC) /* so long without an acknowledgement */

static uint8_t scratch[SCRATCH];

void dt_copy_held_drop(struct dt_copy_pair *p, struct dt_copy_side *s)
{
	p->lease->client->held -= s->held_len;
	free(s->held);
	s->held = NULL;
	s->held_at = s->held_len = 0;
}

/* Keeps what did not fit. False: out of memory. */
static bool hold(struct dt_copy_pair *p, struct dt_copy_side *to, const uint8_t *data, size_t len)
{
	to->held = malloc(len);
	if (!to->held)
		return false;
	memcpy(to->held, data, len);
	to->held_at = 0;
	to->held_len = (uint32_t)len;
	p->lease->client->held += len;
	return true;
}

/* Bytes that the socket took, 0: none now. */
static size_t put(struct dt_copy_side *to, const uint8_t *data, size_t len)
{
	ssize_t sent = send(to->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent >= 0)
		return (size_t)sent;
	if (errno == EAGAIN || errno == EINTR || errno == ENOBUFS || errno == ENOMEM)
		to->writable = false;
	else
		to->failed = to->readable = true; /* what it sent before is still to be read */
	return 0;
}

/* True: nothing is held any more. */
static bool held_put(struct dt_copy_pair *p, struct dt_copy_side *to)
{
	uint32_t len = to->held_len - to->held_at;

	if (!to->held)
		return true;
	to->held_at += (uint32_t)put(to, to->held + to->held_at, len);
	if (to->held_at < to->held_len) {
		to->writable = false;
		return false;
	}
	dt_copy_held_drop(p, to);
	return true;
}

static void pass_on(struct dt_copy_pair *p, struct dt_copy_side *to, const uint8_t *data, size_t len)
{
	size_t sent = put(to, data, len);

	if (sent == len || to->failed)
		return;
	to->writable = false;
	to->failed = !hold(p, to, data + sent, len - sent);
}

/* Reads once and passes it on. Bytes read, 0: nothing now or nothing more. */
static size_t step(struct dt_copy_pair *p, struct dt_copy_side *from, struct dt_copy_side *to, size_t max)
{
	ssize_t got = recv(from->fd, scratch, max, MSG_DONTWAIT);

	if (got > 0) {
		from->received += (uint64_t)got;
		pass_on(p, to, scratch, (size_t)got);
		return (size_t)got;
	}
	if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
		from->readable = false;
		return 0;
	}
	from->failed = from->failed || got < 0;
	from->eof = true;
	return 0;
}

static enum dt_copy_verdict one_way(struct dt_copy_pair *p, struct dt_copy_side *from, struct dt_copy_side *to,
				    enum dt_flow_dir dir, uint64_t now_ns)
{
	struct dt_copy_client *c = p->lease->client;
	size_t moved = 0, got, max;
	int64_t left;

	while (!to->failed && to->writable && held_put(p, to) && from->readable && !from->eof) {
		left = dt_allowance(p->lease->copier, c, dir);
		if (left <= 0)
			return DT_COPY_THROTTLED;
		if (moved >= TURN)
			return DT_COPY_MORE;
		max = c->held > HELD_MAX ? HELD_STEP : SCRATCH;
		got = step(p, from, to, (uint64_t)left < max ? (size_t)left : max);
		moved += got;
		c->tokens[dir] -= (int64_t)got;
		c->bytes[dir] += got;
		if (got) {
			c->is_told = false;
			p->moved_ns = now_ns;
		}
	}
	if (from->eof && !from->failed && !to->failed && !to->held && !to->shut) {
		to->shut = true;
		shutdown(to->fd, SHUT_WR);
	}
	return DT_COPY_WAITS;
}

/* One end failed. What it sent before goes to the other one, whose data nobody takes any more. */
static enum dt_copy_verdict drain_begin(struct dt_copy_pair *p, struct dt_copy_side *failed, struct dt_copy_side *left,
					enum dt_copy_verdict verdict, uint64_t now_ns)
{
	if (left->failed)
		return DT_COPY_DEAD;
	dt_copy_held_drop(p, failed);
	if (!failed->eof || left->held)
		return verdict;
	if (!p->drained) {
		p->drained = left;
		p->drain_left = -1;
		p->drain_ns = now_ns;
	}
	return DT_COPY_DRAINS;
}

static enum dt_copy_verdict both_ways(struct dt_copy_pair *p, uint64_t now_ns)
{
	enum dt_copy_verdict up = one_way(p, &p->client, &p->server, DT_DIR_UP, now_ns);
	enum dt_copy_verdict down = one_way(p, &p->server, &p->client, DT_DIR_DOWN, now_ns);

	return up > down ? up : down;
}

enum dt_copy_verdict dt_copy_run(struct dt_copy_pair *p, uint64_t now_ns)
{
	struct dt_copy_side *client = &p->client, *server = &p->server;
	bool whole = !client->failed && !server->failed;
	enum dt_copy_verdict verdict = both_ways(p, now_ns);

	if (whole && (client->failed || server->failed))
		verdict = both_ways(p, now_ns);
	if (server->failed)
		return drain_begin(p, server, client, verdict, now_ns);
	if (client->failed)
		return drain_begin(p, client, server, verdict, now_ns);
	return client->shut && server->shut ? DT_COPY_OVER : verdict;
}

bool dt_copy_drained(struct dt_copy_pair *p, uint64_t now_ns)
{
	struct dt_copy_side *s = p->drained;
	int left = 0;

	if (s->failed || ioctl(s->fd, SIOCOUTQ, &left) < 0 || left == 0)
		return true;
	if (left != p->drain_left) {
		p->drain_left = left;
		p->drain_ns = now_ns;
	}
	return now_ns - p->drain_ns > DRAIN_MAX_NS;
}
