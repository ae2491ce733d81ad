/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet (BPF_PROG_TEST_RUN): the rows of all test_nat_*.c, for both families. */
#include <criterion/criterion.h>

#include "bpf/fixture.h"
#include "bpf/story.h"

TestSuite(nat, .init = fixture_open, .fini = fixture_close, .timeout = 120);

Test(nat, rows)
{
	static const struct row *const themes[] = {gate_rows,	 policy_rows, quota_rows,  state_rows, window_rows,
						   rewrite_rows, icmp_rows,   tunnel_rows, parse_rows};
	unsigned ran = 0, packets = 0;

	for (size_t i = 0; i < sizeof(themes) / sizeof(themes[0]); i++)
		for (const struct row *row = themes[i]; row->name; row++)
			for (unsigned family = 4; family <= 6; family += 2) {
				if (row->family && row->family != family)
					continue;
				row_run(row, family);
				ran++;
				for (const struct step *st = row->steps; st < row->steps + STEPS && st->kind != NO_STEP;
				     st++)
					packets += st->kind != CALL;
			}
	cr_log_info("%u rows, %u packets", ran, packets);
	cr_assert_geq(ran, 401);
}
