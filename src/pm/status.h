/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's answers to `detourd status` and `detourd why`. Reads only. */
#ifndef DETOURD_PM_STATUS_H
#define DETOURD_PM_STATUS_H

#include <stdio.h>

/* A dt_control_answer_fn. data: the struct dt_pm. */
void dt_pm_status(FILE *out, const char *about, void *data);
/* about is ADDRESS or ADDRESS:PORT. */
void dt_pm_why(FILE *out, const char *about, void *data);

#endif
