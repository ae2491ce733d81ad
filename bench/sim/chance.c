/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chance.h"

#include <math.h>

static uint64_t rng = 1;

void sim_seed(uint64_t seed)
{
	rng = seed ? seed : 1; /* xorshift stays at 0 */
}

double sim_uniform(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (double)(rng >> 11) / 9007199254740992.0;
}

double sim_exponential(double mean)
{
	return -log(1 - sim_uniform()) * mean;
}

double sim_normal(void)
{
	return sqrt(-2 * log(1 - sim_uniform())) * cos(6.283185307179586 * sim_uniform());
}

unsigned sim_below(unsigned count)
{
	return (unsigned)(sim_uniform() * count);
}
