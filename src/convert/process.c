/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert/process.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "convert/destination.h"
#include "convert/lease.h"
#include "convert/outbox.h"
#include "convert/pair.h"
#include "convert/sandbox.h"

#define EVENTS 256
#define TICK_NS DT_SEC
#define DRAIN_TICK_NS (50 * DT_MS)
#define THROTTLE_NS (5 * DT_MS)
#define ACCEPT_NS (10 * DT_MS) /* for those that wait for max-new-flows */
/* As the NAT: so long without a daemon nothing new begins, and then nothing goes on. */
#define ALONE_NEW_NS (60 * DT_SEC)
#define ALONE_NS (11 * 60 * DT_SEC)

struct process {
	struct dt_copier copier;
	struct dt_source listener, daemon; /* the channel, and the daemon's end of it */
	int daemon_fd;			   /* -1: it is away, */
	uint64_t away_ns;		   /* since then */
	uint64_t ticked_ns, throttled_ns, accepted_ns;
	bool is_over;
};

static struct process process;

/* --- the daemon -------------------------------------------------------------------------------- */

static void daemon_gone(void)
{
	if (process.daemon_fd < 0)
		return;
	dt_outbox_connect(process.copier.outbox, -1);
	close(process.daemon_fd);
	process.daemon_fd = -1;
	process.away_ns = process.copier.now_ns;
}

static void message_take(const struct dt_channel_message *m, int fd)
{
	struct dt_channel_message pong = {.type = DT_CHANNEL_PONG};
	struct dt_copier *copier = &process.copier;

	if (m->type != DT_CHANNEL_LISTEN && fd >= 0)
		close(fd);
	switch ((enum dt_channel_type)m->type) {
	case DT_CHANNEL_CLIENT:
		dt_copy_client_set(copier, m);
		break;
	case DT_CHANNEL_LISTEN:
		dt_copy_lease_listen(copier, m, fd);
		break;
	case DT_CHANNEL_END:
		dt_copy_lease_end(copier, &m->relay);
		break;
	case DT_CHANNEL_REVOKE:
		dt_copy_lease_revoke(copier, &m->relay);
		break;
	case DT_CHANNEL_RETIRE:
		dt_copy_leases_end(copier);
		copier->retires = true;
		break;
	case DT_CHANNEL_QUIT:
		process.is_over = true;
		break;
	case DT_CHANNEL_SYN:
		dt_copy_lease_syn(copier, m);
		break;
	case DT_CHANNEL_GRANT:
		dt_copy_client_grant(copier, m);
		break;
	case DT_CHANNEL_PING:
		dt_outbox_put(copier->outbox, &pong, -1);
		break;
	case DT_CHANNEL_PONG:
	case DT_CHANNEL_HELLO:
	case DT_CHANNEL_HAS:
	case DT_CHANNEL_READY:
	case DT_CHANNEL_BEGAN:
	case DT_CHANNEL_FLOW:
	case DT_CHANNEL_CLOSED:
	case DT_CHANNEL_TOTALS:
	case DT_CHANNEL_ASK:
	case DT_CHANNEL_TYPES:
		break;
	}
}

static void daemon_ready(struct dt_source *source, uint32_t events, struct dt_copier *copier)
{
	struct dt_channel_message m;
	int fd, got;

	/* a reset is told once, before what the daemon had sent until then */
	while ((got = dt_channel_receive(process.daemon_fd, &m, &fd)) == 1 || got == -ECONNRESET)
		if (got == 1)
			message_take(&m, fd);
	if (got == -EPROTO && m.type == DT_CHANNEL_RETIRE)
		message_take(&m, -1);
	else if (got != -EAGAIN && got != -EINTR)
		daemon_gone();
}

