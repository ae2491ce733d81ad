/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/convert_process.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "convert/channel.h"
#include "convert/process.h"

int dt_convert_process_connect(void)
{
	char path[PATH_MAX];
	int err = dt_channel_path(path, sizeof(path));

	return err ? err : dt_channel_connect(path);
}

/* In the child, between fork() and exec(): only what is safe there. */
static void become(int listener)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* without close-on-exec, which dup2() leaves alone where both are the same */
	if (listener == DT_CHANNEL_FD)
		listener = dup(listener);
	if (dup2(listener, DT_CHANNEL_FD) < 0)
		_exit(1);
	close_range(DT_CHANNEL_FD + 1, ~0U, 0);
	execl("/proc/self/exe", "detourd", DT_CONVERT_ARGUMENT, (char *)NULL);
	_exit(1);
}

int dt_convert_process_start(void)
{
	char path[PATH_MAX];
	int err = dt_channel_path(path, sizeof(path)), listener = err ? err : dt_channel_listen(path), fd;
	pid_t pid;

	if (listener < 0)
		return listener;
	/* twice, so that it is nobody's child here: its end is told by the channel */
	pid = fork();
	if (pid == 0) {
		if (fork() == 0)
			become(listener);
		_exit(0);
	}
	err = pid < 0 ? -errno : 0;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	fd = err ? err : dt_channel_connect(path);
	close(listener);
	return fd;
}
