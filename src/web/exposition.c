/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web/exposition.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define BOUND_STRLEN 32

void dt_metric_begin(FILE *out, const char *name, enum dt_metric type, const char *help)
{
	static const char *const words[] = {"counter", "gauge", "histogram"};

	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, words[type]);
}

/* The length of the UTF-8 sequence at s; 0: it is none. */
static size_t sequence_len(const unsigned char *s)
{
	size_t len = *s < 0x80 ? 1 : *s >= 0xc2 && *s < 0xe0 ? 2 : *s >= 0xe0 && *s < 0xf0 ? 3 : *s < 0xf5 ? 4 : 0;

	if (*s >= 0x80 && *s < 0xc2)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* too long a form, a surrogate, beyond the last */
	if ((*s == 0xe0 && s[1] < 0xa0) || (*s == 0xed && s[1] >= 0xa0) || (*s == 0xf0 && s[1] < 0x90) ||
	    (*s == 0xf4 && s[1] >= 0x90))
		return 0;
	return len;
}

static void value_write(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	while (*s) {
		size_t len = sequence_len(s);

		if (*s == '\\' || *s == '"')
			fprintf(out, "\\%c", *s);
		else if (*s == '\n')
			fputs("\\n", out);
		else if (len)
			fwrite(s, 1, len, out);
		else
			fputc('?', out);
		s += len ? len : 1;
	}
}

static void labels_write(FILE *out, const struct dt_labels *labels, const char *bound)
{
	const char *comma = "{";

	for (size_t i = 0; i < DT_LABELS_MAX && labels->list[i].name; i++) {
		fprintf(out, "%s%s=\"", comma, labels->list[i].name);
		value_write(out, labels->list[i].value);
		fputc('"', out);
		comma = ",";
	}
	if (bound) {
		fprintf(out, "%sle=\"%s\"", comma, bound);
		comma = ",";
	}
	if (*comma == ',')
		fputc('}', out);
}

void dt_metric_count(FILE *out, const char *name, struct dt_labels labels, uint64_t value)
{
	fputs(name, out);
	labels_write(out, &labels, NULL);
	fprintf(out, " %" PRIu64 "\n", value);
}

void dt_metric_value(FILE *out, const char *name, struct dt_labels labels, double value)
{
	fputs(name, out);
	labels_write(out, &labels, NULL);
	if (isfinite(value))
		fprintf(out, " %.15g\n", value);
	else
		fputs(isnan(value) ? " NaN\n" : value > 0 ? " +Inf\n" : " -Inf\n", out);
}

void dt_metric_histogram(FILE *out, const char *name, struct dt_labels labels, const struct dt_histogram *h,
			 const struct dt_histogram_bounds *bounds)
{
	char bound[BOUND_STRLEN];
	uint64_t count = 0;

	for (size_t i = 0; i <= bounds->count; i++) {
		count += h->counts[i];
		if (i < bounds->count)
			snprintf(bound, sizeof(bound), "%g", bounds->at[i]);
		else
			snprintf(bound, sizeof(bound), "+Inf");
		fprintf(out, "%s_bucket", name);
		labels_write(out, &labels, bound);
		fprintf(out, " %" PRIu64 "\n", count);
	}
	fprintf(out, "%s_sum", name);
	labels_write(out, &labels, NULL);
	fprintf(out, " %.15g\n%s_count", h->sum, name);
	labels_write(out, &labels, NULL);
	fprintf(out, " %" PRIu64 "\n", count);
}

void dt_metric_one(FILE *out, const char *name, enum dt_metric type, const char *help, double value)
{
	dt_metric_begin(out, name, type, help);
	dt_metric_value(out, name, DT_NO_LABELS, value);
}
