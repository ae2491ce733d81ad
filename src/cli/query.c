/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/query.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/unix.h"
#include "cli/render.h"
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

/* The stream that answers, or NULL after an error was printed. */
static FILE *control_ask(const struct dt_options *options, const char *request)
{
	const char *path = options->control ? options->control
			   : options->relay ? DT_RELAY_CONTROL_PATH
					    : DT_CLIENT_CONTROL_PATH;
	int fd = dt_unix_connect(path, 0);
	FILE *stream;

	/* without a client on this host, its relay is meant */
	if ((fd == -ENOENT || fd == -ECONNREFUSED) && !options->control && !options->relay) {
		int other = dt_unix_connect(DT_RELAY_CONTROL_PATH, 0);

		if (other >= 0)
			fd = other;
	}
	if (fd < 0) {
		fprintf(stderr, "detourd: cannot connect to %s: %s%s\n", path, strerror(-fd), remedy(fd));
		return NULL;
	}
	stream = fdopen(fd, "r+");
	if (!stream || fprintf(stream, "%s\n", request) < 0 || fflush(stream) == EOF) {
		fprintf(stderr, "detourd: cannot ask %s: %s\n", path, strerror(errno));
		if (stream)
			fclose(stream);
		else
			close(fd);
		return NULL;
	}
	return stream;
}

static int output_done(void)
{
	if (fflush(stdout) != EOF && !ferror(stdout))
		return 0;
	perror("detourd: cannot write");
	return 1;
}

static int answer_show(const struct dt_options *options, const char *request,
		       void (*render)(const json_t *answer, FILE *to))
{
	FILE *stream = control_ask(options, request);
	json_error_t error;
	json_t *answer;
	const char *refused;

	if (!stream)
		return 1;
	answer = json_loadf(stream, 0, &error);
	fclose(stream);
	if (!answer) {
		fprintf(stderr, "detourd: invalid reply of the daemon (%s); is it of another version?\n", error.text);
		return 1;
	}
	refused = json_string_value(json_object_get(answer, "error"));
	if (refused) {
		fprintf(stderr, "detourd: %s: %s\n", request, refused);
		json_decref(answer);
		return 1;
	}
	if (options->json) {
		json_dumpf(answer, stdout, JSON_INDENT(2));
		putchar('\n');
	} else {
		render(answer, stdout);
	}
	json_decref(answer);
	return output_done();
}

int dt_cli_status(const struct dt_options *options)
{
	return answer_show(options, "status", dt_render_status);
}

int dt_cli_why(const struct dt_options *options)
{
	char request[80];

	/* an address that is cut here is not valid either */
	snprintf(request, sizeof(request), "why %s", options->argument);
	return answer_show(options, request, dt_render_why);
}

int dt_cli_monitor(const struct dt_options *options)
{
	FILE *stream = control_ask(options, "monitor");
	char *line = NULL;
	size_t room = 0;
	int code = 0;

	if (!stream)
		return 1;
	while (code == 0 && getline(&line, &room, stream) > 0) {
		json_t *event = options->json ? NULL : json_loads(line, 0, NULL);

		if (options->json)
			fputs(line, stdout);
		else if (event)
			dt_render_event(event, stdout);
		json_decref(event);
		code = output_done();
	}
	free(line);
	fclose(stream);
	if (code == 0)
		fputs("detourd: the daemon has stopped\n", stderr);
	return 1;
}
