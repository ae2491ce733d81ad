/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pulse.bpf: what many sockets of this network namespace have heard, for one system call. */
#ifndef DETOURD_PM_PULSE_H
#define DETOURD_PM_PULSE_H

#include <stddef.h>

#include "base/addr.h"

struct dt_pulse_reader;

/* Logs why it failed. */
int dt_pulse_reader_open(struct dt_pulse_reader **out);
/* May be NULL. */
void dt_pulse_reader_close(struct dt_pulse_reader *r);
/* Fills in each one's answer to its key and device. The kernel's negative errno. */
int dt_pulse_read(struct dt_pulse_reader *r, struct dt_pulse *pulses, size_t count);

#endif
