/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What editors and copying do to text files, and which file this is. Pure. */
#ifndef DETOURD_BASE_MISTAKES_H
#define DETOURD_BASE_MISTAKES_H

#include <stdbool.h>
#include <stddef.h>

/* What is wrong with the text's encoding, and what to do; NULL: nothing. */
const char *dt_mistake_encoding(const char *text, size_t len);
/* The name of the first character in line that looks like a space and is none, and its place; NULL: there is none. */
const char *dt_mistake_blank(const char *line, size_t *at);
/* The number of the first line, from 1, that is the header "[name]", or "[name NAME]" if named; 0: there is none. */
unsigned dt_mistake_header(const char *text, size_t len, const char *name, bool named);

#endif
