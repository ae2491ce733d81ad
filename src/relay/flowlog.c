/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/flowlog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "relay/config.h"

#define LINE_MAX_LEN 640
#define TIME_STRLEN sizeof("2026-11-25T03:04:05.678Z")

struct dt_flowlog {
	int fd; /* -1: no file */
	bool to_stderr;
	bool instead; /* to_stderr, because the file cannot be opened */
	bool torn;    /* the last line in the file was cut */
	struct dt_flowlog_counts counts;
	struct dt_log_limit failed_log;
};

/* *fd is -1 where no file is needed. */
static int file_open(const char *where, int *fd)
{
	*fd = -1;
	if (!where || strcmp(where, DT_FLOWLOG_STDERR) == 0)
		return 0;
	/* not blocking: a pipe that nobody reads must not stop the relay */
	*fd = open(where, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (*fd < 0) {
		int err = -errno;

		dt_log_err("cannot open log-flows = %s: %s", where, strerror(-err));
		return err;
	}
	return 0;
}

static void file_take(struct dt_flowlog *log, const char *where, int fd)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = fd;
	log->to_stderr = where && fd < 0;
	log->instead = false;
	log->torn = false;
}

void dt_flowlog_reopen(struct dt_flowlog *log, const char *where)
{
	int fd, err = file_open(where, &fd);

	file_take(log, where, fd);
	if (!err)
		return;
	log->instead = true;
	dt_log_warn("until it can be opened at a reload, the lines about flows go to this log");
}

int dt_flowlog_open(struct dt_flowlog **out, const char *where)
{
	struct dt_flowlog *log = calloc(1, sizeof(*log));
	int err, fd;

	if (!log)
		return -ENOMEM;
	err = file_open(where, &fd);
	if (err) {
		free(log);
		return err;
	}
	log->fd = -1;
	file_take(log, where, fd);
	*out = log;
	return 0;
}

void dt_flowlog_close(struct dt_flowlog *log)
{
	if (!log)
		return;
	if (log->fd >= 0)
		close(log->fd);
	free(log);
}

struct dt_flowlog_counts dt_flowlog_counts(const struct dt_flowlog *log)
{
	return log->counts;
}

/* RFC 3339, of a moment of CLOCK_BOOTTIME. Wrong by as much as the wall clock was set since then. */
static const char *time_format(uint64_t at_ns, uint64_t now_ns, char *out)
{
	struct timespec wall;
	uint64_t wall_ms;
	time_t seconds;
	struct tm tm;
	char date[sizeof("2026-11-25T03:04:05")];

	clock_gettime(CLOCK_REALTIME, &wall);
	wall_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / DT_MS - (now_ns - at_ns) / DT_MS;
	seconds = (time_t)(wall_ms / 1000);
	gmtime_r(&seconds, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out, TIME_STRLEN, "%s.%03uZ", date, (unsigned)(wall_ms % 1000));
	return out;
}

static int line_append(struct dt_flowlog *log, char *line, size_t len)
{
	ssize_t put;

	/* a new line after one that was cut */
	if (log->torn && write(log->fd, "\n", 1) != 1)
		return -errno;
	log->torn = false;
	line[len] = '\n';
	put = write(log->fd, line, len + 1);
	line[len] = '\0';
	if (put < 0)
		return -errno;
	log->torn = (size_t)put != len + 1;
	return log->torn ? -ENOSPC : 0;
}

/* Writes the line, of so many bytes if there was room for all. */
static void line_put(struct dt_flowlog *log, char *line, int len, uint64_t now_ns)
{
	uint64_t suppressed;
	int err;

	log->counts.lines++;
	if (log->fd < 0) {
		log->counts.failed += log->instead;
		dt_log_record(line);
		return;
	}
	err = line_append(log, line, (size_t)(len < LINE_MAX_LEN ? len : LINE_MAX_LEN - 1));
	if (err == 0)
		return;
	log->counts.failed++;
	dt_log_record(line);
	if (dt_log_allowed(&log->failed_log, now_ns, &suppressed))
		dt_log_err("cannot write to the log of flows, so its lines go to this log: %s suppressed=%llu",
			   strerror(-err), (unsigned long long)suppressed);
}

void dt_flowlog_write(struct dt_flowlog *log, const struct dt_flow_view *flow, const char *client, const char *reason,
		      uint64_t ended_ns, uint64_t now_ns)
{
	char from[DT_ENDPOINT_STRLEN], relay[DT_ENDPOINT_STRLEN], source[DT_ENDPOINT_STRLEN],
		server[DT_ENDPOINT_STRLEN], begun[TIME_STRLEN], ended[TIME_STRLEN], unknown[32], line[LINE_MAX_LEN + 1];
	const struct dt_flow *up = flow->up, *down = flow->down;
	bool tunnel = up->flags & DT_FLOW_TUNNEL;
	int len;

	if (log->fd < 0 && !log->to_stderr)
		return;
	snprintf(unknown, sizeof(unknown), "#%016" PRIx64, (uint64_t)up->client_id);
	len = snprintf(
		line, LINE_MAX_LEN,
		"flow client=%s carrier=%s from=%s relay=%s source=%s server=%s begun=%s ended=%s "
		"up_packets=%" PRIu64 " up_bytes=%" PRIu64 " down_packets=%" PRIu64 " down_bytes=%" PRIu64 " reason=%s",
		client ? client : unknown, tunnel ? "wireguard" : "nat", dt_endpoint_format(&flow->client, from),
		tunnel ? "-" : dt_endpoint_format(&flow->relay, relay), dt_endpoint_format(&flow->source, source),
		dt_endpoint_format(&flow->server, server), time_format(up->started_ns, now_ns, begun),
		time_format(ended_ns, now_ns, ended), (uint64_t)up->packets, (uint64_t)up->bytes,
		down ? (uint64_t)down->packets : 0, down ? (uint64_t)down->bytes : 0, reason);
	line_put(log, line, len, now_ns);
}

void dt_flowlog_converted(struct dt_flowlog *log, const struct dt_channel_message *flow, const char *client,
			  uint64_t now_ns)
{
	char from[DT_ENDPOINT_STRLEN], relay[DT_ENDPOINT_STRLEN], source[DT_ENDPOINT_STRLEN],
		server[DT_ENDPOINT_STRLEN], begun[TIME_STRLEN], ended[TIME_STRLEN], unknown[32], line[LINE_MAX_LEN + 1];
	/* no moment lies ahead, whatever the other process says */
	uint64_t begun_ns = flow->begun_ns < now_ns ? flow->begun_ns : now_ns;
	uint64_t ended_ns = flow->ended_ns < now_ns ? flow->ended_ns : now_ns;
	int len;

	if (log->fd < 0 && !log->to_stderr)
		return;
	snprintf(unknown, sizeof(unknown), "#%016" PRIx64, flow->client_id);
	len = snprintf(line, LINE_MAX_LEN,
		       "flow client=%s carrier=convert from=%s relay=%s source=%s server=%s begun=%s ended=%s "
		       "up_bytes=%" PRIu64 " down_bytes=%" PRIu64 " reason=%s",
		       client ? client : unknown, dt_endpoint_format(&flow->client, from),
		       dt_endpoint_format(&flow->relay, relay),
		       flow->source.port ? dt_endpoint_format(&flow->source, source) : "-",
		       dt_endpoint_format(&flow->server, server), time_format(begun_ns, now_ns, begun),
		       time_format(ended_ns, now_ns, ended), flow->bytes_up, flow->bytes_down, flow->reason);
	line_put(log, line, len, now_ns);
}
