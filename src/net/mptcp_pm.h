/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel's MPTCP path-manager interface: generic netlink family mptcp_pm (net/mptcp/pm_netlink.c). */
#ifndef DETOURD_NET_MPTCP_PM_H
#define DETOURD_NET_MPTCP_PM_H

#include "base/addr.h"
#include "net/netlink.h"

/* Local token of a connection. Other users must not learn it: never print it. */
typedef uint32_t dt_mptcp_token;

enum dt_mptcp_event_type {
	DT_MPTCP_CREATED = 1,
	DT_MPTCP_ESTABLISHED = 2,
	DT_MPTCP_CLOSED = 3,
	DT_MPTCP_ANNOUNCED = 6,
	DT_MPTCP_REMOVED = 7,
	DT_MPTCP_SUB_ESTABLISHED = 10,
	DT_MPTCP_SUB_CLOSED = 11,
	DT_MPTCP_SUB_PRIORITY = 13,
};

/* Members that an event does not carry are zero. v4-mapped addresses are IPv4 here. */
struct dt_mptcp_event {
	enum dt_mptcp_event_type type;
	dt_mptcp_token token;
	struct dt_endpoint local;
	struct dt_endpoint remote;
	uint8_t local_id;
	uint8_t remote_id;
	bool server_side;   /* this host accepted the connection */
	bool deny_join_id0; /* the server's C flag (RFC 8684, 3.1) */
	bool backup;
	uint32_t device; /* that a subflow is bound to, its index; 0: to none */
	int error;	 /* positive errno of SUB_CLOSED */
};

/* -EBADMSG: malformed, or an event of another type; *out is then untouched. Pure. */
int dt_mptcp_event_parse(struct dt_mptcp_event *out, const struct nlmsghdr *nlh);

struct dt_mptcp_pm {
	struct dt_netlink commands;
	struct dt_netlink events; /* to be drained by the owner, with dt_mptcp_event_parse() */
	struct dt_genl_family family;
};

/* -ENOENT: this kernel has no MPTCP path-manager family. */
int dt_mptcp_pm_open(struct dt_mptcp_pm *pm);
void dt_mptcp_pm_close(struct dt_mptcp_pm *pm);
/* Number of the netlink group that the events go to. -ENOENT: this kernel has no MPTCP path-manager family. */
int dt_mptcp_events_group(uint32_t *group);

/*
 * MPTCP_PM_CMD_SUBFLOW_CREATE with an explicit id (1..255) and source port, so that the SYN's four-tuple is known and
 * REMOVE of one id touches no other subflow. backup is part of the join, but kernels before 6.9 ignore it. The kernel's
 * errors: -EADDRINUSE (take another port), -EINVAL (unknown token, id in use; words in pm->commands.error), -ENOTCONN
 * (too early).
 */
int dt_mptcp_subflow_create(struct dt_mptcp_pm *pm, dt_mptcp_token token, uint8_t local_id, bool backup,
			    const struct dt_endpoint *local, const struct dt_endpoint *remote);
/* MPTCP_PM_CMD_REMOVE: tells the peer by RM_ADDR over a live subflow; closes nothing here. */
int dt_mptcp_remove(struct dt_mptcp_pm *pm, dt_mptcp_token token, uint8_t local_id);
/* MPTCP_PM_CMD_SUBFLOW_DESTROY: closes here, says nothing to the peer. -ESRCH: no such subflow. */
int dt_mptcp_subflow_destroy(struct dt_mptcp_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
			     const struct dt_endpoint *remote);

/*
 * MPTCP_PM_CMD_SET_FLAGS: tells the peer by MP_PRIO (RFC 8684, 3.3.8) whether the subflow is backup. This also makes a
 * subflow without traffic send a segment.
 */
int dt_mptcp_prio(struct dt_mptcp_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
		  const struct dt_endpoint *remote, bool backup);
/* --- what `ip mptcp` configures for the kernel's own path manager ------------------------------------------------- */

#define DT_MPTCP_ENDPOINT_SIGNAL (1 << 0)   /* MPTCP_PM_ADDR_FLAG_SIGNAL */
#define DT_MPTCP_ENDPOINT_SUBFLOW (1 << 1)  /* MPTCP_PM_ADDR_FLAG_SUBFLOW */
#define DT_MPTCP_ENDPOINT_FULLMESH (1 << 3) /* MPTCP_PM_ADDR_FLAG_FULLMESH */
#define DT_MPTCP_ENDPOINTS_MAX 8	    /* more are ignored */

struct dt_mptcp_endpoint {
	struct dt_endpoint at; /* port 0: the connection's own */
	uint8_t id;
	uint32_t flags;
};
struct dt_mptcp_limits {
	unsigned subflows;	    /* additional ones a connection */
	unsigned add_addr_accepted; /* announced addresses a connection */
};
/* MPTCP_PM_CMD_GET_ADDR. */
int dt_mptcp_endpoints(struct dt_mptcp_pm *pm, struct dt_mptcp_endpoint out[DT_MPTCP_ENDPOINTS_MAX], size_t *count);
/* MPTCP_PM_CMD_GET_LIMITS. */
int dt_mptcp_limits_get(struct dt_mptcp_pm *pm, struct dt_mptcp_limits *out);
/* MPTCP_PM_CMD_ANNOUNCE: ADD_ADDR of this endpoint. -EINVAL also while the application has not accepted yet. */
int dt_mptcp_announce(struct dt_mptcp_pm *pm, dt_mptcp_token token, const struct dt_mptcp_endpoint *endpoint);
/* One answer to GET_ADDR, or GET_LIMITS; -EBADMSG. Pure. */
int dt_mptcp_endpoint_parse(struct dt_mptcp_endpoint *out, const struct nlmsghdr *nlh);
int dt_mptcp_limits_parse(struct dt_mptcp_limits *out, const struct nlmsghdr *nlh);

/*
 * 1: the connection exists, and userspace commands it; 0: it is gone; -errno. Tries a SUBFLOW_DESTROY that matches
 * nothing.
 */
int dt_mptcp_alive(struct dt_mptcp_pm *pm, dt_mptcp_token token);

#endif
