/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One scene for each test of nat.bpf, as a test suite's .init and .fini. */
#ifndef TEST_BPF_FIXTURE_H
#define TEST_BPF_FIXTURE_H

#include "bpf/scene.h"

extern struct scene scene;

/* Skips the test if it does not run as root. */
void fixture_open(void);
void fixture_close(void);

#endif
