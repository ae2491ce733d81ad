/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The courses of `detourd history` as a picture: SVG, without anything from elsewhere. Pure. */
#ifndef DETOURD_CLI_PLOT_H
#define DETOURD_CLI_PLOT_H

#include <stdio.h>

#include "cli/course.h"

#define DT_PLOT_COURSES 10 /* so many are drawn */

void dt_plot(const struct dt_courses *courses, uint64_t from_s, uint64_t until_s, FILE *to);

#endif
