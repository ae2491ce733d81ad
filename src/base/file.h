/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small text files: sysctls and the state that outlives a process. */
#ifndef DETOURD_BASE_FILE_H
#define DETOURD_BASE_FILE_H

#include <stddef.h>

/* Reads up to cap - 1 bytes, ends them, and drops a final newline. Negative errno; -EFBIG if it did not fit. */
int dt_file_read(const char *path, char *out, size_t cap);
/* Writes text to an existing or new file (0600) in one write. Negative errno. */
int dt_file_write(const char *path, const char *text);
/* Makes every missing directory of path (0755). Negative errno. */
int dt_file_make_dirs(const char *path);

#endif
