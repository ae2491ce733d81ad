/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the doctor may find, in one table: how serious it is, why it matters, and what mends it. A new finding is a
 * constant here, a row in kinds.c, and a fault in test/faults.
 */
#ifndef DETOURD_CLI_DOCTOR_KINDS_H
#define DETOURD_CLI_DOCTOR_KINDS_H

enum dt_severity {
	DT_FINE,    /* nothing is wrong */
	DT_NOTE,    /* good to know; nothing has to be done */
	DT_WARNING, /* works less well than it could, or will not after the next start */
	DT_ERROR,   /* no detours, or none by this relay */
	DT_SEVERITIES
};

/* DT_FIND_X is the row with the id "x". */
enum dt_finding {
	DT_FIND_NOT_ROOT,
	DT_FIND_KERNEL_OLD,
	DT_FIND_NO_BTF,
	DT_FIND_TRACK_BPF,
	DT_FIND_NAT_BPF,
	DT_FIND_NO_MPTCP,
	DT_FIND_MPTCP_OFF,
	DT_FIND_NO_USERSPACE_PM,
	DT_FIND_PATH_MANAGER_FLIPPED,
	DT_FIND_PATH_MANAGER_LEFT,
	DT_FIND_MPTCP_NETLINK,
	DT_FIND_BLACKHOLE_TIMEOUT,
	DT_FIND_BLACKHOLE,
	DT_FIND_ENDPOINTS,
	DT_FIND_SOCK_DESTROY,
	DT_FIND_MPTCPIFY,
	DT_FIND_MPTCPD_RUNS,
	DT_FIND_MPTCPD_ENABLED,
	DT_FIND_BPFFS,
	DT_FIND_NO_CGROUP2,
	DT_FIND_CGROUP_NAMESPACE,
	DT_FIND_CONFIG_ABSENT,
	DT_FIND_CONFIG_ERRORS,
	DT_FIND_CONFIG_WARNINGS,
	DT_FIND_CONFIG_NO_RELAY,
	DT_FIND_CONFIG_NO_CLIENT,
	DT_FIND_CONFIG_NO_DETOURS,
	DT_FIND_KEY_IS_PUBLIC,
	DT_FIND_DAEMON_ABSENT,
	DT_FIND_DAEMON_KILLED,
	DT_FIND_CONTROL_DENIED,
	DT_FIND_DAEMON_HANGS,
	DT_FIND_DAEMON_VERSION,
	DT_FIND_DRAINING,
	DT_FIND_CAPABILITIES,
	DT_FIND_FILE_LIMIT,
	DT_FIND_MEMORY_LIMIT,
	DT_FIND_RELAY_NAME,
	DT_FIND_RELAY_NO_ROUTE,
	DT_FIND_RELAY_OWN_FIREWALL,
	DT_FIND_RELAY_CLOSED,
	DT_FIND_RELAY_REJECTED,
	DT_FIND_RELAY_UNREACHABLE,
	DT_FIND_RELAY_IGNORES,
	DT_FIND_RELAY_FILTERED,
	DT_FIND_RELAY_SILENT,
	DT_FIND_RELAY_SESSIONS,
	DT_FIND_RELAY_DRAINING,
	DT_FIND_RELAY_JOINS,
	DT_FIND_RELAY_TUNNEL,
	DT_FIND_STRANGERS,
	DT_FIND_PORT_TAKEN,
	DT_FIND_LISTENER,
	DT_FIND_PORTS_NOT_RESERVED,
	DT_FIND_RESERVED_PORTS,
	DT_FIND_NO_DEFAULT_ROUTE,
	DT_FIND_LISTEN_ADDRESS,
	DT_FIND_NAT_ADDRESS,
	DT_FIND_PRIVATE_ADDRESS,
	DT_FIND_NO_INTERFACE,
	DT_FIND_NO_FILTER,
	DT_FIND_BEFORE_NAT,
	DT_FIND_DENIED_DESTINATION,
	DT_FIND_DENIED_QUOTA,
	DT_FIND_DENIED_NO_PORT,
	DT_FIND_FIREWALL,
	DT_FIND_MTU,
	DT_FIND_NO_WIREGUARD,
	DT_FIND_NO_TUN,
	DT_FIND_SERVER_LIMIT,
	DT_FIND_NO_SERVER_MPTCP,
	DT_FINDINGS
};

struct dt_finding_kind {
	const char *id;	   /* of the finding; scripts may rely on it */
	const char *check; /* the subject: one check has several findings */
	enum dt_severity severity;
	const char *why;    /* why it matters */
	const char *remedy; /* the one command that mends it; {} stands for what differs */
};

extern const struct dt_finding_kind dt_finding_kinds[DT_FINDINGS];

#endif
