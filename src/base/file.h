/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small text files: sysctls, and state that is kept between runs. */
#ifndef DETOURD_BASE_FILE_H
#define DETOURD_BASE_FILE_H

#include <stddef.h>

/* Reads at most cap - 1 bytes, drops a final newline, and ends the string. Negative errno; -EFBIG: it does not fit. */
int dt_file_read(const char *path, char *out, size_t cap);
/* Writes text to an existing or new file (0600) in one write. Negative errno. */
int dt_file_write(const char *path, const char *text);
/*
 * Replaces a file by one (0600) with this text: whatever happens meanwhile, the file has its old text or the new one. It
 * is written beside it, as PATH.new. Not for sysctls. Negative errno.
 */
int dt_file_replace(const char *path, const char *text);
/* Makes every missing directory of path (0755). Negative errno. */
int dt_file_make_dirs(const char *path);

#endif
