/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/sock_owner.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* Has this process the socket open? */
static bool process_has(const char *pid, uint32_t inode)
{
	char path[300], target[64], wanted[64];
	struct dirent *entry;
	bool found = false;
	ssize_t len;
	DIR *dir;

	snprintf(wanted, sizeof(wanted), "socket:[%u]", inode);
	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && !found && (entry = readdir(dir))) {
		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		found = strcmp(target, wanted) == 0;
	}
	if (dir)
		closedir(dir);
	return found;
}

const char *dt_sock_owner(uint32_t inode, uint32_t uid, char buf[DT_SOCK_OWNER_STRLEN])
{
	char path[300], program[64];
	DIR *dir = inode ? opendir("/proc") : NULL;
	struct dirent *entry;

	snprintf(buf, DT_SOCK_OWNER_STRLEN, "a process of user %u", uid);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9' || !process_has(entry->d_name, inode))
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (dt_file_read(path, program, sizeof(program)) == 0)
			snprintf(buf, DT_SOCK_OWNER_STRLEN, "%s (process %.20s)", program, entry->d_name);
		break;
	}
	if (dir)
		closedir(dir);
	return buf;
}
