/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Seeded pseudo-random numbers, the same on every machine. */
#ifndef DETOURD_BENCH_CHANCE_H
#define DETOURD_BENCH_CHANCE_H

#include <stdint.h>

/* Every run that sets the same seed draws the same numbers. */
void sim_seed(uint64_t seed);
double sim_uniform(void); /* 0 to below 1 */
double sim_exponential(double mean);
double sim_normal(void);
/* 0 to below count, which must not be 0 */
unsigned sim_below(unsigned count);

#endif
