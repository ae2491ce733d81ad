/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the doctor may see, and what the running daemon may do and use. */
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/capabilities.h"
#include "base/cgroup.h"
#include "cli/doctor/context.h"

#define BIT(capability) (1ULL << (capability))
/* Fewer descriptors than this are used up by some hundred connections. */
#define FILES_MIN 1024
#define MEMORY_MIN (64ULL << 20)

/* Root is not needed: only the capabilities that the unit files give. */
void dt_doctor_permission(struct dt_doctor *d)
{
	uint64_t needed = d->relay ? DT_CAPABILITIES_RELAY : DT_CAPABILITIES_CLIENT;
	uint64_t lacking = needed & ~dt_capabilities();
	char names[DT_CAPABILITIES_STRLEN];

	if (lacking)
		dt_finding_add(&d->found, DT_FIND_NOT_ROOT, NULL, "user %u without %s", (unsigned)geteuid(),
			       dt_capabilities_format(lacking, names));
	else
		dt_finding_fine(&d->found, "permission", "user %u with %s", (unsigned)geteuid(),
				dt_capabilities_format(needed, names));
}

/* The rest of the first line of /proc/PID/FILE that begins with key, into out. False: there is none. */
static bool process_line(long pid, const char *file, const char *key, char *out, size_t cap)
{
	char path[64], line[512];
	bool found = false;
	FILE *stream;

	snprintf(path, sizeof(path), "/proc/%ld/%s", pid, file);
	stream = fopen(path, "re");
	while (stream && !found && fgets(line, sizeof(line), stream)) {
		found = strncmp(line, key, strlen(key)) == 0;
		if (found)
			snprintf(out, cap, "%s", line + strlen(key));
	}
	if (stream)
		fclose(stream);
	out[found ? strcspn(out, "\n") : 0] = '\0';
	return found;
}

struct wanted {
	const char *name;
	unsigned bit;
	unsigned also; /* a capability that includes it */
	bool client_only;
};
static const struct wanted wanted[] = {
	{"CAP_NET_ADMIN", CAP_NET_ADMIN, CAP_NET_ADMIN, false},
	{"CAP_NET_RAW", CAP_NET_RAW, CAP_NET_RAW, true},
	{"CAP_BPF", CAP_BPF, CAP_SYS_ADMIN, false},
	{"CAP_PERFMON", CAP_PERFMON, CAP_SYS_ADMIN, false},
};

static void check_capabilities(struct dt_doctor *d)
{
	char text[512], missing[128] = "";
	unsigned long long have;

	if (!process_line(d->daemon_pid, "status", "CapEff:", text, sizeof(text)))
		return;
	have = strtoull(text, NULL, 16);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!(have & (BIT(wanted[i].bit) | BIT(wanted[i].also))) && !(d->relay && wanted[i].client_only)) {
			strcat(missing, " ");
			strcat(missing, wanted[i].name);
		}
	if (*missing)
		dt_finding_add(&d->found, DT_FIND_CAPABILITIES, dt_doctor_unit(d), "the daemon (process %ld) lacks%s",
			       d->daemon_pid, missing);
	else
		dt_finding_fine(&d->found, "capabilities", "the daemon has those that it needs");
}

static void check_files(struct dt_doctor *d)
{
	unsigned long files;
	char text[512];

	if (!process_line(d->daemon_pid, "limits", "Max open files", text, sizeof(text)))
		return;
	files = strtoul(text, NULL, 10);
	if (files && files < FILES_MIN)
		dt_finding_add(&d->found, DT_FIND_FILE_LIMIT, dt_doctor_unit(d),
			       "the daemon (process %ld) may open %lu files only", d->daemon_pid, files);
	else
		dt_finding_fine(&d->found, "files", "the daemon may open %lu files", files);
}

/* The smallest memory.max from the daemon's cgroup up; 0: none is known. */
static unsigned long long memory_max(long pid)
{
	unsigned long long least = 0;
	char cgroup[512], path[600], text[64];
	int root = dt_cgroup_open_root();

	if (root < 0)
		return 0;
	if (!process_line(pid, "cgroup", "0::", cgroup, sizeof(cgroup)))
		*cgroup = '\0';
	while (*cgroup == '/') {
		unsigned long long max = 0;
		FILE *stream;

		snprintf(path, sizeof(path), "/proc/self/fd/%d%s/memory.max", root, cgroup);
		stream = fopen(path, "re");
		if (stream && fgets(text, sizeof(text), stream))
			max = strtoull(text, NULL, 10); /* 0 for "max" */
		if (stream)
			fclose(stream);
		if (max && (least == 0 || max < least))
			least = max;
		*strrchr(cgroup, '/') = '\0';
	}
	close(root);
	return least;
}

static void check_memory(struct dt_doctor *d)
{
	unsigned long long max = memory_max(d->daemon_pid);

	if (max && max < MEMORY_MIN)
		dt_finding_add(&d->found, DT_FIND_MEMORY_LIMIT, dt_doctor_unit(d),
			       "the daemon's cgroup may use %llu MiB of memory only", max >> 20);
	else
		dt_finding_fine(&d->found, "memory", "no limit that is too small");
}

void dt_doctor_rights(struct dt_doctor *d)
{
	if (d->daemon_pid <= 0)
		return;
	check_capabilities(d);
	check_files(d);
	check_memory(d);
}
