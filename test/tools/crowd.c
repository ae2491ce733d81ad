/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Thousands of MPTCP connections.
 *     crowd serve ADDRESS PORT           accepts them, sends each byte back, closes what the client closes
 *     crowd serve-tcp ADDRESS PORT       the same without MPTCP
 *     crowd open ADDRESS PORT COUNT PER-SECOND [EVERY-MS]
 *                                        opens them, with a byte each way; prints how many were made and how long it took,
 *                                        then holds them until SIGTERM; at each SIGUSR1 half of them close. With EVERY-MS
 *                                        each sends a byte so often, and has it back
 *     crowd short ADDRESS PORT COUNT AT-ONCE
 *                                        one after the other, so many at a time: a byte each way, then its end; prints how
 *                                        many, and how long it took
 *     crowd shrink PID BYTES             the receive buffers of that process' generic netlink sockets
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

#define EVENTS 256

static volatile sig_atomic_t stopped, halved;

static void stop(int signal)
{
	stopped = 1;
}

static void halve(int signal)
{
	halved = 1;
}

static void signals_take(void)
{
	struct sigaction sa = {.sa_handler = stop}; /* no SA_RESTART: waiting ends */

	sigaction(SIGTERM, &sa, NULL);
	sa.sa_handler = halve;
	sigaction(SIGUSR1, &sa, NULL);
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void files_allow(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("setrlimit");
}

/* An IPv4 address as ::ffff:a.b.c.d makes a v4-mapped connection. */
static socklen_t address_parse(struct sockaddr_storage *sa, const char *address, const char *port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;
	struct sockaddr_in *in = (struct sockaddr_in *)sa;

	memset(sa, 0, sizeof(*sa));
	if (inet_pton(AF_INET, address, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)atoi(port));
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, address, &in6->sin6_addr) != 1)
		die(address);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)atoi(port));
	return sizeof(*in6);
}

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.fd = fd};

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

/* --- serve ------------------------------------------------------------------------------------- */

