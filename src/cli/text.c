/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct range {
	uint32_t first, last;
};

/* Unicode's ranges, in coarse strokes: an unassigned neighbour that is shown one column wider does no harm. */
static const struct range wide[] = {
	{0x1100, 0x115f},   {0x231a, 0x231b},	{0x2329, 0x232a},   {0x23e9, 0x23ec},	{0x2e80, 0x303e},
	{0x3041, 0xa4cf},   {0xa960, 0xa97f},	{0xac00, 0xd7a3},   {0xf900, 0xfaff},	{0xfe30, 0xfe6f},
	{0xff01, 0xff60},   {0xffe0, 0xffe6},	{0x16fe0, 0x18aff}, {0x1b000, 0x1b2ff}, {0x1f300, 0x1f64f},
	{0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd},
};
static const struct range narrow[] = {
	/* combining marks, which take no column of their own */
	{0x300, 0x36f},	  {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},	  {0x64b, 0x65f},
	{0x6d6, 0x6dc},	  {0x900, 0x902},   {0x93c, 0x93c},   {0x941, 0x948},	  {0x94d, 0x94d},
	{0xe31, 0xe31},	  {0xe34, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff},	  {0x1dc0, 0x1dff},
	{0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0x1f3fb, 0x1f3ff}, {0xe0100, 0xe01ef},
};
/* Controls, line and paragraph separators, marks of direction, and what is invisible. */
static const struct range unprintable[] = {
	{0, 0x1f},	    {0x7f, 0x9f},	 {0xad, 0xad},	   {0x61c, 0x61c},   {0x115f, 0x1160},
	{0x180e, 0x180e},   {0x200b, 0x200f},	 {0x2028, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164},
	{0xd800, 0xdfff},   {0xfeff, 0xfeff},	 {0xfff0, 0xfffb}, {0xfffe, 0xffff}, {0x1bca0, 0x1bca3},
	{0xe0000, 0xe007f}, {0xf0000, 0x10ffff},
};

static bool is_in(uint32_t c, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return false;
}
#define IS_IN(c, ranges) is_in(c, ranges, sizeof(ranges) / sizeof((ranges)[0]))

/* The character at the start of text, which is not empty, and its length in bytes; 0: that is not UTF-8. */
static size_t next(const char *text, uint32_t *out)
{
	const uint8_t *b = (const uint8_t *)text;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t len = b[0] < 0x80 ? 1 : b[0] >> 5 == 6 ? 2 : b[0] >> 4 == 14 ? 3 : b[0] >> 3 == 30 ? 4 : 0;

	if (len == 0)
		return 0;
	*out = len == 1 ? b[0] : b[0] & (0x7f >> len);
	for (size_t i = 1; i < len; i++) {
		if (b[i] >> 6 != 2) /* also where the text ends */
			return 0;
		*out = *out << 6 | (b[i] & 0x3f);
	}
	return *out < least[len] || *out > 0x10ffff ? 0 : len;
}

char *dt_text_clean(const char *text)
{
	char *clean = malloc(strlen(text) + 1), *to = clean;
	uint32_t c;

	if (!clean)
		dt_memory_exhausted("a text");
	while (*text) {
		size_t len = next(text, &c);

		if (len && !IS_IN(c, unprintable)) {
			memcpy(to, text, len);
			to += len;
		} else {
			*to++ = '?';
		}
		text += len ? len : 1;
	}
	*to = '\0';
	return clean;
}

void dt_text_clean_json(json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;
	char *clean;

	if (json_is_string(value)) {
		clean = dt_text_clean(json_string_value(value));
		json_string_set_nocheck(value, clean);
		free(clean);
	}
	json_object_foreach(value, key, member)
		dt_text_clean_json(member);
	json_array_foreach(value, i, member)
		dt_text_clean_json(member);
}

static size_t width_of(uint32_t c)
{
	if (c < 0x300)
		return 1;
	return IS_IN(c, narrow) ? 0 : IS_IN(c, wide) ? 2 : 1;
}

size_t dt_text_fit(const char *clean, size_t columns, size_t *took)
{
	const char *at = clean;
	uint32_t c;

	*took = 0;
	while (*at) {
		size_t len = next(at, &c), width = len ? width_of(c) : 1;

		if (*took + width > columns)
			break;
		*took += width;
		at += len ? len : 1;
	}
	return (size_t)(at - clean);
}

size_t dt_text_width(const char *clean)
{
	size_t width;

	dt_text_fit(clean, SIZE_MAX / 2, &width);
	return width;
}

size_t dt_text_print_cut(const char *clean, size_t columns, FILE *to)
{
	size_t took, len = dt_text_fit(clean, columns, &took);

	if (clean[len] && columns > 0) {
		len = dt_text_fit(clean, columns - 1, &took);
		took++;
		fprintf(to, "%.*s…", (int)len, clean);
	} else {
		fprintf(to, "%.*s", (int)len, clean);
	}
	return took;
}

/* Where the last blank up to this place is; 0: there is none. keep: not between a number and its unit. */
static size_t blank_before(const char *text, size_t at, bool keep)
{
	while (at > 0 && (text[at] != ' ' || (keep && text[at - 1] >= '0' && text[at - 1] <= '9')))
		at--;
	return at;
}

/* Bytes of the next line of text, and of the blank after it. */
static size_t line_take(const char *text, size_t columns, size_t *blank)
{
	size_t took, len = dt_text_fit(text, columns, &took), end;

	*blank = 0;
	if (len == 0) { /* a character that is wider than the line */
		uint32_t c;

		len = next(text, &c);
		return len ? len : 1;
	}
	if (!text[len])
		return len;
	end = blank_before(text, len, true);
	if (end == 0)
		end = blank_before(text, len, false);
	if (end == 0)
		return len;
	*blank = 1;
	return end;
}

void dt_text_print_wrapped(const char *clean, size_t columns, size_t indent, FILE *to)
{
	size_t room = columns, blank;

	while (*clean) {
		size_t len = line_take(clean, room, &blank);

		fprintf(to, "%.*s\n", (int)len, clean);
		clean += len + blank;
		if (*clean)
			fprintf(to, "%*s", (int)indent, "");
		room = columns > indent + 4 ? columns - indent : 4;
	}
}
