/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/convert_process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/socket.h>
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

int dt_convert_process_kill(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	if (peer.pid <= 1 || peer.pid == getpid())
		return -ESRCH;
	return kill(peer.pid, SIGKILL) < 0 && errno != ESRCH ? -errno : 0;
}

/* In the child, between fork() and exec(): only what is safe there. */
static void become(int listener)
{
	sigset_t none;

	/* whoever does this last is the peer for those that connect: see dt_convert_process_kill() */
	if (listen(listener, DT_CHANNEL_BACKLOG) < 0)
		_exit(1);
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

/* Returns once the process is the peer of who connects. */
static int process_fork(int listener)
{
	char ignored;
	int begun[2], err;
	pid_t pid;

	if (pipe2(begun, O_CLOEXEC) < 0)
		return -errno;
	/* twice, so that it is nobody's child here: its end is told by the channel */
	pid = fork();
	if (pid == 0) {
		if (fork() == 0)
			become(listener);
		_exit(0);
	}
	err = pid < 0 ? -errno : 0;
	close(begun[1]);
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		/* it closes its end behind listen() */
		while (read(begun[0], &ignored, 1) < 0 && errno == EINTR)
			;
	}
	close(begun[0]);
	return err;
}

int dt_convert_process_start(void)
{
	char path[PATH_MAX];
	int err = dt_channel_path(path, sizeof(path)), listener = err ? err : dt_channel_listen(path), fd;

	if (listener < 0)
		return listener;
	err = process_fork(listener);
	fd = err ? err : dt_channel_connect(path);
	close(listener);
	return fd;
}
