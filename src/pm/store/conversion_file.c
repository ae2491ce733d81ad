/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/conversion_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "pm/store/connection.h"
#include "pm/store/conversion.h"
#include "pm/store/pm.h"

/* A line: the converter's address, the server's, the relay's name. */
#define LINE_LEN (2 * DT_ENDPOINT_STRLEN + DT_CONVERSION_NAME_LEN + 3)
#define LINES_MAX (DT_CONVERSIONS_MAX * (1 + DT_CONVERSION_WAS) + DT_CONVERSIONS_EARLIER_MAX)
#define FILE_MAX ((size_t)LINES_MAX * LINE_LEN)

/* --- reading ----------------------------------------------------------------------------------- */

/* Cuts the line at its spaces. The name is the rest of it. */
static int line_take(struct dt_pm *pm, char *line)
{
	char *server = strchr(line, ' '), *relay = server ? strchr(server + 1, ' ') : NULL;
	struct dt_endpoint at, meant;

	if (!relay || !relay[1] || strlen(relay + 1) >= DT_CONVERSION_NAME_LEN)
		return -EINVAL;
	*server = *relay = '\0';
	if (dt_endpoint_parse(&at, line) < 0 || dt_endpoint_parse(&meant, server + 1) < 0)
		return -EINVAL;
	dt_conversion_earlier_add(pm, &at, &meant, relay + 1);
	return 0;
}

void dt_conversion_file_read(struct dt_pm *pm)
{
	const char *path = pm->takeover.converted_path;
	char *text = *path ? malloc(FILE_MAX) : NULL, *rest = text, *line;
	int err = text ? dt_file_read(path, text, FILE_MAX) : -ENOENT;

	while (err == 0 && (line = strsep(&rest, "\n")) && *line)
		err = line_take(pm, line);
	free(text);
	if (err && err != -ENOENT)
		dt_log_warn("cannot read %s: %s; some converted connections show their relay as the server", path,
			    strerror(-err));
}

/* --- writing ----------------------------------------------------------------------------------- */

static void line_write(FILE *out, const struct dt_endpoint *at, const struct dt_endpoint *server, const char *relay)
{
	char there[DT_ENDPOINT_STRLEN], meant[DT_ENDPOINT_STRLEN];

	if (at->port)
		fprintf(out, "%s %s %s\n", dt_endpoint_format(at, there), dt_endpoint_format(server, meant), relay);
}

static void conversion_write(FILE *out, const struct dt_conversion *v)
{
	struct dt_endpoint server = dt_conversion_server(v);

	line_write(out, &v->to, &server, v->relay);
	for (size_t i = 0; i < DT_CONVERSION_WAS; i++)
		line_write(out, &v->was[i], &server, v->relay);
}

static bool has_converted(const struct dt_pm *pm)
{
	for (const struct dt_connection *c = pm->connections; c; c = c->hh.next)
		if (*c->converter)
			return true;
	return false;
}

static bool has_connection(const struct dt_pm *pm, const struct dt_endpoint *at)
{
	for (const struct dt_connection *c = pm->connections; c; c = c->hh.next)
		if (*c->converter && dt_endpoint_equal(&c->remote, at))
			return true;
	return false;
}

/* What has no connection any more is forgotten: nobody will look for it. */
static void earlier_write(FILE *out, struct dt_pm *pm)
{
	struct dt_conversions *conversions = &pm->conversions;
	size_t kept = 0;

	for (size_t i = 0; i < conversions->nearlier; i++)
		if (!dt_conversion_at(pm, &conversions->earlier[i].at) &&
		    has_connection(pm, &conversions->earlier[i].at))
			conversions->earlier[kept++] = conversions->earlier[i];
	conversions->nearlier = kept;
	for (size_t i = 0; i < kept; i++)
		line_write(out, &conversions->earlier[i].at, &conversions->earlier[i].server,
			   conversions->earlier[i].relay);
}

void dt_conversion_file_write(struct dt_pm *pm)
{
	const char *path = pm->takeover.converted_path;
	char *text = NULL;
	size_t len;
	FILE *out = *path ? open_memstream(&text, &len) : NULL;
	int err;

	if (!out)
		return;
	for (const struct dt_conversion *v = pm->conversions.all; v; v = v->hh.next)
		conversion_write(out, v);
	earlier_write(out, pm);
	err = fclose(out) == 0 ? dt_file_replace(path, text) : -ENOMEM;
	free(text);
	if (err)
		dt_log_warn("cannot write %s: %s; after a restart, converted connections show their relay as the "
			    "server",
			    path, strerror(-err));
}

void dt_conversion_file_end(struct dt_pm *pm)
{
	if (!*pm->takeover.converted_path || !pm->stock_number)
		return; /* a start that failed does not know what lives */
	if (has_converted(pm))
		dt_conversion_file_write(pm);
	else
		unlink(pm->takeover.converted_path);
}
