/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/takeover.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/netns.h"
#include "base/run_dir.h"
#include "pm/kernel/mptcpd.h"

#define PATH_MANAGER "/proc/sys/net/mptcp/path_manager" /* since Linux 6.15 */
#define PM_TYPE "/proc/sys/net/mptcp/pm_type"		/* since Linux 5.19 */
#define MPTCP_ENABLED "/proc/sys/net/mptcp/enabled"

/* The same switch has a newer and an older name. The newer one comes first. */
struct pm_switch {
	const char *path;
	const char *userspace;
	const char *kernel;
};
static const struct pm_switch switches[] = {{PATH_MANAGER, "userspace", "kernel"}, {PM_TYPE, "1", "0"}};

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
		dt_log_err("this kernel has no userspace MPTCP path manager (net.mptcp.pm_type): use Linux 6.1 or "
			   "newer with CONFIG_MPTCP");
		return -ENOENT;
	}
	if (strcmp(value, s->userspace) == 0)
		return 0; /* set by the user, or left by a run that was killed: then its file still exists */
	err = dt_file_replace(t->state_path, value);
	if (err) {
		dt_log_err("cannot store the present %s in %s: %s", s->path, t->state_path, strerror(-err));
		return err;
	}
	err = dt_file_write(s->path, s->userspace);
	if (err)
		dt_log_err("cannot set %s to %s: %s%s", s->path, s->userspace, strerror(-err),
			   err == -EACCES || err == -EPERM ? "; run as root, or with CAP_NET_ADMIN" : "");
	return err;
}

/*
 * Sets the switch to what it was. The file may hold the older switch's value (0), if the kernel was updated since; and a
 * value that this kernel refuses, or none, if the file was damaged: then the kernel's default is right.
 */
static int switch_set_back(const struct pm_switch *s, const char *before)
{
	int err = -EINVAL;

	if (strcmp(before, "0") == 0 || strcmp(before, "kernel") == 0)
		return dt_file_write(s->path, s->kernel);
	if (*before)
		err = dt_file_write(s->path, before);
	if (err) {
		dt_log_warn("cannot set %s back to \"%s\", so it becomes the kernel's default, %s", s->path, before,
			    s->kernel);
		err = dt_file_write(s->path, s->kernel);
	}
	return err;
}

static void switch_give_back(const struct dt_takeover *t)
{
	char before[64], value[64];
	const struct pm_switch *s;
	int err = dt_file_read(t->state_path, before, sizeof(before));

	if (err == -ENOENT)
		return;
	if (err)
		*before = '\0';
	s = switch_find(value, sizeof(value));
	err = s && strcmp(value, s->userspace) == 0 ? switch_set_back(s, before) : 0;
	if (err)
		dt_log_err("cannot set %s back: %s; MPTCP connections now have no path manager: sysctl -w "
			   "%s=%s",
			   s->path, strerror(-err), s->path + strlen("/proc/sys/"), s->kernel);
	else
		unlink(t->state_path);
}

/* When memory runs out: see base/memory.h. */
static void give_back_at_once(void *takeover)
{
	switch_give_back(takeover);
}

int dt_takeover_begin(struct dt_takeover *t)
{
	char enabled[16];
	long mptcpd;
	int err;

	memset(t, 0, sizeof(*t));
	t->lock_fd = dt_netns_lock("client");
	if (t->lock_fd == -EBUSY)
		dt_log_err("another detourd is running in this network namespace, and there can be only one: stop it "
			   "first");
	if (t->lock_fd < 0) {
		err = t->lock_fd;
		t->lock_fd = -1;
		return err;
	}
	if (dt_file_read(MPTCP_ENABLED, enabled, sizeof(enabled)) < 0) {
		dt_log_err("this kernel has no MPTCP (net.mptcp.enabled): use one with CONFIG_MPTCP");
		err = -ENOENT;
		goto failed;
	}
	if (strcmp(enabled, "1") != 0)
		dt_log_warn("net.mptcp.enabled = %s: no new connection is MPTCP until it is 1", enabled);
	mptcpd = dt_mptcpd_find();
	if (mptcpd) {
		dt_log_err("mptcpd (pid %ld) manages this network namespace, and there can be only one path manager: "
			   "stop it first",
			   mptcpd);
		err = -EBUSY;
		goto failed;
	}
	err = dt_netns_cookie(&t->netns_cookie);
	if (err) {
		dt_log_err("cannot identify this network namespace (SO_NETNS_COOKIE): %s", strerror(-err));
		goto failed;
	}
	snprintf(t->state_path, sizeof(t->state_path), DT_RUN_DIR "/netns-%llx.pm",
		 (unsigned long long)t->netns_cookie);
	snprintf(t->converted_path, sizeof(t->converted_path), DT_RUN_DIR "/netns-%llx.converted",
		 (unsigned long long)t->netns_cookie);
	err = switch_take(t);
	if (err)
		goto failed;
	dt_memory_cleanup_add(give_back_at_once, t);
	return 0;
failed:
	dt_run_dir_unlock(t->lock_fd);
	t->lock_fd = -1;
	return err;
}

void dt_takeover_end(struct dt_takeover *t)
{
	if (t->lock_fd < 0)
		return;
	dt_memory_cleanup_remove(give_back_at_once, t);
	switch_give_back(t);
	dt_run_dir_unlock(t->lock_fd);
	t->lock_fd = -1;
}
