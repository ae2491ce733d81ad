/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for terminals: nothing that a terminal would obey, and widths in columns. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"

static void becomes(const char *text, const char *clean)
{
	char *got = dt_text_clean(text);

	cr_assert_str_eq(got, clean);
	free(got);
}

Test(text, what_a_terminal_would_obey_is_replaced)
{
	becomes("", "");
	becomes("curl", "curl");
	becomes("\033[2Jcurl\r\n\t\a\177", "?[2Jcurl?????");
	becomes("\xc2\x9b"
		"2J",
		"?2J"); /* CSI as one character */
	becomes("a\xe2\x80\xae"
		"b\xe2\x80\x8f"
		"c\xef\xbb\xbf",
		"a?b?c?"); /* right to left, and invisible */
	becomes("日本語 é ± …", "日本語 é ± …");
}

Test(text, what_is_not_utf_8_is_replaced)
{
	becomes("\xff\xfe", "??");
	becomes("\xc3", "?"); /* cut off */
	becomes("\xc3(", "?(");
	becomes("\xc0\xaf", "??"); /* overlong "/" */
	becomes("\xe0\x80\xaf", "???");
	becomes("\xed\xa0\x80", "?");	     /* a surrogate, in one piece */
	becomes("\xf4\x90\x80\x80", "????"); /* beyond Unicode */
	becomes("\xf8\x88\x80\x80\x80", "?????");
}

Test(text, json_is_cleaned_all_through)
{
	json_t *value = json_pack("{s:s, s:[s, {s:s}], s:i}", "a", "\033x", "b", "\a", "c", "\r", "n", 5);
	char *text;

	dt_text_clean_json(value);
	text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);
	cr_assert_str_eq(text, "{\"a\":\"?x\",\"b\":[\"?\",{\"c\":\"?\"}],\"n\":5}");
	free(text);
	json_decref(value);
}

Test(text, widths)
{
	size_t took;

	cr_assert(dt_text_width("") == 0);
	cr_assert(dt_text_width("± …") == 3);
	cr_assert(dt_text_width("日本") == 4);
	cr_assert(dt_text_width("e\xcc\x81") == 1, "a combining accent");
	cr_assert(dt_text_width("🙂") == 2);
	cr_assert(dt_text_fit("日本", 3, &took) == strlen("日") && took == 2, "no half characters");
	cr_assert(dt_text_fit("e\xcc\x81x", 1, &took) == 3 && took == 1, "a mark stays with its letter");
}

/* What is printed, to be freed. */
static char *wrapped(const char *text, size_t columns, size_t indent)
{
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	dt_text_print_wrapped(text, columns, indent, to);
	fclose(to);
	return out;
}

static void wraps(const char *text, size_t columns, size_t indent, const char *lines)
{
	char *out = wrapped(text, columns, indent);

	cr_assert_str_eq(out, lines);
	free(out);
}

Test(text, lines_break_between_words)
{
	wraps("", 10, 2, "");
	wraps("one two", 10, 2, "one two\n");
	wraps("one two three four", 10, 2, "one two\n  three\n  four\n");
	wraps("at 11.3 Mbit/s", 9, 0, "at\n11.3\nMbit/s\n");
	wraps("rate of 11.3 Mbit/s", 14, 0, "rate of\n11.3 Mbit/s\n"); /* not between number and unit */
	wraps("abcdefghijkl", 5, 2, "abcde\n  fghi\n  jkl\n");
	wraps("日本語", 1, 0, "日\n本語\n"); /* room is never below four */
}

static void cut(const char *text, size_t columns, const char *shown)
{
	char *out = NULL;
	size_t len, took;
	FILE *to = open_memstream(&out, &len);

	took = dt_text_print_cut(text, columns, to);
	fclose(to);
	cr_assert_str_eq(out, shown);
	cr_assert(took == dt_text_width(shown) && took <= columns);
	free(out);
}

Test(text, what_does_not_fit_is_cut)
{
	cut("curl", 4, "curl");
	cut("firefox", 4, "fir…");
	cut("日本語", 5, "日本…");
	cut("日本語", 4, "日…");
	cut("firefox", 1, "…");
	cut("firefox", 0, "");
}
