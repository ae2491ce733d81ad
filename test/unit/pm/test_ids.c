/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "pm/decide/ids.h"

Test(ids, are_taken_in_turn_and_never_zero)
{
	struct dt_ids ids = {0};

	for (unsigned i = 1; i <= 255; i++)
		cr_assert_eq(dt_ids_take(&ids), i);
	cr_assert_eq(dt_ids_take(&ids), 0, "none is free");
	dt_ids_free(&ids, 7);
	cr_assert_eq(dt_ids_take(&ids), 7);
	dt_ids_free(&ids, 0);
	cr_assert_eq(dt_ids_take(&ids), 0, "0 is the initial subflow's");
}

Test(ids, freed_ones_come_last)
{
	struct dt_ids ids = {0};

	cr_assert_eq(dt_ids_take(&ids), 1);
	dt_ids_free(&ids, 1);
	cr_assert_eq(dt_ids_take(&ids), 2);
	for (unsigned i = 3; i <= 255; i++)
		cr_assert_eq(dt_ids_take(&ids), i);
	cr_assert_eq(dt_ids_take(&ids), 1);
}

Test(ids, used_by_others_are_not_taken)
{
	struct dt_ids ids = {0};

	dt_ids_mark(&ids, 0);
	dt_ids_mark(&ids, 3);
	cr_assert_eq(dt_ids_take(&ids), 4, "an earlier run may have used 1 and 2");
	dt_ids_mark(&ids, 4);
	for (unsigned i = 5; i <= 255; i++)
		cr_assert_eq(dt_ids_take(&ids), i);
	cr_assert_eq(dt_ids_take(&ids), 1);
	cr_assert_eq(dt_ids_take(&ids), 2);
	cr_assert_eq(dt_ids_take(&ids), 0);
}
