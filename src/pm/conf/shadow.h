/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a rule can ever be the first that matches. */
#ifndef DETOURD_PM_CONF_SHADOW_H
#define DETOURD_PM_CONF_SHADOW_H

#include "pm/conf/client_conf.h"

/* True: each connection that the second rule matches is matched by the first, too. Pure. */
bool dt_rule_covers(const struct dt_rule_conf *first, const struct dt_rule_conf *second);

#endif
