/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Client mode as main.c sees it: a path manager for the MPTCP connections of one network namespace. */
#ifndef DETOURD_PM_DAEMON_H
#define DETOURD_PM_DAEMON_H

#include "base/service.h"

extern const struct dt_mode dt_client_mode;

#endif
