/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which relays get the places that a connection has for detours. Pure. */
#ifndef DETOURD_PM_DECIDE_PLACES_H
#define DETOURD_PM_DECIDE_PLACES_H

#include "pm/decide/paths.h"

/* Opens paths up to the limit. */
void dt_places_fill(const struct dt_policy_input *in, struct dt_policy_output *out);
/* Replaces the worst detour by a better relay, or by one that may be better (a trial). */
void dt_places_replace(struct dt_chooser *p, const struct dt_policy_input *in, struct dt_policy_output *out);

#endif
