/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's answers to `detourd status` and `detourd why`. Reads only. */
#ifndef DETOURD_PM_STATUS_H
#define DETOURD_PM_STATUS_H

#include <stdio.h>

#include "base/control.h"

/*
 * The answer to "status"; data is the struct dt_pm. To "status brief" it is the same without what only the kernel knows of
 * each subflow (round-trip time, retransmissions); bytes are those of the last sample. To "status brief N" it has the N
 * connections with the highest rates only; total.connections tells how many there are. To "status brief N ID" it has that one
 * as well.
 */
extern const struct dt_control_steps dt_pm_status;
/* A dt_control_answer_fn. about is ADDRESS or ADDRESS:PORT. */
void dt_pm_why(FILE *out, const char *about, void *data);

#endif
