/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/converter_channel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "convert/process.h"
#include "relay/convert_process.h"

/* Until the copying process has ended, of silence. */
#define QUIT_PATIENCE_MS 5000
/* It is asked so often whether it still runs, and killed after so many questions without an answer. */
#define BEAT_MS 1000
#define BEATS_MAX 10
#define SILENCE_S (BEAT_MS * BEATS_MAX / 1000)
/* The same patience with the process of an earlier run. */
#define HANDSHAKE_MS ((uint64_t)BEAT_MS * BEATS_MAX)

static void readable(uv_poll_t *poll, int status, int events);

static int channel_watch(struct dt_converter_channel *ch, int fd)
{
	uv_poll_t *poll = calloc(1, sizeof(*poll));
	int err = poll ? uv_poll_init(ch->loop, poll, fd) : -ENOMEM;

	if (err) {
		free(poll);
		close(fd);
		return err;
	}
	poll->data = ch;
	ch->poll = poll;
	ch->fd = fd;
	ch->silent = 0;
	return uv_poll_start(poll, UV_READABLE, readable);
}

static void process_gone(struct dt_converter_channel *ch)
{
	dt_converter_channel_close(ch);
	ch->events->gone(ch->data);
}

static void readable(uv_poll_t *poll, int status, int events)
{
	struct dt_converter_channel *ch = poll->data;
	struct dt_channel_message m;
	int passed, got;

	dt_poll_resume(poll, status, readable);
	while ((got = dt_channel_receive(ch->fd, &m, &passed)) == 1) {
		if (passed >= 0)
			close(passed);
		ch->silent = 0;
		ch->events->message(&m, ch->data);
	}
	if (got == -EAGAIN || got == -EINTR)
		return;
	process_gone(ch);
}

/* --- is it alive? ------------------------------------------------------------------------------ */

/* It would accept connections and leave them be: killed, they are reset, and another one accepts what comes. */
static void process_kill(struct dt_converter_channel *ch)
{
	int err = dt_convert_process_kill(ch->fd);

	if (err)
		dt_log_err("the converter's process has not answered for %d s, and cannot be killed: %s; its "
			   "connections hang until you kill it, see pgrep -f -- %s",
			   SILENCE_S, strerror(-err), DT_CONVERT_ARGUMENT);
	else
		dt_log_err("the converter's process has not answered for %d s: killed it, and its connections with it",
			   SILENCE_S);
}

static void beat(uv_timer_t *timer)
{
	struct dt_channel_message ping = {.type = DT_CHANNEL_PING};
	struct dt_converter_channel *ch = timer->data;
	uint64_t now_ns = dt_now_ns();
	/* what holds this process up may hold up the other one */
	bool late = now_ns - ch->beat_ns > 2 * BEAT_MS * DT_MS;

	ch->beat_ns = now_ns;
	if (!ch->poll)
		return;
	if (!late && ++ch->silent > BEATS_MAX) {
		process_kill(ch);
		process_gone(ch);
		return;
	}
	dt_channel_send(ch->fd, &ping, -1); /* where there is no room it does not read, which is no answer either */
}

int dt_converter_channel_init(struct dt_converter_channel *ch, uv_loop_t *loop,
			      const struct dt_converter_channel_events *events, void *data)
{
	*ch = (struct dt_converter_channel){.loop = loop, .fd = -1, .events = events, .data = data};
	ch->heart = calloc(1, sizeof(*ch->heart));
	if (!ch->heart)
		return -ENOMEM;
	ch->heart->data = ch;
	ch->beat_ns = dt_now_ns();
	uv_timer_init(loop, ch->heart);
	dt_timer_arm(ch->heart, beat, BEAT_MS, BEAT_MS);
	return 0;
}

void dt_converter_channel_fini(struct dt_converter_channel *ch)
{
	dt_converter_channel_close(ch);
	if (ch->heart)
		uv_close((uv_handle_t *)ch->heart, dt_handle_free);
	ch->heart = NULL;
}

/* --- opening and closing ----------------------------------------------------------------------- */

int dt_converter_channel_start(struct dt_converter_channel *ch)
{
	int fd = dt_convert_process_start();

	return fd < 0 ? fd : channel_watch(ch, fd);
}

/* What the process says first. 0, or -EPROTO: it is of another version; others: it makes no sense. */
static int greeting_take(struct dt_converter_channel *ch)
{
	uint64_t until_ns = dt_now_ns() + HANDSHAKE_MS * DT_MS, now_ns;
	struct pollfd ready = {.fd = ch->fd, .events = POLLIN};
	struct dt_channel_message m;
	int got, passed;

	while ((now_ns = dt_now_ns()) < until_ns) {
		got = dt_channel_receive(ch->fd, &m, &passed);
		if (got == -EAGAIN) {
			poll(&ready, 1, (int)((until_ns - now_ns) / DT_MS) + 1);
			continue;
		}
		if (got <= 0)
			return got ? got : -ECONNRESET;
		if (m.type == DT_CHANNEL_HAS) {
			ch->events->has(&m, passed, ch->data);
			continue;
		}
		if (passed >= 0)
			close(passed);
		if (m.type == DT_CHANNEL_READY)
			return 0;
		ch->events->message(&m, ch->data);
	}
	return -ETIMEDOUT;
}

int dt_converter_channel_find(struct dt_converter_channel *ch)
{
	struct dt_channel_message retire = {.type = DT_CHANNEL_RETIRE};
	int fd = dt_convert_process_connect(), err;

	if (fd < 0)
		return fd;
	err = channel_watch(ch, fd);
	if (err == 0)
		err = greeting_take(ch);
	if (err == 0)
		return 0;
	if (err == -ETIMEDOUT) {
		process_kill(ch);
	} else {
		dt_log_warn("converter: the process of an earlier run %s: it finishes its connections, and another one "
			    "is started",
			    err == -EPROTO ? "is of another version" : "makes no sense");
		dt_converter_channel_send(ch, &retire, -1);
	}
	dt_converter_channel_close(ch);
	return err;
}

bool dt_converter_channel_is_open(const struct dt_converter_channel *ch)
{
	return ch->poll != NULL;
}

int dt_converter_channel_send(struct dt_converter_channel *ch, struct dt_channel_message *m, int passed)
{
	return ch->poll ? dt_channel_send(ch->fd, m, passed) : -ENOTCONN;
}

void dt_converter_channel_close(struct dt_converter_channel *ch)
{
	if (!ch->poll)
		return;
	uv_poll_stop(ch->poll);
	uv_close((uv_handle_t *)ch->poll, dt_handle_free);
	ch->poll = NULL;
	close(ch->fd);
	ch->fd = -1;
}

/* --- flush ------------------------------------------------------------------------------------- */

/* Reads until the process has closed its end: closing ours before would lose what it has not read yet. */
static void end_await(int fd)
{
	struct pollfd end = {.fd = fd, .events = POLLIN};
	char ignored[4096];
	ssize_t got;

	while (poll(&end, 1, QUIT_PATIENCE_MS) > 0) {
		got = recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
			return;
	}
	dt_log_warn("converter: the copying process does not end");
}

void dt_converter_channel_flush(void)
{
	struct dt_channel_message quit = {.type = DT_CHANNEL_QUIT};
	int fd = dt_convert_process_connect();

	if (fd < 0)
		return;
	if (dt_channel_send(fd, &quit, -1) == 0)
		end_await(fd);
	close(fd);
}
