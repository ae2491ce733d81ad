/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/mistakes.h"

#include <string.h>

struct mark {
	const char *bytes, *name;
};

static const struct mark *mark_find(const struct mark *marks, size_t count, const char *text, size_t len)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(marks[i].bytes) <= len && memcmp(marks[i].bytes, text, strlen(marks[i].bytes)) == 0)
			return &marks[i];
	return NULL;
}

/* What editors and web pages put in place of spaces (UTF-8). */
static const struct mark blanks[] = {
	{"\xc2\xa0", "no-break space"},	       {"\xe2\x80\xaf", "narrow no-break space"},
	{"\xe2\x80\x82", "en space"},	       {"\xe2\x80\x83", "em space"},
	{"\xe2\x80\x87", "figure space"},      {"\xe2\x80\x89", "thin space"},
	{"\xe2\x80\x8b", "zero-width space"},  {"\xef\xbb\xbf", "byte-order mark"},
	{"\xe3\x80\x80", "ideographic space"},
};

const char *dt_mistake_blank(const char *line, size_t *at)
{
	for (*at = 0; line[*at]; ++*at) {
		const struct mark *blank =
			mark_find(blanks, sizeof(blanks) / sizeof(blanks[0]), line + *at, strlen(line + *at));

		if (blank)
			return blank->name;
	}
	return NULL;
}

const char *dt_mistake_encoding(const char *text, size_t len)
{
	static const struct mark encodings[] = {
		{"\xef\xbb\xbf", "this file begins with a byte-order mark: save it as UTF-8 without one"},
		{"\xff\xfe", "this file is UTF-16: save it as UTF-8"},
		{"\xfe\xff", "this file is UTF-16: save it as UTF-8"},
	};
	const struct mark *encoding = mark_find(encodings, sizeof(encodings) / sizeof(encodings[0]), text, len);

	return encoding ? encoding->name : NULL;
}

/* Is this line the header "[name]", or "[name NAME]"? */
static bool is_header(const char *line, size_t len, const char *name, bool named)
{
	const char *end = memchr(line, ']', len);
	size_t name_len = strlen(name);
	char between;

	if (!end || line[0] != '[' || line + 1 + name_len > end || memcmp(line + 1, name, name_len) != 0)
		return false;
	between = line[1 + name_len];
	return named ? between == ' ' || between == '\t' : line + 1 + name_len == end;
}

unsigned dt_mistake_header(const char *text, size_t len, const char *name, bool named)
{
	unsigned number = 0;

	for (const char *end = text + len; text < end;) {
		const char *newline = memchr(text, '\n', (size_t)(end - text)), *next = newline ? newline + 1 : end;

		number++;
		while (text < next && (*text == ' ' || *text == '\t'))
			text++;
		if (is_header(text, (size_t)(next - text), name, named))
			return number;
		text = next;
	}
	return 0;
}
