/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of iptables-legacy and ip6tables-legacy. nft does not show them, and nothing here judges them: the doctor says how
 * many there are, and what lists them.
 */
/* first: the kernel's own gives way to it */
#include <net/if.h>

#include <arpa/inet.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/doctor/context.h"

_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "both tables answer alike");

/* Rules of a table, without the policy that ends each of its own chains, and the mark that ends all. 0: or not known. */
static unsigned rules_of(int fd, bool v4, const char *table)
{
	struct ipt_getinfo info = {0};
	socklen_t len = sizeof(info);
	unsigned own;

	memcpy(info.name, table, strnlen(table, sizeof(info.name) - 1));
	if (getsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IPT_SO_GET_INFO : IP6T_SO_GET_INFO, &info, &len) < 0)
		return 0;
	own = (unsigned)__builtin_popcount(info.valid_hooks) + 1;
	return info.num_entries > own ? info.num_entries - own : 0;
}

/* A table that is not in the kernel is not asked for: that would load it. */
static unsigned family_count(bool v4)
{
	FILE *names = fopen(v4 ? "/proc/self/net/ip_tables_names" : "/proc/self/net/ip6_tables_names", "re");
	int fd = names ? socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW) : -1;
	unsigned count = 0;
	char table[64];

	while (fd >= 0 && fgets(table, sizeof(table), names)) {
		table[strcspn(table, "\n")] = 0;
		count += rules_of(fd, v4, table);
	}
	if (fd >= 0)
		close(fd);
	if (names)
		fclose(names);
	return count;
}

void dt_doctor_legacy(struct dt_doctor *d)
{
	for (int v6 = 0; v6 < 2; v6++) {
		const char *program = v6 ? "ip6tables-legacy" : "iptables-legacy";
		unsigned count = family_count(!v6);

		if (count)
			dt_finding_add(&d->found, DT_FIND_IPTABLES_LEGACY, program, "%s has %u rules", program, count);
	}
}
