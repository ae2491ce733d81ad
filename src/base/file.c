/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int dt_file_read(const char *path, char *out, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while ((got = read(fd, out + len, cap - len)) > 0) {
		len += (size_t)got;
		if (len == cap) {
			close(fd);
			return -EFBIG;
		}
	}
	if (got < 0) {
		int err = -errno;

		close(fd);
		return err;
	}
	close(fd);
	out[len] = '\0';
	if (len && out[len - 1] == '\n')
		out[len - 1] = '\0';
	return 0;
}

static int text_put(int fd, const char *text, bool sync)
{
	size_t len = strlen(text);
	ssize_t put = write(fd, text, len);
	int err = 0;

	if (put < 0)
		err = -errno;
	else if ((size_t)put != len)
		err = -EIO;
	else if (sync && fsync(fd) < 0)
		err = -errno;
	if (close(fd) < 0 && err == 0)
		err = -errno;
	return err;
}

int dt_file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? -errno : text_put(fd, text, false);
}

/* Else a new name may not be on the disk although the text is. */
static int directory_sync(const char *path)
{
	char copy[PATH_MAX];
	int fd, err;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return err;
}

int dt_file_replace(const char *path, const char *text)
{
	char fresh[PATH_MAX];
	int fd, err;

	if (snprintf(fresh, sizeof(fresh), "%s.new", path) >= (int)sizeof(fresh))
		return -ENAMETOOLONG;
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	/* else the new name may be on the disk before the text is */
	err = text_put(fd, text, true);
	if (err == 0 && rename(fresh, path) < 0)
		err = -errno;
	if (err)
		unlink(fresh);
	return err ? err : directory_sync(path);
}

int dt_file_make_dirs(const char *path)
{
	char partial[PATH_MAX];

	if (strlen(path) >= sizeof(partial))
		return -ENAMETOOLONG;
	strcpy(partial, path);
	for (char *at = partial + 1;; at++) {
		char was = *at;

		if (was != '/' && was != '\0')
			continue;
		*at = '\0';
		if (mkdir(partial, 0755) < 0 && errno != EEXIST)
			return -errno;
		*at = was;
		if (was == '\0')
			return 0;
	}
}
