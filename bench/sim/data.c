/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "data.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A decimal number from 0 to most, and what stops it. strtod() alone would take hexadecimal, "nan" and "infinity". */
static bool number(const char *text, double most, double *value, const char **end)
{
	size_t length = strspn(text, "0123456789.eE+-");
	char *stopped;

	if (!length || text[0] == '+' || text[0] == '-')
		return false;
	*value = strtod(text, &stopped);
	*end = stopped;
	return stopped == text + length && isfinite(*value) && *value >= 0 && *value <= most;
}

/* --- matrices ---------------------------------------------------------------------------------- */

/* Reads the numbers of one line. Returns their count, or a negative errno; rows past room are only counted. */
static int row_parse(const char *text, size_t length, double unit_s, double *row, size_t room)
{
	const char *end = text + length;
	int count = 0;

	for (;;) {
		double value;

		text += strspn(text, " \t\r");
		if (text >= end)
			return count;
		if (!number(text, SIM_RTT_MAX_S / unit_s, &value, &text) || text > end || count == SIM_NODES_MAX)
			return -EINVAL;
		if (!strchr(" \t\r\n", *text)) /* also the end */
			return -EINVAL;
		if ((size_t)count < room)
			row[count] = value * unit_s;
		count++;
	}
}

int sim_matrix_parse(const char *text, double unit_s, size_t *nodes, double **rtt_s, unsigned *line)
{
	size_t size = *nodes, rows = 0;
	double *matrix = NULL;

	*line = 0;
	while (*text) {
		size_t length = strcspn(text, "\n");
		int count;

		++*line;
		count = row_parse(text, length, unit_s, matrix ? matrix + rows * size : NULL,
				  matrix && rows < size ? size : 0);
		if (!matrix && count > 0) {
			if (size && size != (size_t)count)
				break;
			size = (size_t)count;
			matrix = calloc(size * size, sizeof(*matrix));
			if (!matrix)
				return -ENOMEM;
			--*line;
			continue; /* the same line again, now with room */
		}
		if (count < 0 || (count > 0 && ((size_t)count != size || rows == size)))
			break;
		rows += count > 0;
		text += length + (text[length] == '\n');
	}
	if (*text || !matrix || rows != size) {
		free(matrix);
		return -EINVAL;
	}
	*nodes = size;
	*rtt_s = matrix;
	return 0;
}

/* --- transfers --------------------------------------------------------------------------------- */

enum column { FROM_CLOUD, FROM_REGION, TO_CLOUD, TO_REGION, RATE, RTT, COLUMNS };
static const char *const column_names[COLUMNS] = {
	[FROM_CLOUD] = "from_cloud", [FROM_REGION] = "from_region", [TO_CLOUD] = "to_cloud",
	[TO_REGION] = "to_region",   [RATE] = "bitrate_Bps",	    [RTT] = "avgrtt",
};
#define FIELDS_MAX 32

struct field {
	const char *text;
	size_t length;
};

/* Splits a line at its commas. Returns how many fields there are; 0: too many, or a quote. */
static size_t split(const char *text, size_t length, struct field *fields)
{
	size_t count = 0;

	if (length && text[length - 1] == '\r')
		length--;
	if (memchr(text, '"', length))
		return 0;
	for (;;) {
		const char *comma = memchr(text, ',', length);
		size_t one = comma ? (size_t)(comma - text) : length;

		if (count == FIELDS_MAX)
			return 0;
		fields[count++] = (struct field){text, one};
		if (!comma)
			return count;
		text += one + 1;
		length -= one + 1;
	}
}

static bool header_read(const struct field *fields, size_t count, size_t *columns)
{
	for (int c = 0; c < COLUMNS; c++) {
		columns[c] = count;
		for (size_t i = count; i-- > 0;)
			if (strlen(column_names[c]) == fields[i].length &&
			    memcmp(fields[i].text, column_names[c], fields[i].length) == 0)
				columns[c] = i;
		if (columns[c] == count)
			return false;
	}
	return true;
}

/* The number of a place, which is made where it is new; -EINVAL, -E2BIG. */
static int place(struct sim_transfers *t, const struct field *cloud, const struct field *region)
{
	char name[SIM_PLACE_STRLEN];

	if (!cloud->length || !region->length || cloud->length + region->length + 2 > sizeof(name))
		return -EINVAL;
	snprintf(name, sizeof(name), "%.*s %.*s", (int)cloud->length, cloud->text, (int)region->length, region->text);
	for (size_t i = 0; i < t->places; i++)
		if (strcmp(t->names[i], name) == 0)
			return (int)i;
	if (t->places == SIM_PLACES_MAX)
		return -E2BIG;
	strcpy(t->names[t->places], name);
	return (int)t->places++;
}

/* The whole field is a number above 0. */
static bool field_number(const struct field *f, double most, double *value)
{
	const char *end;

	return f->length && number(f->text, most, value, &end) && end == f->text + f->length && *value > 0;
}

/* Means are kept as sums of logarithms until all is read. */
static int transfer_read(struct sim_transfers *t, const struct field *fields, const size_t *columns)
{
	double bps, rtt_ms;
	int from, to;

	from = place(t, &fields[columns[FROM_CLOUD]], &fields[columns[FROM_REGION]]);
	if (from < 0)
		return from;
	to = place(t, &fields[columns[TO_CLOUD]], &fields[columns[TO_REGION]]);
	if (to < 0)
		return to;
	if (!field_number(&fields[columns[RATE]], SIM_BPS_MAX, &bps) ||
	    !field_number(&fields[columns[RTT]], SIM_RTT_MAX_S * 1e3, &rtt_ms))
		return -EINVAL;
	if (from == to)
		return 0;
	t->bps[from][to] += log(bps);
	t->rtt_s[from][to] += log(rtt_ms / 1e3);
	t->pairs += t->count[from][to]++ == 0;
	t->transfers++;
	return 0;
}

static void means(struct sim_transfers *t)
{
	for (size_t i = 0; i < t->places; i++)
		for (size_t k = 0; k < t->places; k++)
			if (t->count[i][k]) {
				t->bps[i][k] = exp(t->bps[i][k] / t->count[i][k]);
				t->rtt_s[i][k] = exp(t->rtt_s[i][k] / t->count[i][k]);
			}
}

int sim_transfers_parse(const char *text, struct sim_transfers *t, unsigned *line)
{
	struct sim_transfers *read = calloc(1, sizeof(*read));
	size_t columns[COLUMNS], wanted = 0;
	int err = 0;

	if (!read)
		return -ENOMEM;
	for (*line = 1; *text && !err; ++*line) {
		size_t length = strcspn(text, "\n");
		struct field fields[FIELDS_MAX];
		size_t count = split(text, length, fields);

		if (!wanted) {
			wanted = count;
			if (!count || !header_read(fields, count, columns))
				err = -EINVAL;
		} else if (length) {
			err = count == wanted ? transfer_read(read, fields, columns) : -EINVAL;
		}
		text += length + (text[length] == '\n');
	}
	--*line;
	if (!err && !wanted)
		err = -EINVAL;
	if (!err) {
		means(read);
		*t = *read;
	}
	free(read);
	return err;
}
