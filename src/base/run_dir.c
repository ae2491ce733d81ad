/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/run_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

/*
 * Who owns the directory can take locks and put files in place. Beside root and this user it may be the units' user: root
 * runs --flush, or a client, beside a relay that is a unit. That user's daemons administer the network already.
 */
static bool is_trusted(uid_t owner)
{
	const struct passwd *units;

	if (owner == 0 || owner == geteuid())
		return true;
	units = getpwnam(DT_UNITS_USER);
	return units && units->pw_uid == owner;
}

int dt_run_dir_make(void)
{
	struct stat st;
	int err = dt_file_make_dirs(DT_RUN_DIR);

	if (err == 0 && lstat(DT_RUN_DIR, &st) < 0)
		err = -errno;
	if (err) {
		dt_log_err("cannot make %s: %s", DT_RUN_DIR, strerror(-err));
		return err;
	}
	if (S_ISDIR(st.st_mode) && !(st.st_mode & (S_IWGRP | S_IWOTH)) && is_trusted(st.st_uid))
		return 0;
	dt_log_err("%s must be a directory of root's or of the user " DT_UNITS_USER
		   ", that no other user can write to: chown root %s; chmod 755 %s",
		   DT_RUN_DIR, DT_RUN_DIR, DT_RUN_DIR);
	return -EPERM;
}

/* The holder removes the file before it lets go of the lock: then the lock is on a file that nobody else will open. */
static bool is_removed(int fd, const char *path)
{
	struct stat ours, there;

	return fstat(fd, &ours) < 0 || lstat(path, &there) < 0 || ours.st_ino != there.st_ino ||
	       ours.st_dev != there.st_dev;
}

int dt_run_dir_lock(const char *name)
{
	char path[PATH_MAX];
	int err = dt_run_dir_make(), fd;

	if (err)
		return err;
	snprintf(path, sizeof(path), DT_RUN_DIR "/%s", name);
	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0) {
			err = -errno;
			dt_log_err("cannot open the lock %s: %s", path, strerror(-err));
			return err;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			err = errno == EWOULDBLOCK ? -EBUSY : -errno;
			if (err != -EBUSY)
				dt_log_err("cannot lock %s: %s", path, strerror(-err));
			close(fd);
			return err;
		}
		if (!is_removed(fd, path))
			return fd;
		close(fd);
	}
}

void dt_run_dir_unlock(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t len;

	if (fd < 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len > 0) {
		path[len] = '\0';
		unlink(path);
	}
	close(fd);
}
