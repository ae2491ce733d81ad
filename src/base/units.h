/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Quantities in words, always with their unit, for people. */
#ifndef DETOURD_BASE_UNITS_H
#define DETOURD_BASE_UNITS_H

#include <stdint.h>

#define DT_UNITS_STRLEN 24

/* Each fills buf, which holds DT_UNITS_STRLEN bytes, and returns it. */

/* SI units, two or three digits: "42 kB", "1.5 MB". */
const char *dt_size_format(double bytes, char *buf);
/* The same: "42 kbit/s", "9.1 Mbit/s". */
const char *dt_rate_format(double bps, char *buf);
/* One unit, rounded down: "45 s", "12 min", "5 h", "3 d". */
const char *dt_duration_format(uint64_t seconds, char *buf);

/* "90s", "30m", "24h", "7d" in seconds; 0: none of these. */
uint64_t dt_duration_parse(const char *text);

#endif
