/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bpf/fixture.h"

#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

struct scene scene;

void fixture_open(void)
{
	int err;

	if (geteuid() != 0)
		cr_skip_test("loading BPF needs root");
	err = scene_open(&scene);
	cr_assert_eq(err, 0, "cannot load nat.bpf: %s", strerror(-err));
}

void fixture_close(void)
{
	scene_close(&scene);
}
