/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/service.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1
#define LOCKED_MEMORY (1UL << 30) /* BPF maps of kernels that still count them here */

struct service {
	const struct dt_mode *mode;
	const char *config_path;
	void *daemon;
	uv_signal_t term, interrupt, hangup, drain;
};

/* One datagram to the socket in $NOTIFY_SOCKET, see sd_notify(3). Nobody listens: nothing to do. */
static void supervisor_tell(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (len < 2 || len >= sizeof(sa.sun_path))
		return;
	memcpy(sa.sun_path, path, len);
	if (*path == '@')
		sa.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&sa,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		dt_log_warn("cannot tell the service manager \"%s\": %s", text, strerror(errno));
	close(fd);
}

static int kernel_check(void)
{
	unsigned major, minor;
	struct utsname name;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return 0;
	if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR))
		return 0;
	dt_log_err("this kernel is %s; detourd needs %d.%d or newer", name.release, KERNEL_MAJOR, KERNEL_MINOR);
	return -ENOSYS;
}

static int process_prepare(void)
{
	struct rlimit limit = {LOCKED_MEMORY, LOCKED_MEMORY};

	if (geteuid() != 0) {
		dt_log_err("detourd changes the network and loads BPF: run it as root");
		return -EPERM;
	}
	setrlimit(RLIMIT_MEMLOCK, &limit);
	signal(SIGPIPE, SIG_IGN);
	return kernel_check();
}

static void signals_close(struct service *s)
{
	uv_close((uv_handle_t *)&s->term, NULL);
	uv_close((uv_handle_t *)&s->interrupt, NULL);
	uv_close((uv_handle_t *)&s->hangup, NULL);
	uv_close((uv_handle_t *)&s->drain, NULL);
}

static void stop_asked(uv_signal_t *handle, int signum)
{
	struct service *s = handle->data;

	dt_log_info("stopping");
	supervisor_tell("STOPPING=1");
	signals_close(s);
	s->mode->stop(s->daemon);
}

static void reload_asked(uv_signal_t *handle, int signum)
{
	struct service *s = handle->data;
	char text[64];
	void *config;

	/* Type=notify-reload wants the time of CLOCK_MONOTONIC */
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(uv_hrtime() / DT_US));
	supervisor_tell(text);
	if (s->mode->config_load(&config, s->config_path) < 0)
		dt_log_err("%s has errors: nothing was reloaded", s->config_path);
	else
		s->mode->reload(s->daemon, config);
	supervisor_tell("READY=1");
}

static void drain_asked(uv_signal_t *handle, int signum)
{
	struct service *s = handle->data;

	if (s->mode->drain)
		s->mode->drain(s->daemon);
	else
		dt_log_info("there is nothing to drain");
}

void dt_service_stop(void)
{
	raise(SIGTERM);
}

static void signals_open(struct service *s, uv_loop_t *loop)
{
	uv_signal_init(loop, &s->term);
	uv_signal_init(loop, &s->interrupt);
	uv_signal_init(loop, &s->hangup);
	uv_signal_init(loop, &s->drain);
	s->term.data = s->interrupt.data = s->hangup.data = s->drain.data = s;
	uv_signal_start(&s->term, stop_asked, SIGTERM);
	uv_signal_start(&s->interrupt, stop_asked, SIGINT);
	uv_signal_start(&s->hangup, reload_asked, SIGHUP);
	uv_signal_start(&s->drain, drain_asked, SIGUSR1);
}

static void handle_count(uv_handle_t *handle, void *count)
{
	++*(unsigned *)count;
}

/* Until every handle is closed. A look-up of a name cannot be called back: a stop does not wait for it. */
static void loop_run(uv_loop_t *loop, int code)
{
	unsigned handles = 1;

	while (handles && uv_run(loop, UV_RUN_ONCE)) {
		handles = 0;
		uv_walk(loop, handle_count, &handles);
	}
	if (uv_loop_close(loop) == UV_EBUSY) {
		/* exit() would wait for its thread */
		fflush(NULL);
		_exit(code);
	}
}

int dt_service_run(const struct dt_mode *mode, const char *config_path)
{
	struct service s = {.mode = mode, .config_path = config_path};
	uv_loop_t loop;
	void *config;
	int err = process_prepare();

	if (err == 0)
		err = mode->config_load(&config, config_path);
	if (err)
		return 1;
	err = uv_loop_init(&loop);
	if (err) {
		dt_log_err("cannot start: %s", uv_strerror(err));
		mode->config_free(config);
		return 1;
	}
	/* before the start, so that a signal during it is served right after */
	signals_open(&s, &loop);
	err = mode->start(&s.daemon, &loop, config);
	if (err)
		signals_close(&s);
	else
		supervisor_tell("READY=1");
	loop_run(&loop, err ? 1 : 0);
	return err ? 1 : 0;
}
