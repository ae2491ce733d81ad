/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where metrics are served: the key `metrics` of both modes. */
#ifndef DETOURD_WEB_PLACE_H
#define DETOURD_WEB_PLACE_H

#include "base/addr.h"
#include "base/config.h"

struct dt_web_place {
	char *path;	       /* of a Unix socket; NULL: none */
	struct dt_endpoint at; /* port 0: none */
};

/* The key's value: ADDRESS:PORT, or an absolute path. Warns of a place that other hosts reach. */
void dt_web_place_take(struct dt_config *c, const char *value, struct dt_web_place *out);
void dt_web_place_fini(struct dt_web_place *place);
bool dt_web_place_is_set(const struct dt_web_place *place);
bool dt_web_place_equal(const struct dt_web_place *a, const struct dt_web_place *b);
/* "127.0.0.1:9745" or "/run/detourd/metrics.sock". buf holds DT_WEB_PLACE_STRLEN bytes; returns buf. */
#define DT_WEB_PLACE_STRLEN 128
const char *dt_web_place_format(const struct dt_web_place *place, char *buf);

#endif
