/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/conf/who.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cgroup.h"

bool dt_who_is_empty(const struct dt_who *w)
{
	return w->nuids == 0 && w->ncgroups == 0 && w->nprograms == 0;
}

static bool has_uid(const struct dt_who *w, const struct dt_origin *origin)
{
	for (size_t i = 0; i < w->nuids; i++)
		if (w->uids[i] == origin->uid)
			return true;
	return false;
}

static bool has_cgroup(const struct dt_who *w, const struct dt_origin *origin)
{
	for (size_t i = 0; i < w->ncgroups; i++)
		for (size_t k = 0; w->cgroups[i].id && k < origin->ncgroups && k < DT_ORIGIN_CGROUPS; k++)
			if (w->cgroups[i].id == origin->cgroups[k])
				return true;
	return false;
}

static bool has_program(const struct dt_who *w, const struct dt_origin *origin)
{
	for (size_t i = 0; i < w->nprograms; i++)
		if (strncmp(w->programs[i], origin->program, DT_PROGRAM_LEN) == 0)
			return true;
	return false;
}

bool dt_who_matches(const struct dt_who *w, const struct dt_origin *origin)
{
	if (dt_who_is_empty(w))
		return true;
	return origin && (w->nuids == 0 || has_uid(w, origin)) && (w->ncgroups == 0 || has_cgroup(w, origin)) &&
	       (w->nprograms == 0 || has_program(w, origin));
}

bool dt_who_resolve(struct dt_who *w, int root_fd)
{
	bool changed = false;

	for (size_t i = 0; i < w->ncgroups; i++) {
		uint64_t id = 0;

		dt_cgroup_id(root_fd, w->cgroups[i].path, &id);
		changed = changed || id != w->cgroups[i].id;
		w->cgroups[i].id = id;
	}
	return changed;
}

void dt_who_fini(struct dt_who *w)
{
	for (size_t i = 0; i < w->ncgroups; i++)
		free(w->cgroups[i].path);
	for (size_t i = 0; i < w->nprograms; i++)
		free(w->programs[i]);
	free(w->uids);
	free(w->cgroups);
	free(w->programs);
	memset(w, 0, sizeof(*w));
}

void dt_who_take_user(struct dt_config *c, struct dt_who *w, const char *value)
{
	const struct passwd *entry;
	unsigned long number;
	uint32_t uid;
	char *end;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (value[strspn(value, "0123456789")] == '\0') {
		if (errno || *end || number >= UINT32_MAX) {
			dt_config_error(c, "%s is not a user id (0 to 4294967294)", value);
			return;
		}
		uid = (uint32_t)number;
	} else {
		entry = getpwnam(value);
		if (!entry) {
			dt_config_error(c, "no user %s on this host", value);
			return;
		}
		uid = entry->pw_uid;
	}
	dt_config_append(c, &w->uids, &w->nuids, sizeof(uid), &uid);
}

/* It may come later: a service's does. */
static void cgroup_judge(struct dt_config *c, const char *value, const char *path)
{
	int root = c->judge_machine ? dt_cgroup_open_root() : -ENOENT;
	uint64_t id;

	if (c->judge_machine && (root < 0 || dt_cgroup_id(root, path, &id) < 0))
		dt_config_warn(c, "there is no cgroup %s at present", value);
	if (root >= 0)
		close(root);
}

void dt_who_take_cgroup(struct dt_config *c, struct dt_who *w, const char *value)
{
	struct dt_who_cgroup cgroup = {0};
	char path[PATH_MAX];

	if (dt_cgroup_path(value, path, sizeof(path)) < 0) {
		dt_config_error(c, "\"%s\" is not a cgroup (an absolute path, NAME.slice, NAME.service or NAME.scope)",
				value);
		return;
	}
	cgroup_judge(c, value, path);
	cgroup.path = dt_config_copy(c, path);
	if (!dt_config_append(c, &w->cgroups, &w->ncgroups, sizeof(cgroup), &cgroup))
		free(cgroup.path);
}

/* Is there one whose name, as the kernel cuts it, is this? */
static bool folder_has(const char *folder, const char *program)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = strncmp(entry->d_name, program, DT_PROGRAM_LEN) == 0;
	if (dir)
		closedir(dir);
	return found;
}

static bool program_exists(const char *program)
{
	const char *path = getenv("PATH");
	char *folders, *rest = NULL;
	bool found = false;

	/* users may have no sbin in theirs */
	if (asprintf(&folders, "%s:/usr/bin:/usr/sbin:/usr/local/sbin", path ? path : "/bin") < 0)
		return true;
	for (char *folder = strtok_r(folders, ":", &rest); folder && !found; folder = strtok_r(NULL, ":", &rest))
		found = folder_has(folder, program);
	free(folders);
	return found;
}

void dt_who_take_program(struct dt_config *c, struct dt_who *w, const char *value)
{
	size_t len = strlen(value);
	char *program;

	if (len == 0 || strchr(value, '/')) {
		dt_config_error(c, "\"%s\" is not a command name (as ps -o comm shows it, without a path)", value);
		return;
	}
	if (len > DT_PROGRAM_LEN) {
		dt_config_error(c, "%s is too long (the kernel keeps %d characters of a command name)", value,
				DT_PROGRAM_LEN);
		return;
	}
	if (c->judge_machine && !program_exists(value))
		dt_config_warn(c, "no program %s in $PATH: is this the name that ps -o comm shows?", value);
	program = dt_config_copy(c, value);
	if (!dt_config_append(c, &w->programs, &w->nprograms, sizeof(program), &program))
		free(program);
}
