/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs the stories, each in a process of its own: a fork, so that two hundred of them start in no time even under ASan.
 *
 *     story-tests [--filter SUITE/NAME] [--list] [--verbose] [--disabled] [-jN]
 *
 * The filter is a pattern (fnmatch). --disabled runs the disabled ones, too. STORY_PRINT=1 prints what was told in stories that pass as well.
 */
#include <dirent.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "story.h"
#include "story_parts.h"

#define JOBS_MAX 64
/* A story that hangs: of processor time, which a busy machine does not use up; of real time, if it waits for something. */
#define PATIENCE_CPU_S 60
#define PATIENCE_S 1200

char story_dir[96];

static struct story *stories, **stories_end = &stories;
static char base[] = "/tmp/detourd-stories-XXXXXX";

struct job {
	pid_t pid;
	const struct story *story;
	int output;
};
static struct job jobs[JOBS_MAX];
static unsigned running, njobs, passed, failed, crashed, skipped;
static bool verbose;

void story_add(struct story *s)
{
	*stories_end = s;
	stories_end = &s->next;
}

static void output_print(int fd)
{
	char text[4096];
	ssize_t got;

	lseek(fd, 0, SEEK_SET);
	while ((got = read(fd, text, sizeof(text))) > 0)
		fwrite(text, 1, (size_t)got, stderr);
}

static void dir_name(pid_t pid)
{
	snprintf(story_dir, sizeof(story_dir), "%s/%d", base, (int)pid);
}

/* Of a story that may have crashed. */
static void dir_remove(pid_t pid)
{
	struct dirent *entry;
	DIR *dir;

	dir_name(pid);
	dir = opendir(story_dir);
	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0); /* . and .. stay */
	if (dir)
		closedir(dir);
	rmdir(story_dir);
}

static void job_run(const struct story *s, int output)
{
	dup2(output, STDERR_FILENO);
	dir_name(getpid());
	if (mkdir(story_dir, 0700) < 0)
		abort();
	alarm(PATIENCE_S);
	setitimer(ITIMER_PROF, &(struct itimerval){.it_value.tv_sec = PATIENCE_CPU_S}, NULL);
	story_init();
	s->run();
	story_fini();
	exit(0); /* LeakSanitizer may yet object */
}

static void job_start(const struct story *s)
{
	struct job *job = jobs;

	while (job->pid)
		job++;
	job->story = s;
	job->output = memfd_create("story", MFD_CLOEXEC);
	fflush(NULL);
	job->pid = fork();
	if (job->pid < 0 || job->output < 0) {
		perror("cannot start a story");
		exit(1);
	}
	if (job->pid == 0)
		job_run(s, job->output);
	running++;
}

static void job_end(void)
{
	struct job *job = jobs;
	int how;
	struct rusage used;
	pid_t pid = wait4(-1, &how, 0, &used);
	double cpu_s;
	bool good, crash = WIFSIGNALED(how);

	while (job->pid != pid)
		job++;
	cpu_s = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
	good = WIFEXITED(how) && WEXITSTATUS(how) == 0;
	if (!good || getenv("STORY_PRINT"))
		output_print(job->output);
	if (!good || verbose)
		fprintf(stderr, "[%s] %s::%s: %.3f s%s%s\n", good ? "PASS" : "FAIL", job->story->suite,
			job->story->name, cpu_s, crash ? ", " : "", crash ? strsignal(WTERMSIG(how)) : "");
	passed += good;
	crashed += crash;
	failed += !good && !crash;
	dir_remove(pid);
	close(job->output);
	memset(job, 0, sizeof(*job));
	running--;
}

static bool is_wanted(const struct story *s, const char *filter)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/%s", s->suite, s->name);
	return !filter || fnmatch(filter, name, 0) == 0;
}

int main(int argc, char **argv)
{
	const char *filter = NULL;
	bool list = false, all = false;

	njobs = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--filter") == 0 && i + 1 < argc)
			filter = argv[++i];
		else if (strcmp(argv[i], "--list") == 0)
			list = true;
		else if (strcmp(argv[i], "--disabled") == 0)
			all = true;
		else if (strcmp(argv[i], "--verbose") == 0)
			verbose = true;
		else if (strncmp(argv[i], "-j", 2) == 0)
			njobs = (unsigned)atoi(argv[i] + 2);
		else {
			fprintf(stderr,
				"usage: story-tests [--filter SUITE/NAME] [--list] [--verbose] [--disabled] [-jN]\n");
			return 2;
		}
	}
	if (!list && !mkdtemp(base)) {
		perror(base);
		return 1;
	}
	njobs = njobs < 1 ? 1 : njobs > JOBS_MAX ? JOBS_MAX : njobs;
	for (const struct story *s = stories; s; s = s->next) {
		if (!is_wanted(s, filter))
			continue;
		if (list) {
			printf("%s/%s%s%s\n", s->suite, s->name, s->disabled ? ": disabled, " : "",
			       s->disabled ? s->disabled : "");
			continue;
		}
		if (s->disabled && !all) {
			skipped++;
			continue;
		}
		if (running == njobs)
			job_end();
		job_start(s);
	}
	while (running)
		job_end();
	rmdir(base);
	if (!list)
		printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: %u | Disabled: %u\n",
		       passed + failed + crashed, passed, failed, crashed, skipped);
	return failed || crashed || (!list && !passed) ? 1 : 0;
}
