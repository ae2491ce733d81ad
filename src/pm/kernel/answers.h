/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to probes are counted, and do not reach TCP: see answers.bpf. */
#ifndef DETOURD_PM_KERNEL_ANSWERS_H
#define DETOURD_PM_KERNEL_ANSWERS_H

#include <stdint.h>

#include <linux/types.h>

#include "detourd/maps.h"

struct dt_answers;

/* Logs why it failed, and what follows from that. */
int dt_answers_open(struct dt_answers **out);
/* May be NULL. */
void dt_answers_close(struct dt_answers *a);
/* The map of the answers, for dt_pulse_reader_open(). */
int dt_answers_fd(const struct dt_answers *a);
/* The peer of this socket is about to be asked by a probe with one byte, which has this sequence number. */
void dt_answers_expect(struct dt_answers *a, const struct dt_subflow_key *key, uint32_t seq);
/* No probe was sent lately: packets cost nothing until the next. */
void dt_answers_rest(struct dt_answers *a);

#endif
