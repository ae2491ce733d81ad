/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does the mode's daemon run, and what does it say? */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/unix.h"
#include "cli/doctor/context.h"

#define ANSWER_S 5

/* NULL: no answer in time. */
static json_t *status_ask(int fd)
{
	struct timeval patience = {.tv_sec = ANSWER_S};
	FILE *stream = fdopen(fd, "r+");
	json_t *answer = NULL;

	if (!stream) {
		close(fd);
		return NULL;
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (fputs("status\n", stream) != EOF && fflush(stream) != EOF)
		answer = json_loadf(stream, 0, NULL);
	fclose(stream);
	return answer;
}

static long peer_pid(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 ? peer.pid : 0;
}

static void status_judge(struct dt_doctor *d)
{
	const char *release = json_string_value(json_object_get(d->status, "release"));
	const char *mode = json_string_value(json_object_get(d->status, "mode"));

	dt_finding_fine(&d->found, "daemon", "process %ld answers as %s", d->daemon_pid, mode ? mode : "?");
	if (release && strcmp(release, DT_VERSION) != 0)
		dt_finding_add(&d->found, DT_FIND_DAEMON_VERSION, dt_doctor_unit(d),
			       "the daemon that runs is of version %s, the program %s", release, DT_VERSION);
	if (json_is_true(json_object_get(d->status, "draining")))
		dt_finding_add(&d->found, DT_FIND_DRAINING, dt_doctor_unit(d), "the relay is draining");
}

static void control_denied(struct dt_doctor *d, const char *control)
{
	struct stat st;

	if (stat(control, &st) == 0)
		dt_finding_add(&d->found, DT_FIND_CONTROL_DENIED, NULL, "%s is for user %u alone, and this is user %u",
			       control, (unsigned)st.st_uid, (unsigned)geteuid());
	else
		dt_finding_add(&d->found, DT_FIND_CONTROL_DENIED, NULL, "user %u may not enter the directory of %s",
			       (unsigned)geteuid(), control);
}

void dt_doctor_daemon(struct dt_doctor *d)
{
	const char *control = dt_doctor_control(d);
	int fd = dt_unix_connect(control, SOCK_STREAM);

	if (fd == -ECONNREFUSED) {
		dt_finding_add(&d->found, DT_FIND_DAEMON_KILLED, dt_doctor_unit(d),
			       "the daemon does not run, but its socket %s is left", control);
		return;
	}
	if (fd == -EACCES) {
		control_denied(d, control);
		return;
	}
	if (fd < 0) {
		if (fd == -ENOENT)
			dt_finding_add(&d->found, DT_FIND_DAEMON_ABSENT, dt_doctor_unit(d),
				       "the daemon does not run (no %s)", control);
		return;
	}
	d->daemon_runs = true;
	d->daemon_pid = peer_pid(fd);
	d->status = status_ask(fd);
	if (d->status)
		status_judge(d);
	else
		dt_finding_add(&d->found, DT_FIND_DAEMON_HANGS, dt_doctor_unit(d),
			       "the daemon (process %ld) runs, but has not answered for %d s", d->daemon_pid, ANSWER_S);
}
