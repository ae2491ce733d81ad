/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Items of an array, found by what they contain; also where all hashes are the same. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/index.h"

#define COUNT 5000

static char items[COUNT][24];
static size_t looks; /* candidates that were compared */

static bool is_there(const struct dt_index *x, const char *text, uint64_t mask)
{
	size_t probe = 0, i = 0;

	while (dt_index_next(x, dt_index_hash(text, strlen(text)) & mask, &probe, &i)) {
		looks++;
		if (strcmp(items[i], text) == 0)
			return true;
	}
	return false;
}

static void fill(struct dt_index *x, size_t count, uint64_t mask)
{
	cr_assert(!is_there(x, "0", mask), "it is empty");
	for (size_t i = 0; i < count; i++) {
		snprintf(items[i], sizeof(items[i]), "%zu", i);
		cr_assert(!is_there(x, items[i], mask));
		cr_assert(dt_index_add(x, dt_index_hash(items[i], strlen(items[i])) & mask, i));
	}
	for (size_t i = 0; i < count; i++)
		cr_assert(is_there(x, items[i], mask));
	cr_assert(!is_there(x, "x", mask));
}

Test(array_index, finds_what_is_there)
{
	struct dt_index x = {0};

	looks = 0;
	fill(&x, COUNT, UINT64_MAX);
	cr_assert_lt(looks, 2 * COUNT, "it does not look at all of them: %zu looks", looks);
	dt_index_fini(&x);
	cr_assert(!is_there(&x, "1", UINT64_MAX));
}

Test(array_index, finds_it_among_equal_hashes)
{
	struct dt_index x = {0};

	fill(&x, 100, 0);
	dt_index_fini(&x);
}
