/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a connection costs its program.
 *     connects serve ADDRESS PORT        over TCP and MPTCP alike: answers a byte to a byte, closes what the client closes
 *     connects open ADDRESS PORT COUNT KIND[:COMMAND]...
 *                                        COUNT connections of each KIND (tcp or mptcp, what is asked for), one after the
 *                                        other in turn, by a program of the name COMMAND; prints a line for each:
 *                                        number of KIND, microseconds of connect, of the first byte, of CPU, and
 *                                        whether it is MPTCP (1 or 0)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif
#define MPTCP_INFO_OPTION 1

static double now_us(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int serve(const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, getenv("PLAIN") ? IPPROTO_TCP : IPPROTO_MPTCP), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 || listen(fd, 1024) < 0)
		return fail("serve");
	for (;;) {
		int peer = accept(fd, NULL, NULL);
		char byte;

		if (peer < 0)
			continue;
		while (read(peer, &byte, 1) == 1)
			if (write(peer, &byte, 1) != 1)
				break;
		close(peer);
	}
}

static int is_mptcp(int fd)
{
	char info[256];
	socklen_t len = sizeof(info);

	return getsockopt(fd, SOL_MPTCP, MPTCP_INFO_OPTION, info, &len) == 0;
}

static int open_one(const struct sockaddr_in *address, int which, int protocol)
{
	double cpu_us = now_us(CLOCK_PROCESS_CPUTIME_ID), begin_us = now_us(CLOCK_MONOTONIC), connect_us, byte_us;
	int fd = socket(AF_INET, SOCK_STREAM, protocol), mptcp;
	char byte = 'x';

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return fail("connect");
	connect_us = now_us(CLOCK_MONOTONIC) - begin_us;
	if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1)
		return fail("the byte");
	byte_us = now_us(CLOCK_MONOTONIC) - begin_us;
	mptcp = is_mptcp(fd);
	close(fd);
	printf("%d %.1f %.1f %.1f %d\n", which, connect_us, byte_us, now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu_us, mptcp);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};

	if (argc < 4 || inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		return 2;
	address.sin_port = htons((in_port_t)atoi(argv[3]));
	if (strcmp(argv[1], "serve") == 0)
		return serve(&address);
	for (int n = 0; argc > 4 && n < atoi(argv[4]); n++)
		for (int k = 5; k < argc; k++) {
			const char *command = strchr(argv[k], ':');

			if (command)
				prctl(PR_SET_NAME, command + 1);
			if (open_one(&address, k - 4, strncmp(argv[k], "mptcp", 5) == 0 ? IPPROTO_MPTCP : IPPROTO_TCP))
				return 1;
		}
	return 0;
}
