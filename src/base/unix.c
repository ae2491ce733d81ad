/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/unix.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

int dt_unix_address(struct sockaddr_un *out, const char *path)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(out->sun_path))
		return -ENAMETOOLONG;
	strcpy(out->sun_path, path);
	return 0;
}

int dt_unix_connect(const char *path, int type)
{
	struct sockaddr_un sa;
	int fd, err = dt_unix_address(&sa, path);

	if (err)
		return err;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	err = -errno;
	close(fd);
	return err;
}

static int stale_remove(const char *path)
{
	struct stat st;
	int fd, err = 0;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = dt_unix_connect(path, SOCK_STREAM | SOCK_NONBLOCK);
	if (fd >= 0)
		close(fd);
	/* EAGAIN: its backlog is full, so there is one */
	if (fd >= 0 || fd == -EAGAIN)
		err = -EADDRINUSE;
	else if (fd != -ECONNREFUSED && fd != -ENOENT)
		err = fd;
	if (err == 0 && unlink(path) < 0 && errno != ENOENT)
		err = -errno;
	return err;
}

static int parent_make(const char *path)
{
	char *copy = strdup(path);
	int err = copy ? dt_file_make_dirs(dirname(copy)) : -ENOMEM;

	free(copy);
	return err;
}

int dt_unix_place_clear(const char *path)
{
	struct sockaddr_un sa;
	int err = dt_unix_address(&sa, path);

	if (err == 0)
		err = parent_make(path);
	return err ? err : stale_remove(path);
}
