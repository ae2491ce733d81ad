/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An answer in steps: who gets it, and what happens to it where nobody waits any more. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/control.h"
#include "base/unix.h"

#define STEPS 5

struct answer {
	unsigned steps;
};

static uv_loop_t loop;
static struct dt_control *control;
static char path[64];
static char asked[64]; /* about what, the last time */
static unsigned begun, ended, steps_done, at_a_time;

static void *begin(const char *about, void *data)
{
	snprintf(asked, sizeof(asked), "%s", about);
	begun++;
	cr_assert_eq(++at_a_time, 1, "one at a time");
	return calloc(1, sizeof(struct answer));
}

static bool step(void *data, FILE *out)
{
	struct answer *answer = data;

	steps_done++;
	fprintf(out, "%u ", ++answer->steps);
	return answer->steps < STEPS;
}

static void end(void *answer)
{
	ended++;
	at_a_time--;
	free(answer);
}

static const struct dt_control_steps steps = {begin, step, end};

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN); /* as dt_service_run() does */
	cr_assert_eq(uv_loop_init(&loop), 0);
	snprintf(path, sizeof(path), "/tmp/detourd-test-control.%d", (int)getpid());
	cr_assert_eq(dt_control_open(&control, &loop, path, NULL, NULL, NULL), 0);
	dt_control_status_in_steps(control, &steps);
}

static void teardown(void)
{
	dt_control_close(control);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_assert_eq(uv_loop_close(&loop), 0);
	cr_assert_eq(begun, ended);
}

TestSuite(control, .init = setup, .fini = teardown, .timeout = 20);

static int ask_for(const char *request)
{
	int fd = dt_unix_connect(path, SOCK_STREAM);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

static int ask(void)
{
	return ask_for("status\n");
}

/* Turns the loop until a whole line has come. */
static void answer_is(int fd, const char *expected)
{
	char text[128] = "";
	size_t len = 0;

	for (int i = 0; i < 1000 && !strchr(text, '\n'); i++) {
		ssize_t got = read(fd, text + len, sizeof(text) - 1 - len);

		if (got > 0)
			len += (size_t)got;
		uv_run(&loop, UV_RUN_NOWAIT);
	}
	cr_assert_str_eq(text, expected);
	close(fd);
}

static void answer_expect(int fd)
{
	answer_is(fd, "1 2 3 4 5 \n");
}

static void turn_until_begun(void)
{
	for (int i = 0; i < 100 && !steps_done; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	cr_assert_eq(steps_done, 1, "one step a turn");
}

Test(control, each_asker_gets_a_whole_answer)
{
	int first = ask(), second = ask();

	turn_until_begun();
	answer_expect(first);
	answer_expect(second);
	cr_assert_eq(begun, 2);
	cr_assert_eq(steps_done, 2 * STEPS);
}

Test(control, an_answer_that_nobody_waits_for_ends)
{
	int first = ask(), second = ask();

	turn_until_begun();
	close(first);
	answer_expect(second);
	cr_assert_eq(ended, 2);
}

Test(control, it_is_closed_in_the_middle_of_an_answer)
{
	int fd = ask();

	turn_until_begun();
	close(fd);
}

static void echo(FILE *out, const char *about, void *data)
{
	fprintf(out, "<%s>", about);
}

Test(control, words_of_the_daemons_own)
{
	static const struct dt_control_word words[] = {{"echo", echo, NULL}, {"slow", NULL, &steps}};

	dt_control_words(control, words, 2);
	answer_is(ask_for("echo a b\n"), "<a b>\n");
	answer_is(ask_for("echo\n"), "<>\n");
	answer_is(ask_for("slow down\n"), "1 2 3 4 5 \n");
	cr_assert_str_eq(asked, "down");
	answer_is(ask_for("echoes\n"), "{\"error\":\"unknown request; known are status and monitor\"}\n");
}

Test(control, an_answer_in_steps_is_told_how_it_is_asked)
{
	static const char how[] = "status brief and more\n";
	int fd = dt_unix_connect(path, SOCK_STREAM);

	cr_assert_eq(write(fd, how, sizeof(how) - 1), (ssize_t)sizeof(how) - 1);
	cr_assert_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	answer_expect(fd);
	cr_assert_str_eq(asked, "brief and more");
	close(fd);
	fd = ask();
	answer_expect(fd);
	cr_assert_str_eq(asked, "");
	close(fd);
}

static void turn(void)
{
	for (int i = 0; i < 20; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

Test(control, a_monitor_may_watch_some_kinds_only)
{
	int some = ask_for("monitor relay decision\n"), all;

	turn();
	cr_assert(dt_control_watched(control, "relay") && dt_control_watched(control, "decision"));
	cr_assert(!dt_control_watched(control, "subflow") && !dt_control_watched(control, "rel"));
	cr_assert(!dt_control_watched(control, "relay decision") && !dt_control_watched(control, "decisions"));
	all = ask_for("monitor\n");
	turn();
	cr_assert(dt_control_watched(control, "subflow") && dt_control_watched(control, "anything"));
	dt_control_publish(control, json_pack("{s:s}", "event", "subflow"));
	answer_is(all, "{\"event\":\"subflow\"}\n");
	turn();
	cr_assert(!dt_control_watched(control, "subflow"));
	dt_control_publish(control, json_pack("{s:s}", "event", "decision"));
	answer_is(some, "{\"event\":\"decision\"}\n");
	turn();
	cr_assert(!dt_control_watched(control, "relay"));
}
