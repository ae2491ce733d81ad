/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Plain subflows go over no relay. They are those that the kernel's path manager would make, which is off meanwhile: one
 * in place of the initial subflow if that is gone, one from each interface that `interfaces` names, and one to each
 * address that the server announced.
 */
#ifndef DETOURD_PM_PLAN_PLAIN_H
#define DETOURD_PM_PLAN_PLAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "pm/store/connection.h"
#include "pm/store/interfaces.h"

struct dt_plain_want {
	struct dt_plain_source from;
	bool routed; /* it needs a rule, so that its packets leave by the interface */
	struct dt_endpoint to;
};

/* In order of preference, in case the server accepts only a few. */
struct dt_plain_wants {
	struct dt_plain_want all[1 + DT_PLAIN_SOURCES_MAX + DT_ANNOUNCED_MAX];
	size_t count;
};

/* The plain subflows that this connection should have. */
void dt_plain_list(const struct dt_connection *c, struct dt_plain_wants *out);
/* The wanted subflow, in any state; NULL: there is none. */
struct dt_subflow *dt_plain_find(const struct dt_connection *c, const struct dt_plain_want *want);
/* Begins the missing plain subflows. Frees those that have ended and are not wanted any more. */
void dt_plain_plan(struct dt_connection *c, uint64_t now_ns);
/* Ends those of interfaces that are not named any more. Tells the server which are backup now. */
void dt_plain_rules_changed(struct dt_connection *c);

#endif
