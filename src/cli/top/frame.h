/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One picture of `detourd top`, as text: what is where on a screen of any size. Pure. */
#ifndef DETOURD_CLI_TOP_FRAME_H
#define DETOURD_CLI_TOP_FRAME_H

#include <stdint.h>

#include "cli/screen.h"
#include "cli/top/keys.h"
#include "cli/top/model.h"

struct dt_top_frame {
	char *text;	 /* lines with screen.h's colours; never more lines than the screen has rows */
	size_t selected; /* the line that is selected; SIZE_MAX: none */
};

/* Keeps v's place in the list where the selected connection is. text is to be freed. */
struct dt_top_frame dt_top_frame_make(const struct dt_top_model *m, struct dt_top_view *v,
				      const struct dt_screen *screen, uint64_t now_ms);

#endif
