/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/wireguard_device.h"

#include <stdarg.h>
#include <stdio.h>

int dt_wg_fail(struct dt_wg *wg, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(wg->error, sizeof(wg->error), fmt, args);
	va_end(args);
	return err;
}
