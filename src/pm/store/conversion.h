/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers whose new connections are to go to a converter, and where they go now. Events note servers here; plan/convert
 * finds a relay for each.
 */
#ifndef DETOURD_PM_STORE_CONVERSION_H
#define DETOURD_PM_STORE_CONVERSION_H

#include "pm/store/converted.h"

struct dt_pm;

void dt_conversions_free(struct dt_pm *pm);
struct dt_endpoint dt_conversion_server(const struct dt_conversion *v);
/*
 * A connection to this server was made, or turned out to be plain TCP: then plain is its local end, else NULL. Notes the
 * server if the configuration has such connections converted.
 */
void dt_conversion_note(struct dt_pm *pm, const struct dt_endpoint *server, const struct dt_endpoint *plain,
			uint64_t now_ns);
/* NULL: this server was not noted. */
struct dt_conversion *dt_conversion_of(const struct dt_pm *pm, const struct dt_endpoint *server);
/* The conversion that leads to this address of a converter, or did; NULL: it is none. */
struct dt_conversion *dt_conversion_at(const struct dt_pm *pm, const struct dt_endpoint *remote);
/* The same, of an earlier run or a server that was forgotten: see store/conversion_file.h. */
const struct dt_conversion_earlier *dt_conversion_earlier_at(const struct dt_pm *pm, const struct dt_endpoint *remote);
/* Does nothing if there are too many. */
void dt_conversion_earlier_add(struct dt_pm *pm, const struct dt_endpoint *at, const struct dt_endpoint *server,
			       const char *relay);
/* New connections go there from now on. to NULL: they are direct, and why says the reason. */
void dt_conversion_lead(struct dt_conversion *v, const struct dt_endpoint *to, const char *relay, const char *why);
/* A SYN to a converter was not answered: others shall not wait for it. */
void dt_conversion_unanswered(struct dt_pm *pm, const struct dt_endpoint *remote, uint64_t now_ns);
/* A connection to a converter has ended. */
void dt_conversion_ended(struct dt_pm *pm, const struct dt_endpoint *remote);
void dt_conversion_free(struct dt_pm *pm, struct dt_conversion *v);

#endif
