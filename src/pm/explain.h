/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All explanations (`why` in status) in words. Changes nothing. */
#ifndef DETOURD_PM_EXPLAIN_H
#define DETOURD_PM_EXPLAIN_H

#include <stddef.h>

struct dt_connection;
struct dt_pm_relay;

/* Why this connection has no more subflows than it has. Cut if cap is too small. */
void dt_explain(const struct dt_connection *c, char *out, size_t cap);
/* Why this relay cannot be used; "" if it can. The text is static or the relay's. */
const char *dt_explain_relay(const struct dt_pm_relay *relay);

#endif
