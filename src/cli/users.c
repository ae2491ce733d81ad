/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/users.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Finds by name, or where that is NULL by number. The entry is static. */
static const struct passwd *find(const char *name, uint32_t uid)
{
	const struct passwd *entry = NULL;
	FILE *file = fopen("/etc/passwd", "re");

	if (!file)
		return NULL;
	while ((entry = fgetpwent(file)))
		if (name ? strcmp(entry->pw_name, name) == 0 : entry->pw_uid == uid)
			break;
	fclose(file);
	return entry;
}

const char *dt_user_name(uint32_t uid, char *buf)
{
	/* most of a host's connections are a few users' */
	static struct {
		uint32_t uid;
		char name[DT_USER_STRLEN];
	} known[16];
	size_t slot = uid % (sizeof(known) / sizeof(known[0]));
	const struct passwd *entry;

	if (!known[slot].name[0] || known[slot].uid != uid) {
		entry = find(NULL, uid);
		known[slot].uid = uid;
		if (entry)
			snprintf(known[slot].name, sizeof(known[slot].name), "%s", entry->pw_name);
		else
			snprintf(known[slot].name, sizeof(known[slot].name), "%u", uid);
	}
	memcpy(buf, known[slot].name, DT_USER_STRLEN);
	return buf;
}

bool dt_user_find(const char *name, uint32_t *uid)
{
	const struct passwd *entry = find(name, 0);
	unsigned long number;
	char *end;

	if (entry) {
		*uid = entry->pw_uid;
		return true;
	}
	errno = 0;
	number = strtoul(name, &end, 10);
	if (*name < '0' || *name > '9' || *end || errno || number > UINT32_MAX)
		return false;
	*uid = (uint32_t)number;
	return true;
}
