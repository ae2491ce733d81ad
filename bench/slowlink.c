/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links with a rate, a queue and a delay between two network namespaces, for kernels without netem:
 *
 *     bench-slowlink SPACE-A SPACE-B MBIT QUEUE-MS DELAY-US NAME...
 *
 * Makes for each name an interface (TUN) at both ends ("A,B": A in the first space, B in the other), and passes packets
 * between them until its standard input ends. A line there changes how long packets of the first link take from then on:
 * "up US" (from A to B), "down US". Prints "ready" when packets pass. All links are one process, so that a busy machine
 * delays them alike.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"

#define PACKET_MAX 65536
#define LINKS_MAX 8

struct packet {
	struct packet *next;
	uint64_t due_ns;
	size_t len;
	unsigned char bytes[];
};

/* One direction. */
struct way {
	int from, to;
	uint64_t bps, queue_ns, delay_ns;
	uint64_t busy_ns; /* the last packet has been sent by then */
	struct packet *head, **tail;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int tun_open(const char *space, const char *name)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	char path[128];
	int ns, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", space);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
		die(path);
	close(ns);
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		die("/dev/net/tun");
	return fd;
}

static void take(struct way *w)
{
	unsigned char bytes[PACKET_MAX];
	ssize_t len;

	while ((len = read(w->from, bytes, sizeof(bytes))) > 0) {
		uint64_t now_ns = dt_now_ns(), begin_ns = w->busy_ns > now_ns ? w->busy_ns : now_ns;
		struct packet *p;

		if (begin_ns - now_ns > w->queue_ns)
			continue;
		p = malloc(sizeof(*p) + (size_t)len);
		if (!p)
			die("malloc");
		w->busy_ns = begin_ns + (uint64_t)len * 8 * DT_SEC / w->bps;
		*p = (struct packet){.due_ns = w->busy_ns + w->delay_ns, .len = (size_t)len};
		memcpy(p->bytes, bytes, p->len);
		*w->tail = p;
		w->tail = &p->next;
	}
}

/* Sends what is due. Returns when the next one is; UINT64_MAX: never. */
static uint64_t give(struct way *w)
{
	struct packet *p;

	while ((p = w->head) && p->due_ns <= dt_now_ns()) {
		if (write(w->to, p->bytes, p->len) < 0 && errno != EIO && errno != ENOBUFS && errno != EAGAIN)
			die("write");
		w->head = p->next;
		if (!w->head)
			w->tail = &w->head;
		free(p);
	}
	return w->head ? w->head->due_ns : UINT64_MAX;
}

static uint64_t give_all(struct way *ways, size_t count)
{
	uint64_t due_ns = UINT64_MAX;

	for (size_t i = 0; i < count; i++) {
		uint64_t next_ns = give(&ways[i]);

		due_ns = next_ns < due_ns ? next_ns : due_ns;
	}
	return due_ns;
}

/* False: no more will come. */
static bool command_take(struct way *ways)
{
	unsigned long long us;
	char line[64] = "";
	ssize_t len = read(STDIN_FILENO, line, sizeof(line) - 1);

	if (sscanf(line, "up %llu", &us) == 1)
		ways[0].delay_ns = us * DT_US;
	else if (sscanf(line, "down %llu", &us) == 1)
		ways[1].delay_ns = us * DT_US;
	return len > 0;
}

int main(int argc, char **argv)
{
	static struct way ways[2 * LINKS_MAX];
	struct pollfd fds[1 + 2 * LINKS_MAX] = {{.fd = STDIN_FILENO, .events = POLLIN}};
	size_t count;

	if (argc < 7 || argc > 6 + LINKS_MAX)
		return 2;
	count = 2 * (size_t)(argc - 6);
	for (size_t i = 0; i < count; i += 2) {
		char *name = argv[6 + i / 2], *other = strchr(name, ',');

		if (other)
			*other++ = '\0';
		ways[i].from = ways[i + 1].to = tun_open(argv[1], name);
		ways[i].to = ways[i + 1].from = tun_open(argv[2], other ? other : name);
	}
	for (size_t i = 0; i < count; i++) {
		ways[i].bps = strtoull(argv[3], NULL, 10) * 1000000;
		ways[i].queue_ns = strtoull(argv[4], NULL, 10) * DT_MS;
		ways[i].delay_ns = strtoull(argv[5], NULL, 10) * DT_US;
		ways[i].tail = &ways[i].head;
		fds[i + 1] = (struct pollfd){.fd = ways[i].from, .events = POLLIN};
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		uint64_t due_ns = give_all(ways, count), now_ns = dt_now_ns();
		uint64_t wait_ns = due_ns <= now_ns ? 0 : due_ns - now_ns < DT_SEC ? due_ns - now_ns : DT_SEC;
		struct timespec wait = {.tv_sec = (time_t)(wait_ns / DT_SEC), .tv_nsec = (long)(wait_ns % DT_SEC)};

		if (ppoll(fds, 1 + count, &wait, NULL) < 0 && errno != EINTR)
			die("ppoll");
		if (fds[0].revents && !command_take(ways))
			return 0;
		for (size_t i = 0; i < count; i++)
			take(&ways[i]);
	}
}
