/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is sent to the control socket, in pieces: a byte of 0xff ends one. A whole line is answered by one line, if it is
 * not "monitor"; anything else is not answered. The next client is served, whatever the last one sent.
 */
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/control.h"
#include "base/addr.h"
#include "fuzz.h"

#define REQUEST_MAX 1023 /* src/base/control.c has room for as many */
#define PIECE_END 0xff

static uv_loop_t loop;
static struct dt_control *control;
static char path[64];

static void answer(FILE *out, const char *about, void *data)
{
	struct dt_endpoint server;

	fuzz_check(!strchr(about, '\n') && strlen(about) < REQUEST_MAX);
	fprintf(out, "%d", dt_endpoint_parse(&server, about));
}

static void turn(void)
{
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

static void path_remove(void)
{
	unlink(path);
}

static void prepare(void)
{
	if (control)
		return;
	snprintf(path, sizeof(path), "/tmp/fuzz-control-%d", (int)getpid());
	atexit(path_remove);
	fuzz_check(uv_loop_init(&loop) == 0);
	fuzz_check(dt_control_open(&control, &loop, path, answer, answer, NULL) == 0);
}

static int client_open(void)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	fuzz_check(fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	turn();
	return fd;
}

/* The number of lines that came; *is_open: it was not hung up. */
static int lines_read(int fd, bool *is_open)
{
	char buf[4096];
	int lines = 0;
	ssize_t got;

	turn();
	while ((got = recv(fd, buf, sizeof(buf), 0)) > 0)
		for (ssize_t i = 0; i < got; i++)
			lines += buf[i] == '\n';
	*is_open = got < 0 && errno == EAGAIN;
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char request[REQUEST_MAX + 1] = "";
	size_t used = 0, piece = 0;
	const char *newline;
	bool is_open, is_monitor, watches_all;
	int fd, lines;

	prepare();
	if (size > 2 * REQUEST_MAX)
		return 0;
	fd = client_open();
	for (size_t i = 0; i <= size; i++) {
		if (i < size && data[i] != PIECE_END) {
			if (used < REQUEST_MAX)
				request[used++] = (char)data[i];
			continue;
		}
		/* refused where the other side has hung up */
		if (i > piece && send(fd, data + piece, i - piece, MSG_NOSIGNAL) >= 0)
			turn();
		piece = i + 1;
	}
	newline = strchr(request, '\n');
	is_monitor = newline && strncmp(request, "monitor", 7) == 0 && (request[7] == '\n' || request[7] == ' ');
	watches_all = is_monitor && (request[7] == '\n' || request[8] == '\n');
	lines = lines_read(fd, &is_open);
	fuzz_check(lines == (newline && !is_monitor));
	fuzz_check(!is_monitor || is_open);
	fuzz_check(!watches_all || dt_control_watched(control, "relay"));
	fuzz_check(is_monitor || !dt_control_watched(control, "relay"));
	if (watches_all) {
		dt_control_publish(control, json_pack("{s:i}", "event", 1));
		fuzz_check(lines_read(fd, &is_open) == 1);
	}
	close(fd);
	fd = client_open();
	fuzz_check(send(fd, "status\n", 7, MSG_NOSIGNAL) == 7);
	fuzz_check(lines_read(fd, &is_open) == 1 && !is_open);
	close(fd);
	turn();
	return 0;
}
