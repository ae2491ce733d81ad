/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/service.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/capabilities.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"

#define KERNEL_MAJOR 6
#define KERNEL_MINOR 1
#define LOCKED_MEMORY (1UL << 30) /* BPF maps of kernels that still count them here */
#define STATE_WAIT_MS 1000

struct service {
	const struct dt_mode *mode;
	const char *config_path;
	void *daemon;
	uv_signal_t term, interrupt, hangup, drain;
	uv_timer_t watchdog;
	/* a reload whose file is being read */
	uv_work_t read;
	bool reading;
	bool read_again; /* SIGHUP came meanwhile: the file may have changed behind the reader */
	bool stopping;
	int read_err;
	void *fresh; /* what was read */
};

/*
 * Sends one datagram to the socket in $NOTIFY_SOCKET, see sd_notify(3). Without that variable nobody listens. A service
 * manager that does not read has room for a few datagrams only; then this waits for wait_ms at most.
 */
static void supervisor_send(const char *text, unsigned wait_ms)
{
	struct timeval timeout = {.tv_sec = wait_ms / 1000, .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};
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
	if (wait_ms)
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (sendto(fd, text, strlen(text), MSG_NOSIGNAL | (wait_ms ? 0 : MSG_DONTWAIT), (struct sockaddr *)&sa,
		   (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0)
		dt_log_warn("cannot tell the service manager \"%s\": %s", text, strerror(errno));
	close(fd);
}

/* A state that the service manager waits for. */
static void supervisor_tell(const char *text)
{
	supervisor_send(text, STATE_WAIT_MS);
}

/* --- watchdog ---------------------------------------------------------------------------------- */

/* How often the service manager wants to hear from this process, half of WATCHDOG_USEC; 0: not at all. */
static uint64_t watchdog_ms(void)
{
	const char *timeout = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!timeout || (pid && strtol(pid, NULL, 10) != getpid()))
		return 0;
	return strtoull(timeout, NULL, 10) / 2 / (DT_MS / DT_US);
}

/* Never waits: traffic matters more, and the next one is soon. */
static void watchdog_due(uv_timer_t *timer)
{
	supervisor_send("WATCHDOG=1", 0);
}

/* From the loop, so that a loop that hangs is noticed. */
static void watchdog_start(struct service *s, uv_loop_t *loop)
{
	uint64_t ms = watchdog_ms();

	if (!ms)
		return;
	uv_timer_init(loop, &s->watchdog);
	dt_timer_arm(&s->watchdog, watchdog_due, ms, ms);
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

/* What both modes need. Client mode also needs CAP_NET_RAW, for which it asks where it binds to an interface. */
static int permission_check(void)
{
	uint64_t lacking = DT_CAPABILITIES_RELAY & ~dt_capabilities();
	char names[DT_CAPABILITIES_STRLEN];

	if (!lacking)
		return 0;
	dt_log_err("detourd changes the network and loads BPF: run it as root, or with %s, which this process lacks",
		   dt_capabilities_format(lacking, names));
	return -EPERM;
}

static int process_prepare(void)
{
	struct rlimit limit = {LOCKED_MEMORY, LOCKED_MEMORY}, no_core = {0, 0};
	int err = permission_check();

	if (err)
		return err;
	/* private keys are in memory: no core dump, and no other process of this user can read it */
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_DUMPABLE, 0);
	/* only older kernels need it; a map that is refused for it is reported when it is made */
	setrlimit(RLIMIT_MEMLOCK, &limit);
	signal(SIGPIPE, SIG_IGN);
	return kernel_check();
}

static void signals_close(struct service *s)
{
	uv_signal_t *all[] = {&s->term, &s->interrupt, &s->hangup, &s->drain};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->loop) /* else it could not be initialised */
			uv_close((uv_handle_t *)all[i], NULL);
	if (s->watchdog.loop)
		uv_close((uv_handle_t *)&s->watchdog, NULL);
}