static void answer(int fd)
{
	char bytes[4096];
	ssize_t got;

	while ((got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		if (send(fd, bytes, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
	if (got == 0 || (got < 0 && errno != EAGAIN))
		close(fd);
}

static int serve(char **args, int protocol)
{
	int one = 1, zero = 0, listener, epoll = epoll_create1(0), fd;
	struct epoll_event events[EVENTS];
	struct sockaddr_storage sa;
	socklen_t len = address_parse(&sa, args[0], args[1]);

	listener = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK, protocol);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (sa.ss_family == AF_INET6)
		setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (listener < 0 || bind(listener, (struct sockaddr *)&sa, len) < 0 || listen(listener, 16384) < 0)
		die("listen");
	watch(epoll, listener, EPOLLIN);
	while (!stopped) {
		int count = epoll_wait(epoll, events, EVENTS, -1);

		for (int i = 0; i < count; i++) {
			if (events[i].data.fd != listener) {
				answer(events[i].data.fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
				watch(epoll, fd, EPOLLIN | EPOLLRDHUP);
		}
	}
	return 0;
}

/* --- open -------------------------------------------------------------------------------------- */

struct crowd {
	int epoll;
	int *fds;
	bool *asked;
	size_t opened, done, failed;
};

static void connection_begin(struct crowd *crowd, const struct sockaddr_storage *sa, socklen_t len)
{
	struct epoll_event event = {.events = EPOLLOUT, .data.u64 = crowd->opened};
	int fd = socket(sa->ss_family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_MPTCP);

	if (fd < 0)
		die("socket");
	if (connect(fd, (const struct sockaddr *)sa, len) < 0 && errno != EINPROGRESS)
		die("connect");
	if (epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
	crowd->fds[crowd->opened++] = fd;
}

static void ask(struct crowd *crowd, size_t i)
{
	struct epoll_event answer = {.events = EPOLLIN, .data.u64 = i};

	if (crowd->asked[i] || send(crowd->fds[i], "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1)
		return;
	crowd->asked[i] = true;
	epoll_ctl(crowd->epoll, EPOLL_CTL_MOD, crowd->fds[i], &answer);
}

static void event_take(struct crowd *crowd, const struct epoll_event *event)
{
	size_t i = event->data.u64;
	char byte;

	if (event->events & (EPOLLERR | EPOLLHUP))
		crowd->failed++;
	else if (event->events & EPOLLOUT)
		ask(crowd, i);
	else if (recv(crowd->fds[i], &byte, 1, MSG_DONTWAIT) == 1)
		crowd->done++;
	if (!(event->events & EPOLLOUT))
		epoll_ctl(crowd->epoll, EPOLL_CTL_DEL, crowd->fds[i], NULL);
}

static void close_half(struct crowd *crowd)
{
	size_t half = crowd->opened / 2;

	while (crowd->opened > half)
		close(crowd->fds[--crowd->opened]);
	printf("left %zu\n", crowd->opened);
	fflush(stdout);
}

/* One connection after the other, so that each has its turn once in every_ms. */
static void talk(const struct crowd *crowd, double begin_s, double every_ms, size_t *said)
{
	size_t due = (size_t)((now_s() - begin_s) * 1000 / every_ms * (double)crowd->opened);
	const struct timespec turn = {.tv_nsec = 1000000};
	char bytes[16];

	for (; *said < due && !stopped; ++*said) {
		int fd = crowd->fds[*said % crowd->opened];

		recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	nanosleep(&turn, NULL);
}

static int open_all(char **args)
{
	size_t count = (size_t)atol(args[2]), said = 0;
	double every_ms = args[4] ? atof(args[4]) : 0;
	struct epoll_event events[EVENTS];
	double begin_s = now_s(), rate = atof(args[3]);
	struct crowd crowd = {.epoll = epoll_create1(0)};
	struct sockaddr_storage sa;
	socklen_t len = address_parse(&sa, args[0], args[1]);

	crowd.fds = calloc(count, sizeof(*crowd.fds));
	crowd.asked = calloc(count, sizeof(*crowd.asked));
	while (!stopped && crowd.done + crowd.failed < count && now_s() - begin_s < (double)count / rate + 60) {
		size_t due = (size_t)((now_s() - begin_s) * rate) + 1;
		int got;

		while (crowd.opened < count && crowd.opened < due)
			connection_begin(&crowd, &sa, len);
		got = epoll_wait(crowd.epoll, events, EVENTS, 1);
		for (int i = 0; i < got; i++)
			event_take(&crowd, &events[i]);
		/* 6.18 does not report every MPTCP connection that is established */
		for (size_t i = 0; got == 0 && crowd.opened == count && i < count; i++)
			ask(&crowd, i);
	}
	printf("open %zu failed %zu seconds %.2f\n", crowd.done, crowd.failed, now_s() - begin_s);
	fflush(stdout);
	begin_s = now_s();
	while (!stopped) {
		if (every_ms > 0)
			talk(&crowd, begin_s, every_ms, &said);
		else
			pause();
		if (halved)
			close_half(&crowd);
		halved = 0;
	}
	free(crowd.fds);
	free(crowd.asked);
	return crowd.failed ? 1 : 0;
}

/* --- short ------------------------------------------------------------------------------------- */

static void slot_end(struct crowd *crowd, size_t i, bool is_done)
{
	if (is_done)
		crowd->done++;
	else
		crowd->failed++;
	close(crowd->fds[i]);
	crowd->fds[i] = -1;
	crowd->asked[i] = false;
}

static void slot_event(struct crowd *crowd, const struct epoll_event *event)
{
	size_t i = event->data.u64;
	char byte;

	if (crowd->fds[i] < 0)
		return;
	if (event->events & EPOLLIN)
		slot_end(crowd, i, recv(crowd->fds[i], &byte, 1, MSG_DONTWAIT) == 1);
	else if (event->events & (EPOLLERR | EPOLLHUP))
		slot_end(crowd, i, false);
	else
		ask(crowd, i);
}

static void slot_begin(struct crowd *crowd, size_t i, const struct sockaddr_storage *sa, socklen_t len)
{
	struct epoll_event event = {.events = EPOLLOUT, .data.u64 = i};
	int fd = socket(sa->ss_family, SOCK_STREAM | SOCK_NONBLOCK, IPPROTO_MPTCP);

	crowd->opened++;
	crowd->fds[i] = fd;
	if (fd < 0 || (connect(fd, (const struct sockaddr *)sa, len) < 0 && errno != EINPROGRESS) ||
	    epoll_ctl(crowd->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		slot_end(crowd, i, false);
}

static int short_ones(char **args)
{
	size_t count = (size_t)atol(args[2]), slots = (size_t)atol(args[3]);
	struct epoll_event events[EVENTS];
	double begin_s = now_s();
	struct crowd crowd = {.epoll = epoll_create1(0)};
	struct sockaddr_storage sa;
	socklen_t len = address_parse(&sa, args[0], args[1]);

	crowd.fds = calloc(slots, sizeof(*crowd.fds));
	crowd.asked = calloc(slots, sizeof(*crowd.asked));
	memset(crowd.fds, -1, slots * sizeof(*crowd.fds));
	while (!stopped && crowd.done + crowd.failed < count && now_s() - begin_s < 120) {
		int got;

		for (size_t i = 0; i < slots && crowd.opened < count; i++)
			if (crowd.fds[i] < 0)
				slot_begin(&crowd, i, &sa, len);
		got = epoll_wait(crowd.epoll, events, EVENTS, 1);
		for (int i = 0; i < got; i++)
			slot_event(&crowd, &events[i]);
		/* see open_all() */
		for (size_t i = 0; got == 0 && i < slots; i++)
			if (crowd.fds[i] >= 0)
				ask(&crowd, i);
	}
	printf("short %zu failed %zu seconds %.3f\n", crowd.done, count - crowd.done, now_s() - begin_s);
	free(crowd.fds);
	free(crowd.asked);
	return crowd.done == count ? 0 : 1;
}

/* --- shrink ------------------------------------------------------------------------------------ */

static int shrink(char **args)
{
	int pidfd = (int)syscall(SYS_pidfd_open, atoi(args[0]), 0), bytes = atoi(args[1]), found = 0;
	char path[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", atoi(args[0]));
	dir = opendir(path);
	if (pidfd < 0 || !dir)
		die(path);
	while ((entry = readdir(dir))) {
		int fd, domain = 0, protocol = 0;
		socklen_t len = sizeof(domain);

		fd = *entry->d_name == '.' ? -1 : (int)syscall(SYS_pidfd_getfd, pidfd, atoi(entry->d_name), 0);
		if (fd < 0)
			continue;
		if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_NETLINK &&
		    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &len) == 0 && protocol == NETLINK_GENERIC &&
		    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) == 0)
			found++;
		close(fd);
	}
	closedir(dir);
	return found ? 0 : 1;
}

int main(int argc, char **argv)
{
	signals_take();
	files_allow();
	if (argc == 4 && strcmp(argv[1], "serve") == 0)
		return serve(argv + 2, IPPROTO_MPTCP);
	if (argc == 4 && strcmp(argv[1], "serve-tcp") == 0)
		return serve(argv + 2, IPPROTO_TCP);
	if ((argc == 6 || argc == 7) && strcmp(argv[1], "open") == 0)
		return open_all(argv + 2);
	if (argc == 6 && strcmp(argv[1], "short") == 0)
		return short_ones(argv + 2);
	if (argc == 4 && strcmp(argv[1], "shrink") == 0)
		return shrink(argv + 2);
	fprintf(stderr, "usage: crowd serve|serve-tcp ADDRESS PORT | open ADDRESS PORT COUNT PER-SECOND [EVERY-MS] | "
			"short ADDRESS PORT COUNT AT-ONCE | shrink PID BYTES\n");
	return 2;
}
