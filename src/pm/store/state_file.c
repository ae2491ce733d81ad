/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/history.h"
#include "pm/store/pm.h"

#define WRITE_EVERY_NS (60 * DT_SEC)

/* Bytes. A full history needs less than half of it. */
#define FILE_SIZE_MAX (4 * 1024 * 1024)

/* To be freed; NULL: out of memory. */
static char *path_with_suffix(const char *path, const char *suffix)
{
	char *name = malloc(strlen(path) + strlen(suffix) + 1);

	if (name)
		strcat(strcpy(name, path), suffix);
	return name;
}

/* --- reading ----------------------------------------------------------------------------------- */

/* *out: the text, ended by a zero, to be freed. A zero byte inside the file ends it early, which the parser detects. */
static int text_read(int fd, char **out)
{
	struct stat st;
	ssize_t got = 0;
	char *text;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EBADF;
	if (st.st_size > FILE_SIZE_MAX)
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

static int damaged_rename(const char *path, unsigned line)
{
	char *damaged = path_with_suffix(path, ".damaged");
	int err = damaged ? 0 : -ENOMEM;

	if (err == 0 && rename(path, damaged) < 0)
		err = -errno;
	if (err)
		dt_log_warn("state %s: damaged at line %u, or not written by detourd, and cannot rename it: %s; no "
			    "measurements will be stored",
			    path, line, strerror(-err));
	else
		dt_log_warn("state %s: damaged at line %u, or not written by detourd; renamed to %s, starting without "
			    "measurements",
			    path, line, damaged);
	free(damaged);
	return err;
}

static int read_into(const char *path, struct dt_history *h, uint64_t now_s)
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
		return damaged_rename(path, line);
	if (err)
		dt_log_warn("state %s: cannot read it: %s; no measurements will be stored", path,
			    err == -EBADF   ? "not a regular file"
			    : err == -EFBIG ? "too large for a file of detourd's"
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

static int write_from(const char *path, const struct dt_history *h)
{
	char *text = dt_history_format(h), *fresh = path_with_suffix(path, ".new");
	int err = text && fresh ? text_write(fresh, text) : -ENOMEM;

	if (err == 0 && rename(fresh, path) < 0)
		err = -errno;
	if (err && fresh)
		unlink(fresh);
	free(text);
	free(fresh);
	return err;
}

/* --- when it is read and written --------------------------------------------------------------- */

struct dt_state_file {
	uint64_t done_ns;  /* when it was last read or written; 0: never */
	bool unreadable;   /* reading failed, so the file must not be overwritten */
	bool write_failed; /* the last attempt; logged once */
};

int dt_state_file_new(struct dt_pm *pm)
{
	pm->state = calloc(1, sizeof(*pm->state));
	return pm->state ? 0 : -ENOMEM;
}

void dt_state_file_free(struct dt_pm *pm)
{
	free(pm->state);
	pm->state = NULL;
}

void dt_state_file_read(struct dt_pm *pm)
{
	pm->state->done_ns = dt_now_ns();
	if (pm->config->state)
		pm->state->unreadable = read_into(pm->config->state, pm->history, dt_now_s()) < 0;
}

void dt_state_file_write(struct dt_pm *pm)
{
	struct dt_state_file *state = pm->state;
	bool changed;
	int err;

	if (!state || !state->done_ns)
		return; /* never read: a start that failed has nothing to store */
	changed = dt_history_changed(pm->history) || state->write_failed;
	state->done_ns = dt_now_ns();
	if (!pm->config->state || state->unreadable || !changed)
		return;
	err = write_from(pm->config->state, pm->history);
	if (err && !state->write_failed)
		dt_log_warn("state %s: cannot write it: %s; measurements are kept until detourd stops, trying again "
			    "every minute",
			    pm->config->state, strerror(-err));
	state->write_failed = err != 0;
}

void dt_state_file_tick(struct dt_pm *pm, uint64_t now_ns)
{
	if (now_ns - pm->state->done_ns >= WRITE_EVERY_NS)
		dt_state_file_write(pm);
}
