/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables at any width. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/table.h"
#include "cli/text.h"

static const struct dt_table_column columns[] = {
	{.title = "NAME", .min = 6},
	{.title = "RATE", .right = true},
	{.title = "AGE", .right = true, .drop = 2},
	{.title = "USER", .min = 4, .drop = 1},
	{.title = "PATHS", .below = true},
};

static struct dt_table *table_new(void)
{
	struct dt_table *t = dt_table_new(columns, 5);

	dt_table_add(t, DT_PLAIN, "curl");
	dt_table_add(t, DT_PLAIN, "9 bit/s");
	dt_table_add(t, DT_PLAIN, "4 s");
	dt_table_add(t, DT_PLAIN, "alice");
	dt_table_add(t, DT_PLAIN, "direct 100 %%");
	dt_table_add(t, DT_GOOD, "a-long-name");
	dt_table_add(t, DT_PLAIN, "10 kbit/s");
	dt_table_add(t, DT_PLAIN, "12 min");
	dt_table_add(t, DT_PLAIN, "bob");
	dt_table_add(t, DT_PLAIN, "%s", "");
	return t;
}

static char *printed(const struct dt_table *t, size_t width, bool coloured)
{
	struct dt_screen screen = {.columns = width, .coloured = coloured};
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	dt_table_print(t, &screen, to);
	fclose(to);
	return out;
}

static void reads(size_t width, bool coloured, const char *text)
{
	struct dt_table *t = table_new();
	char *out = printed(t, width, coloured);

	cr_assert_str_eq(out, text);
	free(out);
	dt_table_free(t);
}

Test(table, all_in_one_line_where_it_fits)
{
	reads(80, false,
	      "NAME              RATE     AGE  USER   PATHS\n"
	      "curl           9 bit/s     4 s  alice  direct 100 %\n"
	      "a-long-name  10 kbit/s  12 min  bob\n");
}

Test(table, the_last_column_goes_below)
{
	reads(40, false,
	      "NAME              RATE     AGE  USER\n"
	      "curl           9 bit/s     4 s  alice\n"
	      "  direct 100 %\n"
	      "a-long-name  10 kbit/s  12 min  bob\n");
}

Test(table, texts_are_cut_before_columns_go)
{
	reads(32, false,
	      "NAME         RATE     AGE  USER\n"
	      "curl      9 bit/s     4 s  alice\n"
	      "  direct 100 %\n"
	      "a-lon…  10 kbit/s  12 min  bob\n");
	reads(24, false,
	      "NAME         RATE  USER\n"
	      "curl      9 bit/s  alice\n"
	      "  direct 100 %\n"
	      "a-lon…  10 kbit/s  bob\n");
}

Test(table, the_least_is_what_must_be_there)
{
	reads(17, false,
	      "NAME         RATE\n"
	      "curl      9 bit/s\n"
	      "  direct 100 %\n"
	      "a-lon…  10 kbit/s\n");
}

Test(table, colours_take_no_columns)
{
	reads(17, true,
	      "\033[1mNAME\033[0m         \033[1mRATE\033[0m\n"
	      "curl      9 bit/s\n"
	      "  direct 100 %\n"
	      "\033[32ma-lon…\033[0m  10 kbit/s\n");
}

Test(table, is_never_wider_than_the_screen)
{
	struct dt_table *t = table_new();

	for (size_t width = 5; width < 100; width++) {
		char *out = printed(t, width, false);

		for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n"))
			cr_assert(dt_text_width(line) <= width, "at %zu columns: %s", width, line);
		free(out);
	}
	dt_table_free(t);
}

Test(table, columns_that_are_empty_are_left_out)
{
	struct dt_table *t = dt_table_new(columns, 5);
	char *out;

	for (int i = 0; i < 5; i++)
		dt_table_add(t, DT_PLAIN, "%s", i < 2 ? "x\033" : "");
	out = printed(t, 80, false);
	cr_assert_str_eq(out, "NAME  RATE\nx?      x?\n");
	free(out);
	dt_table_free(t);
}
