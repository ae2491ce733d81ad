/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readers that are slow, many, or gone. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unix.h"
#include "web/server.h"

#define LARGE (4 * 1024 * 1024)
#define ASK "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"

static uv_loop_t loop;
static struct dt_web *web;
static char path[64];
static unsigned written; /* times */
static size_t size;

static void x_write(FILE *out, void *data)
{
	written++;
	for (size_t i = 0; i < size; i++)
		fputc('x', out);
}

static const struct dt_web_document documents[] = {{.path = "/x", .type = "text/plain", .write = x_write}};

static void setup(void)
{
	struct dt_web_place place = {.path = path};

	signal(SIGPIPE, SIG_IGN); /* as dt_service_run() does */
	cr_assert_eq(uv_loop_init(&loop), 0);
	snprintf(path, sizeof(path), "/tmp/detourd-test-web.%d", (int)getpid());
	size = 10;
	cr_assert_eq(dt_web_open(&web, &loop, &place, documents, 1, NULL), 0);
}

static void teardown(void)
{
	struct stat st;

	dt_web_close(web);
	uv_run(&loop, UV_RUN_DEFAULT);
	cr_expect_eq(uv_loop_close(&loop), 0, "handles are left");
	cr_expect(stat(path, &st) < 0 && errno == ENOENT, "the socket is left");
}

TestSuite(web_server, .init = setup, .fini = teardown);

static void turn(void)
{
	for (int i = 0; i < 5; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static int reader(const char *text)
{
	int fd = dt_unix_connect(path, SOCK_STREAM | SOCK_NONBLOCK);

	cr_assert_geq(fd, 0);
	turn();
	if (*text)
		cr_assert_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	turn();
	return fd;
}

/* What has come so far; *over: and that was all. */
static size_t take(int fd, char *out, size_t cap, bool *over)
{
	size_t used = 0;
	ssize_t got;

	do {
		turn();
		got = recv(fd, out + used, cap - used, 0);
		used += got > 0 ? (size_t)got : 0;
	} while (got > 0);
	*over = got == 0 || errno == ECONNRESET;
	return used;
}

static bool is_answered(int fd)
{
	static char text[2048];
	bool over;
	size_t used = take(fd, text, sizeof(text) - 1, &over);

	text[used] = '\0';
	return over && strncmp(text, "HTTP/1.1 200 OK\r\n", 17) == 0 && strstr(text, "\r\n\r\nxxxxxxxxxx");
}

Test(web_server, many_readers_are_served_from_one_document)
{
	int fds[10];

	for (int i = 0; i < 10; i++)
		fds[i] = reader(ASK);
	for (int i = 0; i < 10; i++) {
		cr_expect(is_answered(fds[i]), "%d", i);
		close(fds[i]);
	}
	cr_expect_lt(written, 10);
}

Test(web_server, those_that_never_ask_make_room)
{
	int fds[2 * DT_WEB_READERS_MAX], last, closed = 0;
	char c;

	for (int i = 0; i < 2 * DT_WEB_READERS_MAX; i++)
		fds[i] = reader(i % 2 ? "" : "GET /x HT");
	last = reader(ASK);
	cr_expect(is_answered(last));
	for (int i = 0; i < 2 * DT_WEB_READERS_MAX; i++) {
		closed += recv(fds[i], &c, 1, 0) >= 0 || errno != EAGAIN;
		close(fds[i]);
	}
	close(last);
	cr_expect_geq(closed, DT_WEB_READERS_MAX);
}

Test(web_server, a_reader_that_stops_does_not_hold_others_up)
{
	int stuck, gone, other;

	size = LARGE;
	stuck = reader(ASK);
	gone = reader(ASK);
	close(gone);
	turn();
	size = 10;
	usleep((DT_WEB_FRESH_MS + 50) * 1000);
	other = reader(ASK);
	cr_expect(is_answered(other));
	close(other);
	close(stuck);
	turn();
}

Test(web_server, what_is_sent_behind_a_request_is_ignored)
{
	int fd = reader(ASK ASK "garbage");

	cr_expect(is_answered(fd));
	close(fd);
}

Test(web_server, a_second_one_at_the_same_place_is_refused)
{
	struct dt_web_place place = {.path = path};
	struct dt_web *second;

	cr_expect_eq(dt_web_open(&second, &loop, &place, documents, 1, NULL), -EADDRINUSE);
}
