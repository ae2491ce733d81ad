/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection in `detourd top`: what is known of it, its paths over the last minutes, its events. Pure. */
#ifndef DETOURD_CLI_TOP_DETAIL_H
#define DETOURD_CLI_TOP_DETAIL_H

#include "cli/top/canvas.h"

/* The one that the view names. */
void dt_top_detail_add(struct dt_canvas *c);

#endif
