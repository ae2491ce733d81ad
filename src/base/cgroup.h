/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cgroup2 tree, wherever it is mounted. */
#ifndef DETOURD_BASE_CGROUP_H
#define DETOURD_BASE_CGROUP_H

#include <stdint.h>

/* Descriptor of its root; -ENOENT: no cgroup2 file system is mounted. */
int dt_cgroup_open_root(void);
/* The kernel's id of the cgroup at path (absolute within the tree). -ENOENT: there is none now; -errno. */
int dt_cgroup_id(int root_fd, const char *path, uint64_t *id);
/*
 * The path of what name stands for: a path ("/some/path"), a slice ("a-b.slice" is /a.slice/a-b.slice,
 * systemd.slice(5)), or a unit of the system's manager ("nginx.service" is in system.slice). buf holds cap bytes.
 * -EINVAL: none of these, or too long.
 */
int dt_cgroup_path(const char *name, char *buf, unsigned cap);

#endif
