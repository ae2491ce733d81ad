/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/takeover.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/netns.h"

#define RUN_DIR "/run/detourd"
#define PATH_MANAGER "/proc/sys/net/mptcp/path_manager" /* Linux 6.15 */
#define PM_TYPE "/proc/sys/net/mptcp/pm_type"		/* Linux 5.19 */
#define MPTCP_ENABLED "/proc/sys/net/mptcp/enabled"

/* The two forms of the same switch. */
struct pm_switch {
	const char *path;
	const char *userspace;
	const char *kernel;
};
static const struct pm_switch switches[] = {{PATH_MANAGER, "userspace", "kernel"}, {PM_TYPE, "1", "0"}};

/* Pid of an mptcpd in this network namespace, 0: none. */
static long mptcpd_find(void)
{
	char path[64], mine[64] = "", theirs[64], comm[32];
	struct dirent *entry;
	DIR *proc;
	long found = 0;

	if (readlink("/proc/self/ns/net", mine, sizeof(mine) - 1) < 0)
		return 0;
	proc = opendir("/proc");
	while (proc && !found && (entry = readdir(proc))) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
		if (dt_file_read(path, comm, sizeof(comm)) < 0 || strcmp(comm, "mptcpd") != 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/ns/net", pid);
		memset(theirs, 0, sizeof(theirs));
		if (readlink(path, theirs, sizeof(theirs) - 1) > 0 && strcmp(mine, theirs) == 0)
			found = pid;
	}
	if (proc)
		closedir(proc);
	return found;
}

static const struct pm_switch *switch_find(char *value, size_t cap)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (dt_file_read(switches[i].path, value, cap) == 0)
			return &switches[i];
	return NULL;
}

static int switch_take(struct dt_takeover *t)
{
	char value[64];
	const struct pm_switch *s = switch_find(value, sizeof(value));
	int err;

	if (!s) {
		dt_log_err("this kernel has no userspace MPTCP path manager (net.mptcp.pm_type): Linux 6.1 or newer "
			   "with CONFIG_MPTCP is needed");
		return -ENOENT;
	}
	if (strcmp(value, s->userspace) == 0)
		return 0; /* either the user's own choice, or a killed run's: then the file is there */
	err = dt_file_make_dirs(RUN_DIR);
	if (err == 0)
		err = dt_file_write(t->state_path, value);
	if (err) {
		dt_log_err("cannot remember the path manager in %s: %s", t->state_path, strerror(-err));
		return err;
	}
	err = dt_file_write(s->path, s->userspace);
	if (err)
		dt_log_err("cannot set %s to %s: %s%s", s->path, s->userspace, strerror(-err),
			   err == -EACCES || err == -EPERM ? "; run as root, or with CAP_NET_ADMIN" : "");
	return err;
}

static void switch_give_back(const struct dt_takeover *t)
{
	char before[64], value[64];
	const struct pm_switch *s;

	if (dt_file_read(t->state_path, before, sizeof(before)) < 0)
		return;
	s = switch_find(value, sizeof(value));
	/* the file may be older than a kernel's newer form of the switch; both mean the same two things */
	if (s && strcmp(value, s->userspace) == 0) {
		bool was_kernel = strcmp(before, "0") == 0 || strcmp(before, "kernel") == 0;
		int err = dt_file_write(s->path, was_kernel ? s->kernel : before);

		if (err)
			dt_log_warn("cannot put %s back to %s: %s", s->path, before, strerror(-err));
	}
	unlink(t->state_path);
}

int dt_takeover_begin(struct dt_takeover *t)
{
	char enabled[16];
	long mptcpd;
	int err;

	memset(t, 0, sizeof(*t));
	t->lock_fd = dt_netns_lock("detourd-client");
	if (t->lock_fd == -EBUSY)
		dt_log_err("another detourd is managing this network namespace already");
	else if (t->lock_fd < 0)
		dt_log_err("cannot lock this network namespace: %s", strerror(-t->lock_fd));
	if (t->lock_fd < 0) {
		err = t->lock_fd;
		t->lock_fd = -1;
		return err;
	}
	if (dt_file_read(MPTCP_ENABLED, enabled, sizeof(enabled)) < 0) {
		dt_log_err("this kernel has no MPTCP (net.mptcp.enabled): CONFIG_MPTCP is needed");
		err = -ENOENT;
		goto failed;
	}
	if (strcmp(enabled, "1") != 0)
		dt_log_warn("net.mptcp.enabled = %s: no connection will be MPTCP until it is 1", enabled);
	mptcpd = mptcpd_find();
	if (mptcpd) {
		dt_log_err("mptcpd (pid %ld) is managing this network namespace; stop it first, there can be only one",
			   mptcpd);
		err = -EBUSY;
		goto failed;
	}
	err = dt_netns_cookie(t->lock_fd, &t->netns_cookie);
	if (err) {
		dt_log_err("this kernel does not tell network namespaces apart (SO_NETNS_COOKIE): %s", strerror(-err));
		goto failed;
	}
	snprintf(t->state_path, sizeof(t->state_path), RUN_DIR "/netns-%llx.pm", (unsigned long long)t->netns_cookie);
	err = switch_take(t);
	if (err)
		goto failed;
	return 0;
failed:
	close(t->lock_fd);
	t->lock_fd = -1;
	return err;
}

void dt_takeover_end(struct dt_takeover *t)
{
	if (t->lock_fd < 0)
		return;
	switch_give_back(t);
	close(t->lock_fd);
	t->lock_fd = -1;
}
