/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Relay mode as main.c sees it. */
#ifndef DETOURD_RELAY_DAEMON_H
#define DETOURD_RELAY_DAEMON_H

#include "base/service.h"

extern const struct dt_mode dt_relay_mode;

/*
 * detourd --relay --flush: removes this relay's filters, programs, maps and port reservation. 0 also when there
 * was nothing; -EBUSY while a relay runs on these pins. Logs why on failure.
 */
int dt_relay_flush(const char *config_path);

#endif
