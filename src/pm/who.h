/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who opened a connection, and lists of users, cgroups and programs that it is compared with. */
#ifndef DETOURD_PM_WHO_H
#define DETOURD_PM_WHO_H

#include "base/addr.h"
#include "base/config.h"

#define DT_PROGRAM_LEN 15 /* TASK_COMM_LEN - 1 */

struct dt_who_cgroup {
	char *path;
	uint64_t id; /* 0: there is none now */
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
/* Every list that is not empty names it; a cgroup names all below it. Nobody's connection (NULL) is in no list. Pure. */
bool dt_who_matches(const struct dt_who *w, const struct dt_origin *origin);
/* Looks the cgroups' ids up: cgroups come and go. Returns true if one changed. root_fd: dt_cgroup_open_root(). */
bool dt_who_resolve(struct dt_who *w, int root_fd);
void dt_who_fini(struct dt_who *w);

/* Values of `user`, `cgroup` and `program`; each reports what is wrong. */
void dt_who_take_user(struct dt_config *c, struct dt_who *w, const char *value);
void dt_who_take_cgroup(struct dt_config *c, struct dt_who *w, const char *value);
void dt_who_take_program(struct dt_config *c, struct dt_who *w, const char *value);

#endif
