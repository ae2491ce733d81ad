/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moments for people: RFC 3339, in UTC. */
#ifndef DETOURD_BASE_WALL_H
#define DETOURD_BASE_WALL_H

#include <stdint.h>

#define DT_WALL_STRLEN 32

/* Milliseconds since 1970, by the wall clock. */
uint64_t dt_wall_ms(void);
/* "2026-11-29T07:30:12.345Z". buf holds DT_WALL_STRLEN bytes; returns buf. */
const char *dt_wall_format(uint64_t wall_ms, char *buf);

#endif
