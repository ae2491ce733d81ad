/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log to stderr, one line an event: "level: words key=value ...". Where stderr leads to systemd's journal, lines go there by
 * its own protocol, with their keys as fields; with JOURNAL_STREAM set otherwise they carry the <N> priority prefix. Never pass keys or MPTCP tokens here.
 */
#ifndef DETOURD_BASE_LOG_H
#define DETOURD_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum dt_log_level { DT_LOG_ERR, DT_LOG_WARN, DT_LOG_INFO, DT_LOG_DEBUG };

/* Default is DT_LOG_INFO. */
void dt_log_set_level(enum dt_log_level level);
void dt_log(enum dt_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A line that the configuration asked for: written whatever the level. */
void dt_log_record(const char *line);

#define dt_log_err(...) dt_log(DT_LOG_ERR, __VA_ARGS__)
#define dt_log_warn(...) dt_log(DT_LOG_WARN, __VA_ARGS__)
#define dt_log_info(...) dt_log(DT_LOG_INFO, __VA_ARGS__)
#define dt_log_debug(...) dt_log(DT_LOG_DEBUG, __VA_ARGS__)

/* For lines that a peer can cause: at most one a second; others are counted. */
struct dt_log_limit {
	uint64_t next_ns;
	uint64_t suppressed;
};
/* May a line be written now? If so, *suppressed is how many were not since the last one. */
bool dt_log_allowed(struct dt_log_limit *limit, uint64_t now_ns, uint64_t *suppressed);

#endif
