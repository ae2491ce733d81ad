/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long a relay answers nothing: asks without a token, as fast as it answers, until it is ended. Prints "ready". At each
 * SIGUSR1 it prints the longest time that an answer took since the last (in ms), how many answers came, and the most
 * processor time that the relay took for anything between a question and its answer (in ms): that is what the relay
 * did in the meantime, however busy the machine is.
 * usage: deaf SECRET-KEY-FILE RELAY-PUBLIC-KEY RELAY-ADDRESS:PORT RELAY-PID
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "tools/client.h"

#define PATIENCE_MS 120000
#define PAUSE_NS 1000000

static volatile sig_atomic_t asked;

static void on_signal(int number)
{
	(void)number;
	asked = 1;
}

static size_t question_seal(struct client *c, uint8_t *out)
{
	struct dt_message ping = {.op = DT_OP_PING};
	uint8_t plain[DT_WIRE_REQUEST_PLAIN];
	struct dt_seal_header header;
	int len = dt_message_encode(&ping, plain, sizeof(plain));

	memcpy(header.session, c->session.id, sizeof(header.session));
	header.counter = ++c->session.counter;
	len = len < 0 ? len : dt_seal(&c->pair, &header, plain, (size_t)len, out, DT_WIRE_MAX);
	return len < 0 ? 0 : (size_t)len;
}

/* What the process has had of the processors so far. */
static uint64_t used_ns(const char *pid)
{
	char path[64];
	unsigned long long ns = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/schedstat", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &ns) != 1)
		ns = 0;
	fclose(file);
	return ns;
}

/* Asks once; the time that the answer took. */
static uint64_t answer_ns(struct client *c)
{
	uint64_t asked_ns = dt_now_ns();
	uint8_t buf[DT_WIRE_MAX];
	size_t len = question_seal(c, buf);
	struct pollfd pfd = {.fd = c->fd, .events = POLLIN};

	if (len == 0 || send(c->fd, buf, len, 0) < 0)
		return 0;
	while (poll(&pfd, 1, PATIENCE_MS) < 0)
		; /* a signal */
	if (recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT) < 0)
		return 0;
	return dt_now_ns() - asked_ns;
}

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	const struct sigaction action = {.sa_handler = on_signal};
	uint64_t longest_ns = 0, most_ns = 0, took_ns, before_ns, between_ns;
	unsigned long answers = 0;
	struct client c;

	if (argc != 5 || client_parse(&c, argv + 1) < 0) {
		fprintf(stderr, "usage: deaf " CLIENT_USAGE " RELAY-PID\n");
		return 2;
	}
	sigaction(SIGUSR1, &action, NULL);
	if (client_connect(&c) < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	for (;;) {
		before_ns = used_ns(argv[4]);
		took_ns = answer_ns(&c);
		between_ns = used_ns(argv[4]) - before_ns;
		answers += took_ns != 0;
		if (took_ns > longest_ns)
			longest_ns = took_ns;
		if (between_ns > most_ns)
			most_ns = between_ns;
		if (asked) {
			asked = 0;
			printf("%.1f %lu %.1f\n", (double)longest_ns / 1e6, answers, (double)most_ns / 1e6);
			fflush(stdout);
			longest_ns = most_ns = 0;
			answers = 0;
		}
		nanosleep(&pause, NULL);
	}
}