/* A new run of the daemon takes the place of an old one, which may hang. */
static void daemon_comes(struct dt_source *source, uint32_t events, struct dt_copier *copier)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &process.daemon};
	int fd = accept4(DT_CHANNEL_FD, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	if (!dt_channel_peer_is_trusted(fd) || epoll_ctl(copier->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		close(fd);
		return;
	}
	daemon_gone();
	process.daemon_fd = fd;
	copier->orphaned = false;
	dt_outbox_connect(copier->outbox, fd);
	dt_copy_leases_tell(copier);
}

/* --- the loop ---------------------------------------------------------------------------------- */

static int wait_ms(void)
{
	const struct dt_copier *copier = &process.copier;
	uint64_t due_ns = process.ticked_ns + (copier->drains ? DRAIN_TICK_NS : TICK_NS);

	if (copier->ready)
		return 0;
	if (copier->throttled && process.throttled_ns + THROTTLE_NS < due_ns)
		due_ns = process.throttled_ns + THROTTLE_NS;
	if (copier->waiting && process.accepted_ns + ACCEPT_NS < due_ns)
		due_ns = process.accepted_ns + ACCEPT_NS;
	return due_ns <= copier->now_ns ? 0 : (int)((due_ns - copier->now_ns) / DT_MS) + 1;
}

static void tick(void)
{
	struct dt_copier *copier = &process.copier;
	uint64_t alone_ns = process.daemon_fd < 0 ? copier->now_ns - process.away_ns : 0;

	process.ticked_ns = copier->now_ns;
	dt_pairs_tick(copier);
	dt_copy_leases_tick(copier);
	dt_copy_clients_tell(copier);
	copier->orphaned = alone_ns > ALONE_NEW_NS;
	if (alone_ns > ALONE_NS || (copier->retires && !copier->leases))
		process.is_over = true;
}

static void turn(void)
{
	struct dt_copier *copier = &process.copier;
	struct epoll_event events[EVENTS];
	int count = epoll_wait(copier->epoll_fd, events, EVENTS, wait_ms());
	bool due;

	copier->now_ns = dt_now_ns();
	for (int i = 0; i < count; i++) {
		struct dt_source *source = events[i].data.ptr;

		source->ready(source, events[i].events, copier);
	}
	if (copier->waiting && copier->now_ns >= process.accepted_ns + ACCEPT_NS) {
		process.accepted_ns = copier->now_ns;
		dt_copy_leases_accept(copier);
	}
	due = copier->throttled && copier->now_ns >= process.throttled_ns + THROTTLE_NS;
	if (due)
		process.throttled_ns = copier->now_ns;
	dt_pairs_run(copier, due);
	if (copier->now_ns >= process.ticked_ns + (copier->drains ? DRAIN_TICK_NS : TICK_NS))
		tick();
	dt_pairs_reap(copier);
	dt_copy_leases_reap(copier);
	dt_outbox_flush(copier->outbox);
}

/* Two descriptors a connection, and some for leases. */
static size_t descriptors_raise(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1024;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > (1 << 20) ? 1 << 20 : limit.rlim_cur;
}

static int watch(struct dt_source *source, int fd,
		 void (*ready)(struct dt_source *s, uint32_t events, struct dt_copier *copier))
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	source->ready = ready;
	return epoll_ctl(process.copier.epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int process_open(void)
{
	struct dt_copier *copier = &process.copier;
	int err;

	process.daemon_fd = -1;
	process.daemon.ready = daemon_ready;
	copier->now_ns = process.away_ns = dt_now_ns();
	copier->max_pairs = descriptors_raise() / 3;
	copier->route_fd = dt_destination_open();
	copier->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (copier->route_fd < 0 || copier->epoll_fd < 0)
		return -EMFILE;
	err = dt_outbox_new(&copier->outbox);
	if (err == 0)
		err = watch(&process.listener, DT_CHANNEL_FD, daemon_comes);
	return err;
}

int dt_convert_run(void)
{
	int err;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	err = process_open();
	if (err)
		dt_log_err("converter: cannot start: %s", strerror(-err));
	if (err == 0)
		err = dt_sandbox_enter();
	if (err)
		return 1;
	dt_log_info("converter: ready connections-max=%zu", process.copier.max_pairs);
	while (!process.is_over)
		turn();
	dt_log_info("converter: stopped");
	return 0;
}
