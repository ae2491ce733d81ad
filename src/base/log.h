/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log to stderr, one line an event: "level: words key=value ...". Under systemd (JOURNAL_STREAM set) lines
 * carry the <N> priority prefix. Never pass keys or MPTCP tokens here.
 */
#ifndef DETOURD_BASE_LOG_H
#define DETOURD_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum dt_log_level { DT_LOG_ERR, DT_LOG_WARN, DT_LOG_INFO, DT_LOG_DEBUG };

/* Default is DT_LOG_INFO. */
void dt_log_set_level(enum dt_log_level level);
void dt_log(enum dt_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A record that was asked for by name: written whatever the level. */
void dt_log_record(const char *line);

#define dt_log_err(...) dt_log(DT_LOG_ERR, __VA_ARGS__)
#define dt_log_warn(...) dt_log(DT_LOG_WARN, __VA_ARGS__)
#define dt_log_info(...) dt_log(DT_LOG_INFO, __VA_ARGS__)
#define dt_log_debug(...) dt_log(DT_LOG_DEBUG, __VA_ARGS__)

/* For what a peer can trigger: at most one line a second per limit, suppressed ones are counted. */
struct dt_log_limit {
	uint64_t next_ns;
	uint64_t suppressed;
};
/* True when a line may be written now; *suppressed gets how many were held back since the last. */
bool dt_log_allowed(struct dt_log_limit *limit, uint64_t now_ns, uint64_t *suppressed);

#endif
