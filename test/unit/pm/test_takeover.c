/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a client that runs out of memory leaves behind, in a network namespace of its own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "pm/kernel/takeover.h"

#define PM_TYPE "/proc/sys/net/mptcp/pm_type"

static void switch_is(const char *wanted)
{
	char value[64];

	cr_assert_eq(dt_file_read(PM_TYPE, value, sizeof(value)), 0);
	cr_assert_str_eq(value, wanted);
}

/* Takes over, and runs out of memory or not, in a process of its own; returns its exit code. */
static int take_over(bool exhausted)
{
	struct dt_takeover t;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (dt_takeover_begin(&t) < 0)
			_exit(2);
		if (exhausted)
			dt_memory_exhausted("test");
		_exit(0); /* as killed */
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

Test(takeover, the_path_manager_is_given_back_when_memory_runs_out)
{
	struct dt_takeover t;

	if (geteuid() != 0)
		cr_skip_test("a network namespace needs root");
	cr_assert_eq(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("tmpfs", "/run", "tmpfs", 0, NULL), 0);
	if (access(PM_TYPE, F_OK) < 0)
		cr_skip_test("this kernel has no MPTCP path manager");
	switch_is("0");
	cr_assert_eq(take_over(true), 1);
	switch_is("0");
	/* a process that could not clean up leaves it switched, and the next one still knows what it was */
	cr_assert_eq(take_over(false), 0);
	switch_is("1");
	cr_assert_eq(dt_takeover_begin(&t), 0);
	dt_takeover_end(&t);
	switch_is("0");
}
