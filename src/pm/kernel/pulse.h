/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reader of pulse.bpf: counters of many sockets of this network namespace, by one system call for each device. */
#ifndef DETOURD_PM_KERNEL_PULSE_H
#define DETOURD_PM_KERNEL_PULSE_H

#include <stddef.h>

#include "base/addr.h"

struct dt_pulse_reader;

/* answers: dt_answers_fd(), or -1. Logs why it failed. */
int dt_pulse_reader_open(struct dt_pulse_reader **out, int answers);
/* May be NULL. */
void dt_pulse_reader_close(struct dt_pulse_reader *r);
/* In each, key and device say which socket; the rest is filled in. -errno. */
int dt_pulse_read(struct dt_pulse_reader *r, struct dt_pulse *pulses, size_t count);

#endif
