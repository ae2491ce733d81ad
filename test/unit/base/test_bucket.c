/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "base/bucket.h"
#include "base/clock.h"

static unsigned taken(struct dt_bucket *b, uint64_t now_ns, unsigned asked)
{
	unsigned count = 0;

	while (asked--)
		count += dt_bucket_take(b, now_ns);
	return count;
}

Test(bucket, depth_at_once_then_the_rate)
{
	struct dt_bucket b = {0};

	cr_assert_eq(taken(&b, 0, 1000), 1000, "zeroed: no limit");
	dt_bucket_limit(&b, 10, 5);
	cr_assert_eq(taken(&b, 1 * DT_SEC, 100), 5);
	cr_assert_eq(taken(&b, 1 * DT_SEC + 99 * DT_MS, 100), 0);
	cr_assert_eq(taken(&b, 1 * DT_SEC + 100 * DT_MS, 100), 1);
	cr_assert_eq(taken(&b, 1 * DT_SEC + 350 * DT_MS, 100), 2, "2.5 intervals later");
	cr_assert_eq(taken(&b, 1 * DT_SEC + 400 * DT_MS, 100), 1, "the half was not lost");
	cr_assert_eq(taken(&b, 60 * DT_SEC, 100), 5, "never more than its depth");
}

Test(bucket, a_new_limit_keeps_what_was_taken)
{
	struct dt_bucket b = {0};

	dt_bucket_limit(&b, 10, 10);
	cr_assert_eq(taken(&b, DT_SEC, 100), 10);
	dt_bucket_limit(&b, 10, 12);
	cr_assert_eq(taken(&b, DT_SEC, 100), 2);
	dt_bucket_limit(&b, 0, 0);
	cr_assert_eq(taken(&b, DT_SEC, 100), 100);
}
