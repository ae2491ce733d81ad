/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The story so far, line by line: "<" the kernel or a relay speaks, ">" the path manager commands, "!" it logs, "*" it
 * tells its monitors, "=" the story itself acts. Printed when an expectation fails.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct line {
	uint64_t at_ns;
	char *text;
};

static struct line *lines;
static size_t count, room;
static uint64_t begin_ns;

void __wrap_dt_log(enum dt_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(char *text)
{
	if (!text)
		abort();
	if (count == room) {
		room = room ? room * 2 : 256;
		lines = realloc(lines, room * sizeof(*lines));
		if (!lines)
			abort();
	}
	if (count == 0)
		begin_ns = world_now();
	lines[count++] = (struct line){world_now(), text};
}

void tell(const char *fmt, ...)
{
	va_list args;
	char *text;

	if (world.quiet)
		return;
	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	add(text);
}

void __wrap_dt_log(enum dt_log_level level, const char *fmt, ...)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};
	char *text, *line;
	va_list args;

	if (world.quiet && level > DT_LOG_WARN)
		return;
	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	if (asprintf(&line, "! %s: %s", names[level], text) < 0)
		line = NULL;
	free(text);
	add(line);
}

size_t told_lines(void)
{
	return count;
}

unsigned told(size_t from, const char *text)
{
	unsigned found = 0;

	for (size_t i = from; i < count; i++)
		found += strncmp(lines[i].text + 2, text, strlen(text)) == 0;
	return found;
}

void transcript_print(FILE *to)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t us = (lines[i].at_ns - begin_ns) / DT_US;

		fprintf(to, "%8llu.%03llu ms  %s\n", (unsigned long long)(us / 1000), (unsigned long long)(us % 1000),
			lines[i].text);
	}
}

void transcript_clear(void)
{
	for (size_t i = 0; i < count; i++)
		free(lines[i].text);
	free(lines);
	lines = NULL;
	count = room = 0;
}
