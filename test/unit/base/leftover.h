/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is left in memory that is given back: the unit tests are linked with free() and realloc() wrapped (CMakeLists.txt),
 * and a function may run on a stack that is searched afterwards.
 */
#ifndef TEST_UNIT_BASE_LEFTOVER_H
#define TEST_UNIT_BASE_LEFTOVER_H

#include <stddef.h>

/* From now on, blocks that are given back while they hold these bytes are counted. */
void leftover_begin(const void *bytes, size_t len);
/* No more of it. Returns their number. */
unsigned leftover_end(void);
/* A block is given back; NULL is none. */
void leftover_look(void *block);

/* Runs fn(data) in a thread of its own. Returns how often its stack has these bytes when it has ended. */
unsigned leftover_on_stack(void (*fn)(void *data), void *data, const void *bytes, size_t len);

#endif
