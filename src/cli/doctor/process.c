/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX (4 << 20)

static void child_run(const char *const argv[], bool errors, int fd)
{
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(fd, STDOUT_FILENO);
	dup2(errors ? fd : null, STDERR_FILENO);
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

/* All of it; NULL: too much, or no memory. */
static char *output_read(int fd)
{
	size_t len = 0, cap = 4096;
	char *out = malloc(cap);
	ssize_t got;

	while (out) {
		if (len + 1 == cap) {
			char *more = cap < OUTPUT_MAX ? realloc(out, 2 * cap) : NULL;

			if (!more)
				break;
			out = more;
			cap *= 2;
		}
		got = read(fd, out + len, cap - len - 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			out[len] = '\0';
			return out;
		}
		len += (size_t)got;
	}
	free(out);
	return NULL;
}

char *dt_process_output(const char *const argv[], bool errors, int *code)
{
	int ends[2], status;
	char *out;
	pid_t pid;

	*code = -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return NULL;
	pid = fork();
	if (pid == 0)
		child_run(argv, errors, ends[1]);
	close(ends[1]);
	out = pid < 0 ? NULL : output_read(ends[0]);
	close(ends[0]);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		*code = WEXITSTATUS(status);
	if (*code == 127) {
		free(out);
		return NULL;
	}
	return out;
}
