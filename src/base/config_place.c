/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/config_place.h"

#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* The directory that path is in. */
static void parent_of(const char *path, char out[PATH_MAX])
{
	char *slash;

	snprintf(out, PATH_MAX, "%s", path);
	slash = strrchr(out, '/');
	if (slash)
		slash[slash == out] = '\0';
}

/* The nearest of path and what is above it that exists. */
static void nearest_of(const char *path, char out[PATH_MAX], struct stat *st)
{
	snprintf(out, PATH_MAX, "%s", path);
	while (stat(out, st) < 0 && strcmp(out, "/") != 0) {
		char below[PATH_MAX];

		memcpy(below, out, sizeof(below));
		parent_of(below, out);
	}
}

void dt_config_place_socket(struct dt_config *c, const char *path)
{
	char above[PATH_MAX];
	struct stat st;

	if (!c->judge_machine || strlen(path) >= PATH_MAX)
		return;
	if (lstat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			dt_config_error(c, "%s is a directory: name a socket in it", path);
		else if (!S_ISSOCK(st.st_mode))
			dt_config_error(c, "%s exists and is not a socket", path);
		return;
	}
	nearest_of(path, above, &st);
	if (!S_ISDIR(st.st_mode))
		dt_config_error(c, "%s is not a directory", above);
}

void dt_config_place_file(struct dt_config *c, const char *path, bool needed)
{
	void (*note)(struct dt_config *, const char *, ...) = needed ? dt_config_error : dt_config_warn;
	char above[PATH_MAX];
	struct stat st;

	if (!c->judge_machine || strlen(path) >= PATH_MAX)
		return;
	parent_of(path, above);
	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			note(c, "%s is a directory: name a file in it", path);
	} else if (errno == ENOTDIR || (stat(above, &st) == 0 && !S_ISDIR(st.st_mode))) {
		note(c, "%s is not a directory", above);
	} else if (stat(above, &st) < 0 && errno == ENOENT) {
		note(c, "there is no directory %s: make it", above);
	}
}

/* --- devices ----------------------------------------------------------------------------------- */

void dt_config_place_interface(struct dt_config *c, const char *pattern)
{
	struct if_nameindex *all;
	bool found = false;

	if (!c->judge_machine)
		return;
	all = if_nameindex();
	if (!all)
		return;
	for (size_t i = 0; all[i].if_index && !found; i++)
		found = fnmatch(pattern, all[i].if_name, 0) == 0;
	if_freenameindex(all);
	if (!found)
		dt_config_warn(c, "this host has no interface %s at present", pattern);
}

static bool is_wireguard(const char *device, unsigned index)
{
	char path[PATH_MAX], text[1024];

	/* of wireguard-go's devices only a socket tells, which the daemon asks */
	snprintf(path, sizeof(path), "/sys/class/net/%s/tun_flags", device);
	if (access(path, F_OK) == 0)
		return true;
	/* /sys may show another network namespace */
	snprintf(path, sizeof(path), "/sys/class/net/%s/ifindex", device);
	if (dt_file_read(path, text, sizeof(text)) < 0 || strtoul(text, NULL, 10) != index)
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s/uevent", device);
	return dt_file_read(path, text, sizeof(text)) < 0 || strstr(text, "DEVTYPE=wireguard");
}

bool dt_config_wireguard_device(struct dt_config *c, const char *text, char **out)
{
	unsigned index;

	if (!dt_config_device(c, text, out))
		return false;
	index = c->judge_machine ? if_nametoindex(text) : 0;
	if (strcmp(text, "lo") == 0)
		dt_config_error(c, "lo is the loopback interface: choose another name");
	else if (index && !is_wireguard(text, index))
		dt_config_error(c, "there is a device %s that is not WireGuard's: choose another name", text);
	return true;
}
