/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/query.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/unix.h"
#include "cli/render.h"
#include "cli/text.h"
#include "pm/conf/client_conf.h"
#include "relay/config.h"

static const char *remedy(int err)
{
	switch (err) {
	case -ENOENT:
	case -ECONNREFUSED:
		return "; is detourd running? --control names another socket";
	case -EACCES:
		return "; run as root";
	default:
		return "";
	}
}

static const char *path_of(const struct dt_options *options)
{
	return options->control ? options->control : options->relay ? DT_RELAY_CONTROL_PATH : DT_CLIENT_CONTROL_PATH;
}

int dt_query_connect(const struct dt_options *options, int flags, FILE *errors)
{
	int fd = dt_unix_connect(path_of(options), SOCK_STREAM | flags);

	/* without a client on this host, its relay is meant */
	if ((fd == -ENOENT || fd == -ECONNREFUSED) && !options->control && !options->relay) {
		int other = dt_unix_connect(DT_RELAY_CONTROL_PATH, SOCK_STREAM | flags);

		if (other >= 0)
			fd = other;
	}
	if (fd < 0)
		fprintf(errors, "detourd: cannot connect to %s: %s%s\n", path_of(options), strerror(-fd), remedy(fd));
	return fd;
}

FILE *dt_query_stream(const struct dt_options *options, const char *request, FILE *errors)
{
	int fd = dt_query_connect(options, 0, errors);
	FILE *stream;

	if (fd < 0)
		return NULL;
	stream = fdopen(fd, "r+");
	if (!stream || fprintf(stream, "%s\n", request) < 0 || fflush(stream) == EOF) {
		fprintf(errors, "detourd: cannot ask %s: %s\n", path_of(options), strerror(errno));
		if (stream)
			fclose(stream);
		else
			close(fd);
		return NULL;
	}
	return stream;
}

int dt_query_output_done(void)
{
	if (fflush(stdout) != EOF && !ferror(stdout))
		return 0;
	perror("detourd: cannot write");
	return 1;
}

json_t *dt_query(const struct dt_options *options, const char *request, FILE *errors)
{
	FILE *stream = dt_query_stream(options, request, errors);
	json_error_t error;
	json_t *answer;
	const char *refused;
	char *clean;

	if (!stream)
		return NULL;
	answer = json_loadf(stream, 0, &error);
	fclose(stream);
	if (!json_is_object(answer)) {
		clean = dt_text_clean(answer ? "not an object" : error.text);
		fprintf(errors, "detourd: invalid reply of the daemon (%s); is it of another version?\n", clean);
		free(clean);
		json_decref(answer);
		return NULL;
	}
	refused = json_string_value(json_object_get(answer, "error"));
	if (refused) {
		clean = dt_text_clean(refused);
		fprintf(errors, "detourd: %s: %s\n", request, clean);
		free(clean);
		json_decref(answer);
		return NULL;
	}
	return answer;
}
