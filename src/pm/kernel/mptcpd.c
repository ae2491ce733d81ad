/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/mptcpd.h"

#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "net/mptcp_pm.h"
#include "pm/kernel/named.h"

/* This namespace's netlink sockets, a line each, with the first 32 groups of each. */
#define SOCKETS "/proc/self/net/netlink"
#define GROUPS_SHOWN 32
#define NAME "mptcpd"

static bool is_mptcpd(unsigned pid)
{
	char path[32], comm[32];

	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	if (dt_file_read(path, comm, sizeof(comm)) == 0)
		return strcmp(comm, NAME) == 0;
	/* it has ended, or /proc hides it, as the unit file wants */
	return dt_named_has(pid, NAME);
}

/*
 * A socket's address is its process's pid, unless the process chose another. Only who may administer the network can have
 * chosen, since it is a member.
 */
static bool is_member(const char *line, uint32_t group, unsigned *pid)
{
	unsigned protocol, groups;

	return sscanf(line, "%*s %u %u %x", &protocol, pid, &groups) == 3 && protocol == NETLINK_GENERIC &&
	       groups & 1u << (group - 1);
}

long dt_mptcpd_find(void)
{
	FILE *sockets;
	char line[256];
	uint32_t group;
	unsigned pid;
	long found = 0;

	if (dt_mptcp_events_group(&group) < 0 || group < 1 || group > GROUPS_SHOWN)
		return 0;
	sockets = fopen(SOCKETS, "re");
	if (!sockets)
		return 0;
	while (!found && fgets(line, sizeof(line), sockets))
		if (is_member(line, group, &pid) && is_mptcpd(pid))
			found = pid;
	fclose(sockets);
	return found;
}
