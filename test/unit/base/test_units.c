/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <math.h>

#include "base/units.h"
#include "base/wall.h"

static void reads(const char *got, const char *words)
{
	cr_assert_str_eq(got, words);
}

Test(units, sizes_and_rates)
{
	char buf[DT_UNITS_STRLEN];

	reads(dt_size_format(0, buf), "0 B");
	reads(dt_size_format(999, buf), "999 B");
	reads(dt_size_format(999.6, buf), "1.0 kB");
	reads(dt_size_format(1500, buf), "1.5 kB");
	reads(dt_size_format(99949, buf), "99.9 kB");
	reads(dt_size_format(99960, buf), "100 kB");
	reads(dt_size_format(999700, buf), "1.0 MB");
	reads(dt_rate_format(91.24e6, buf), "91.2 Mbit/s");
	reads(dt_rate_format(-5, buf), "0 bit/s");
	reads(dt_rate_format(NAN, buf), "0 bit/s");
	reads(dt_rate_format(1e300, buf), "99999 Pbit/s");
}

Test(units, durations)
{
	char buf[DT_UNITS_STRLEN];

	reads(dt_duration_format(0, buf), "0 s");
	reads(dt_duration_format(119, buf), "119 s");
	reads(dt_duration_format(120, buf), "2 min");
	reads(dt_duration_format(7199, buf), "119 min");
	reads(dt_duration_format(7200, buf), "2 h");
	reads(dt_duration_format(172800, buf), "2 d");
	cr_assert(strlen(dt_duration_format(UINT64_MAX, buf)) < DT_UNITS_STRLEN);
}

Test(units, moments)
{
	char buf[DT_WALL_STRLEN];

	reads(dt_wall_format(0, buf), "1970-01-01T00:00:00.000Z");
	reads(dt_wall_format(1795937412345, buf), "2026-11-29T07:30:12.345Z");
	reads(dt_wall_format(951782399999, buf), "2000-02-28T23:59:59.999Z");
	reads(dt_wall_format(UINT64_MAX, buf), "-");
}
