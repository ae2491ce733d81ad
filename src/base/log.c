/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/journal.h"

static enum dt_log_level threshold = DT_LOG_INFO;

void dt_log_set_level(enum dt_log_level level)
{
	threshold = level;
}

/* Negative: stderr does not lead to the journal, or the journal is not there. */
static int journal_fd(void)
{
	static int fd;
	static bool looked;

	if (!looked)
		fd = dt_journal_has(getenv("JOURNAL_STREAM"), STDERR_FILENO) ? dt_journal_open(DT_JOURNAL_SOCKET) : -1;
	looked = true;
	return fd;
}

static void line_write(enum dt_log_level level, const char *line)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	static const int priorities[] = {3, 4, 6, 7};

	if (journal_fd() >= 0 && dt_journal_send(journal_fd(), priorities[level], line))
		return;
	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>%s\n", priorities[level], line);
	else
		fprintf(stderr, "detourd: %s: %s\n", names[level], line);
}

void dt_log(enum dt_log_level level, const char *fmt, ...)
{
	char line[1024];
	va_list args;

	if (level > threshold)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	line_write(level, line);
}

void dt_log_record(const char *line)
{
	line_write(DT_LOG_INFO, line);
}

bool dt_log_allowed(struct dt_log_limit *limit, uint64_t now_ns, uint64_t *suppressed)
{
	if (now_ns < limit->next_ns) {
		limit->suppressed++;
		return false;
	}
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	limit->next_ns = now_ns + DT_SEC;
	return true;
}
