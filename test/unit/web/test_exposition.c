/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "web/exposition.h"

static char *text;
static size_t len;

static FILE *begin(void)
{
	FILE *out = open_memstream(&text, &len);

	cr_assert(out);
	return out;
}

static void expect(FILE *out, const char *wanted)
{
	fclose(out);
	cr_expect_str_eq(text, wanted);
	free(text);
}

Test(exposition, families_and_values)
{
	FILE *out = begin();

	dt_metric_begin(out, "x_total", DT_METRIC_COUNTER, "Counts x.");
	dt_metric_count(out, "x_total", DT_NO_LABELS, UINT64_MAX);
	dt_metric_count(out, "x_total", (struct dt_labels){{{"a", "1"}, {"b", ""}}}, 0);
	dt_metric_one(out, "y", DT_METRIC_GAUGE, "Is y.", 0.1);
	dt_metric_value(out, "y", DT_NO_LABELS, INFINITY);
	dt_metric_value(out, "y", DT_NO_LABELS, -INFINITY);
	dt_metric_value(out, "y", DT_NO_LABELS, NAN);
	expect(out, "# HELP x_total Counts x.\n# TYPE x_total counter\nx_total 18446744073709551615\n"
		    "x_total{a=\"1\",b=\"\"} 0\n# HELP y Is y.\n# TYPE y gauge\ny 0.1\ny +Inf\ny -Inf\ny NaN\n");
}

static void expect_label(const char *value, const char *wanted)
{
	char line[128];
	FILE *out = begin();

	dt_metric_count(out, "x", (struct dt_labels){{{"a", value}}}, 1);
	snprintf(line, sizeof(line), "x{a=\"%s\"} 1\n", wanted);
	expect(out, line);
}

Test(exposition, labels_are_escaped_and_utf8)
{
	expect_label("a\"} 5\nevil 1\\", "a\\\"} 5\\nevil 1\\\\");
	expect_label("gr\303\274n \342\202\254 \360\237\230\200", "gr\303\274n \342\202\254 \360\237\230\200");
	expect_label("\377\303", "??");		  /* no beginning, an end too early */
	expect_label("\300\257", "??");		  /* too long a form */
	expect_label("\355\240\200", "???");	  /* a surrogate */
	expect_label("\364\220\200\200", "????"); /* beyond the last */
	expect_label("\360\237\230", "???");
}

Test(exposition, histograms_add_up)
{
	static const struct dt_histogram_bounds bounds = {3, {-0.5, 0, 1.5}};
	struct dt_histogram h = {0};
	FILE *out = begin();

	dt_histogram_add(&h, &bounds, -0.5);
	dt_histogram_add(&h, &bounds, 0.1);
	dt_histogram_add(&h, &bounds, 1.5);
	dt_histogram_add(&h, &bounds, 7);
	dt_metric_histogram(out, "x", (struct dt_labels){{{"a", "b"}}}, &h, &bounds);
	dt_metric_histogram(out, "y", DT_NO_LABELS, &(struct dt_histogram){0}, &bounds);
	expect(out, "x_bucket{a=\"b\",le=\"-0.5\"} 1\nx_bucket{a=\"b\",le=\"0\"} 1\nx_bucket{a=\"b\",le=\"1.5\"} 3\n"
		    "x_bucket{a=\"b\",le=\"+Inf\"} 4\nx_sum{a=\"b\"} 8.1\nx_count{a=\"b\"} 4\n"
		    "y_bucket{le=\"-0.5\"} 0\ny_bucket{le=\"0\"} 0\ny_bucket{le=\"1.5\"} 0\ny_bucket{le=\"+Inf\"} 0\n"
		    "y_sum 0\ny_count 0\n");
}
