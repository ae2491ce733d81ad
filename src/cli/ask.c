/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/unix.h"

int dt_ask(const char *path, const char *request, json_t **answer)
{
	int fd = dt_unix_connect(path, SOCK_STREAM);
	FILE *stream;

	if (fd < 0)
		return fd;
	stream = fdopen(fd, "r+");
	if (!stream) {
		close(fd);
		return -ENOMEM;
	}
	*answer = fprintf(stream, "%s\n", request) > 0 && fflush(stream) == 0 ? json_loadf(stream, 0, NULL) : NULL;
	fclose(stream);
	return *answer ? 0 : -EPROTO;
}

json_t *dt_ask_or_complain(const char *path, const char *request)
{
	const char *refused;
	json_t *answer;
	int err = dt_ask(path, request, &answer);

	if (err == -EPROTO)
		fprintf(stderr, "detourd: the daemon at %s gave no valid answer; is it of another version?\n", path);
	else if (err)
		fprintf(stderr, "detourd: cannot connect to %s: %s%s\n", path, strerror(-err),
			err == -EACCES	 ? "; run as root"
			: err == -ENOMEM ? ""
					 : "; is the daemon running? --control names another socket");
	if (err)
		return NULL;
	refused = json_string_value(json_object_get(answer, "error"));
	if (!refused)
		return answer;
	fprintf(stderr, "detourd: %s\n", refused);
	json_decref(answer);
	return NULL;
}
