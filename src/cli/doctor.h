/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detourd doctor: what works on this machine, what does not, and what to do about it. */
#ifndef DETOURD_CLI_DOCTOR_H
#define DETOURD_CLI_DOCTOR_H

#include "cli/options.h"

/* Exit code: 1 if there is an error, 0 with warnings and notes only. */
int dt_cli_doctor(const struct dt_options *options);

#endif