/* --- reload ------------------------------------------------------------------------------------ */

void dt_service_reloaded(void)
{
	supervisor_tell("READY=1");
}

/* In a thread: the keys of thousands of clients take long to check. */
static void file_read(uv_work_t *read)
{
	struct service *s = read->data;

	s->read_err = s->mode->config_load(&s->fresh, s->config_path);
}

static void read_begin(struct service *s);

static void read_done(uv_work_t *read, int status)
{
	struct service *s = read->data;

	s->reading = false;
	if (s->stopping || s->read_again) {
		if (s->read_err == 0)
			s->mode->config_free(s->fresh);
		if (!s->stopping)
			read_begin(s);
		return;
	}
	if (s->read_err < 0)
		dt_log_err("%s has errors: nothing was reloaded", s->config_path);
	if (s->read_err < 0 || s->mode->reload(s->daemon, s->fresh) <= 0)
		dt_service_reloaded();
}

static void read_begin(struct service *s)
{
	s->reading = true;
	s->read_again = false;
	s->read.data = s;
	uv_queue_work(s->hangup.loop, &s->read, file_read, read_done);
}

static void reload_asked(uv_signal_t *handle, int signum)
{
	struct service *s = handle->data;
	char text[64];

	/* Type=notify-reload wants the time of CLOCK_MONOTONIC */
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu", (unsigned long long)(uv_hrtime() / DT_US));
	supervisor_tell(text);
	if (s->reading)
		s->read_again = true;
	else
		read_begin(s);
}

/* --- stop and drain ------------------------------------------------------------------------------ */

static void stop_asked(uv_signal_t *handle, int signum)
{
	struct service *s = handle->data;

	dt_log_info("stopping");
	supervisor_tell("STOPPING=1");
	s->stopping = true;
	signals_close(s);
	s->mode->stop(s->daemon);
}

static void drain_asked(uv_signal_t *handle, int signum)
{
	struct service *s = handle->data;

	if (s->mode->drain)
		s->mode->drain(s->daemon);
	else
		dt_log_info("SIGUSR1: this mode has nothing to drain");
}

void dt_service_stop(void)
{
	raise(SIGTERM);
}

static int signals_open(struct service *s, uv_loop_t *loop)
{
	const struct {
		uv_signal_t *handle;
		uv_signal_cb asked;
		int signum;
	} all[] = {{&s->term, stop_asked, SIGTERM},
		   {&s->interrupt, stop_asked, SIGINT},
		   {&s->hangup, reload_asked, SIGHUP},
		   {&s->drain, drain_asked, SIGUSR1}};
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(all) / sizeof(all[0]); i++) {
		err = uv_signal_init(loop, all[i].handle);
		all[i].handle->data = s;
		if (err == 0)
			err = uv_signal_start(all[i].handle, all[i].asked, all[i].signum);
	}
	if (err)
		dt_log_err("cannot catch signals: %s", uv_strerror(err));
	return err;
}

static void handle_count(uv_handle_t *handle, void *count)
{
	++*(unsigned *)count;
}

/* Runs until every handle is closed. A name look-up, or a file that is being read, is not waited for. */
static void loop_run(uv_loop_t *loop, const struct service *s, int code)
{
	unsigned handles = 1;

	while (handles && uv_run(loop, UV_RUN_ONCE)) {
		if (!s->stopping) /* there may be thousands of handles, and there are some */
			continue;
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

	dt_loop_guard_memory();
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
	err = signals_open(&s, &loop);
	if (err)
		mode->config_free(config);
	else
		err = mode->start(&s.daemon, &loop, config);
	if (err) {
		s.stopping = true;
		signals_close(&s);
	} else {
		watchdog_start(&s, &loop);
		supervisor_tell("READY=1");
	}
	loop_run(&loop, &s, err ? 1 : 0);
	return err ? 1 : 0;
}
