/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/service.h"

/* A mode that runs for RUN_MS and then stops itself. What it tells meanwhile fits into a socket that nobody reads. */
#define RUN_MS 500
#define WATCHDOG_US "200000"
#define WATCHDOG_EVERY_MS 100
/* A daemon that hangs ends the test, not the run of all tests. */
#define HANGS_S 20

static uv_timer_t end;

static void end_due(uv_timer_t *timer)
{
	dt_service_stop();
}

static unsigned loads, reloads;
static bool is_slow; /* reading the file takes longer than the mode runs */

static int load(void **config, const char *path)
{
	*config = NULL;
	loads++;
	if (is_slow && loads > 1)
		usleep(2 * RUN_MS * 1000);
	return 0;
}

static int reload(void *daemon, void *config)
{
	reloads++;
	return 0;
}

static void config_free(void *config)
{
}

static uv_timer_t hangup;
static unsigned hangups; /* how many SIGHUPs come, one soon after the other */

static void hangup_due(uv_timer_t *timer)
{
	if (hangups-- == 1)
		uv_timer_stop(timer);
	raise(SIGHUP);
}

static int start(void **daemon, uv_loop_t *loop, void *config)
{
	uv_timer_init(loop, &end);
	if (hangups)
		uv_timer_init(loop, &hangup);
	if (hangups)
		uv_timer_start(&hangup, hangup_due, RUN_MS / 10, 1);
	return uv_timer_start(&end, end_due, RUN_MS, 0);
}

static void stop(void *daemon)
{
	uv_close((uv_handle_t *)&end, NULL);
	if (hangup.loop)
		uv_close((uv_handle_t *)&hangup, NULL);
}

static const struct dt_mode mode = {
	.config_load = load, .config_free = config_free, .start = start, .reload = reload, .stop = stop};

static struct sockaddr_un manager = {.sun_family = AF_UNIX};

/* The service manager's socket, which the mode will tell. */
static int manager_open(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	snprintf(manager.sun_path, sizeof(manager.sun_path), "/tmp/detourd-test-notify.%d", (int)getpid());
	cr_assert_eq(bind(fd, (struct sockaddr *)&manager, sizeof(manager)), 0);
	setenv("NOTIFY_SOCKET", manager.sun_path, 1);
	alarm(HANGS_S);
	return fd;
}

static void manager_close(int fd)
{
	close(fd);
	unlink(manager.sun_path);
}

/* Runs the mode, and counts how often the service manager was told this. */
static unsigned told(const char *what)
{
	int fd = manager_open();
	char text[128];
	unsigned count = 0;
	ssize_t len;

	cr_assert_eq(dt_service_run(&mode, "none"), 0);
	while ((len = recv(fd, text, sizeof(text) - 1, 0)) > 0) {
		text[len] = '\0';
		count += strcmp(text, what) == 0;
	}
	manager_close(fd);
	return count;
}

Test(service, the_watchdog_is_told_twice_in_its_time)
{
	unsigned count;

	setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
	count = told("WATCHDOG=1");
	cr_assert(count >= 2, "told %u times", count);
	cr_assert(count <= RUN_MS / WATCHDOG_EVERY_MS, "told %u times", count);
}

Test(service, a_watchdog_of_another_process_is_not_told)
{
	setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
	setenv("WATCHDOG_PID", "1", 1);
	cr_assert_eq(told("WATCHDOG=1"), 0);
}

Test(service, no_watchdog_is_told_that_nobody_asked_for)
{
	unsetenv("WATCHDOG_USEC");
	cr_assert_eq(told("WATCHDOG=1"), 0);
}

Test(service, a_manager_that_does_not_read_holds_nothing_up)
{
	int fd = manager_open(), full = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	while (sendto(full, "x", 1, 0, (struct sockaddr *)&manager, sizeof(manager)) == 1)
		;
	setenv("WATCHDOG_USEC", WATCHDOG_US, 1);
	cr_assert_eq(dt_service_run(&mode, "none"), 0);
	close(full);
	manager_close(fd);
}

Test(service, leaves_no_core_dump)
{
	struct rlimit core;

	cr_assert_eq(told("READY=1"), 1);
	getrlimit(RLIMIT_CORE, &core);
	cr_assert_eq(core.rlim_max, 0);
	cr_assert_eq(prctl(PR_GET_DUMPABLE), 0);
}

Test(service, a_signal_reloads_once)
{
	hangups = 1;
	cr_assert_eq(told("READY=1"), 2, "at the start and after the reload");
	cr_assert_eq(reloads, 1);
}

Test(service, a_signal_while_the_file_is_read_makes_it_read_again)
{
	hangups = 3;
	cr_assert_geq(told("READY=1"), 2);
	cr_assert_geq(reloads, 1);
	cr_assert_leq(reloads, 3);
}

/* dt_service_run() would not return: it ends the process, and does not wait. */
Test(service, a_stop_does_not_wait_for_a_file_that_is_read, .exit_code = 0, .timeout = 2 * RUN_MS / 1000.0 + 0.5)
{
	is_slow = true;
	hangups = 1;
	dt_service_run(&mode, "none");
	exit(reloads ? 1 : 2);
}
