/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

/* A full table is less than a fifth of it. */
#define SIZE_MAX_READ (4 * 1024 * 1024)

static char *beside(const char *path, const char *suffix)
{
	char *name = malloc(strlen(path) + strlen(suffix) + 1);

	if (name)
		strcat(strcpy(name, path), suffix);
	return name;
}

/* --- reading ----------------------------------------------------------------------------------- */

/* The text, to be freed, ended by a zero; a zero inside it ends it early, which the parser finds out. */
static int text_read(int fd, char **out)
{
	struct stat st;
	ssize_t got = 0;
	char *text;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EBADF;
	if (st.st_size > SIZE_MAX_READ)
		return -EFBIG;
	text = calloc(1, (size_t)st.st_size + 1);
	if (!text)
		return -ENOMEM;
	for (off_t at = 0; at < st.st_size && (got = read(fd, text + at, (size_t)(st.st_size - at))) > 0; at += got)
		;
	if (got < 0) {
		got = -errno;
		free(text);
		return (int)got;
	}
	*out = text;
	return 0;
}

static int put_aside(const char *path, const char *why, unsigned line)
{
	char *aside = beside(path, ".damaged");
	int err = aside ? 0 : -ENOMEM;

	if (err == 0 && rename(path, aside) < 0)
		err = -errno;
	if (err)
		dt_log_warn(
			"state %s: %s at line %u, and it cannot be put aside: %s; what was measured will not be kept",
			path, why, line, strerror(-err));
	else
		dt_log_warn("state %s: %s at line %u; put aside as %s, what was measured is forgotten", path, why, line,
			    aside);
	free(aside);
	return err;
}

int dt_state_read(const char *path, struct dt_history *h, uint64_t now_s)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), err;
	unsigned line = 0;
	char *text = NULL;

	if (fd < 0 && errno == ENOENT)
		return 0;
	err = fd < 0 ? -errno : text_read(fd, &text);
	if (fd >= 0)
		close(fd);
	if (err == 0)
		err = dt_history_parse(h, text, now_s, &line);
	free(text);
	if (err == -EINVAL)
		return put_aside(path, "not written by detourd, or not to its end,", line);
	if (err)
		dt_log_warn("state %s: cannot read it: %s; what was measured will not be kept", path,
			    err == -EBADF   ? "not a file"
			    : err == -EFBIG ? "too large to be ours"
					    : strerror(-err));
	return err;
}

/* --- writing ----------------------------------------------------------------------------------- */

static int text_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600), err = 0;
	size_t len = strlen(text);
	ssize_t put;

	if (fd < 0)
		return -errno;
	for (size_t at = 0; err == 0 && at < len; at += (size_t)put) {
		put = write(fd, text + at, len - at);
		if (put < 0)
			err = -errno;
	}
	if (close(fd) < 0 && err == 0)
		err = -errno;
	return err;
}

int dt_state_write(const char *path, const struct dt_history *h)
{
	char *text = dt_history_format(h), *fresh = beside(path, ".new");
	int err = text && fresh ? text_write(fresh, text) : -ENOMEM;

	if (err == 0 && rename(fresh, path) < 0)
		err = -errno;
	if (err && fresh)
		unlink(fresh);
	free(text);
	free(fresh);
	return err;
}
