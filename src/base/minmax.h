/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DETOURD_BASE_MINMAX_H
#define DETOURD_BASE_MINMAX_H

#include <stdint.h>

static inline uint64_t dt_max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static inline uint64_t dt_min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

#endif
