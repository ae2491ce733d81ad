/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int dt_cgroup_open_root(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int fd = -ENOENT;

	if (!mounts)
		return -errno;
	while (fd == -ENOENT && (entry = getmntent(mounts)))
		if (strcmp(entry->mnt_type, "cgroup2") == 0) {
			fd = open(entry->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (fd < 0)
				fd = -errno;
		}
	endmntent(mounts);
	return fd;
}

int dt_cgroup_id(int root_fd, const char *path, uint64_t *id)
{
	struct stat st;

	path += strspn(path, "/");
	if (fstatat(root_fd, *path ? path : ".", &st, 0) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		return -ENOENT;
	*id = st.st_ino; /* kernfs: the inode's number is the id (include/linux/kernfs.h) */
	return 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && strcmp(text + len - end_len, end) == 0;
}

static int slice_path(const char *name, char *buf, unsigned cap)
{
	size_t stem = strlen(name) - strlen(".slice"), used = 0;

	if (name[0] == '-' || name[stem - 1] == '-' || strstr(name, "--"))
		return -EINVAL;
	for (size_t i = 1; i <= stem; i++) {
		if (i < stem && name[i] != '-')
			continue;
		used += (size_t)snprintf(buf + used, cap - used, "/%.*s.slice", (int)i, name);
		if (used >= cap)
			return -EINVAL;
	}
	return 0;
}

int dt_cgroup_path(const char *name, char *buf, unsigned cap)
{
	int len;

	if (strstr(name, "..") || (name[0] != '/' && strchr(name, '/')))
		return -EINVAL;
	if (name[0] == '/')
		len = snprintf(buf, cap, "%s", name);
	else if (ends_with(name, ".slice"))
		return slice_path(name, buf, cap);
	else if (ends_with(name, ".service") || ends_with(name, ".scope"))
		len = snprintf(buf, cap, "/system.slice/%s", name);
	else
		return -EINVAL;
	return len >= 0 && (unsigned)len < cap ? 0 : -EINVAL;
}
