/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/config_place.h"

#define PATH_LONGEST 107 /* sizeof(sun_path) - 1 */

void dt_web_place_take(struct dt_config *c, const char *value, struct dt_web_place *out)
{
	if (*value == '/') {
		if (dt_config_path(c, value, PATH_LONGEST, &out->path))
			dt_config_place_socket(c, value);
		return;
	}
	if (dt_endpoint_parse(&out->at, value) < 0 || out->at.port == 0)
		dt_config_error(c,
				"\"%s\" is neither ADDRESS:PORT (IPv6 in brackets) nor the absolute path of a socket",
				value);
	else if (!dt_ip_is_loopback(&out->at.ip))
		dt_config_warn(c,
			       "whoever reaches %s reads what detourd does, and for whom, without a password: better "
			       "127.0.0.1, "
			       "or a socket behind a web server",
			       value);
}

void dt_web_place_fini(struct dt_web_place *place)
{
	free(place->path);
	*place = (struct dt_web_place){0};
}

bool dt_web_place_is_set(const struct dt_web_place *place)
{
	return place->path || place->at.port;
}

bool dt_web_place_equal(const struct dt_web_place *a, const struct dt_web_place *b)
{
	if (a->path || b->path)
		return a->path && b->path && strcmp(a->path, b->path) == 0;
	return dt_endpoint_equal(&a->at, &b->at);
}

const char *dt_web_place_format(const struct dt_web_place *place, char *buf)
{
	if (place->path)
		snprintf(buf, DT_WEB_PLACE_STRLEN, "%s", place->path);
	else
		dt_endpoint_format(&place->at, buf);
	return buf;
}
