/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of users, cgroups and programs, and whether the process that opened a connection is in them. */
#ifndef DETOURD_PM_CONF_WHO_H
#define DETOURD_PM_CONF_WHO_H

#include "base/addr.h"
#include "base/config.h"

#define DT_PROGRAM_LEN 15 /* TASK_COMM_LEN - 1 */

struct dt_who_cgroup {
	char *path;
	uint64_t id; /* 0: no such cgroup at present */
};

struct dt_who {
	uint32_t *uids;
	size_t nuids;
	struct dt_who_cgroup *cgroups;
	size_t ncgroups;
	char **programs;
	size_t nprograms;
};

bool dt_who_is_empty(const struct dt_who *w);
/*
 * True if each list that is not empty contains the origin; a cgroup contains all cgroups below it. If the origin is
 * unknown (NULL), only empty lists match. Pure.
 */
bool dt_who_matches(const struct dt_who *w, const struct dt_origin *origin);
/* Looks up the cgroups' ids, which change as cgroups come and go. True: one changed. root_fd: dt_cgroup_open_root(). */
bool dt_who_resolve(struct dt_who *w, int root_fd);
void dt_who_fini(struct dt_who *w);

/* Each takes one value of `user`, `cgroup` or `program`, and reports errors. */
void dt_who_take_user(struct dt_config *c, struct dt_who *w, const char *value);
void dt_who_take_cgroup(struct dt_config *c, struct dt_who *w, const char *value);
void dt_who_take_program(struct dt_config *c, struct dt_who *w, const char *value);

#endif
