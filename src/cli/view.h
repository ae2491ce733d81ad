/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `detourd status` for people: what both modes answer, as tables. */
#ifndef DETOURD_CLI_VIEW_H
#define DETOURD_CLI_VIEW_H

#include "cli/choose.h"
#include "cli/screen.h"

/* list: the connections, or at a relay the clients, as dt_choose() gave them. */
void dt_view_status(const json_t *status, const json_t *list, const struct dt_choose *choose,
		    const struct dt_screen *screen, FILE *to);

#endif
