/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink sockets over libmnl, with libmnl's three-valued results translated here once: 0 or negative errno.
 */
#ifndef DETOURD_NET_NETLINK_H
#define DETOURD_NET_NETLINK_H

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdbool.h>
#include <stdint.h>

#define DT_NETLINK_BUF 32768

struct dt_netlink {
	struct mnl_socket *socket;
	uint32_t seq;
	/* The kernel's words on the last failed request (extended ack), "" if it had none. */
	char error[128];
};

/* bus: NETLINK_ROUTE, NETLINK_GENERIC, NETLINK_SOCK_DIAG. Non-inheritable, extended acks on, strict dumps. */
int dt_netlink_open(struct dt_netlink *nl, int bus);
/* May be called on a zeroed or closed one. */
void dt_netlink_close(struct dt_netlink *nl);
int dt_netlink_fd(const struct dt_netlink *nl);
/* Larger receive buffer (SO_RCVBUFFORCE), bytes; for event sockets. */
int dt_netlink_set_rcvbuf(struct dt_netlink *nl, int bytes);
int dt_netlink_join(struct dt_netlink *nl, uint32_t group);

/* Called for each message; < 0 stops with that error. */
typedef int (*dt_netlink_fn)(const struct nlmsghdr *nlh, void *data);

/*
 * Sends nlh (sequence number and NLM_F_ACK are set here) and waits for its end; each answer that is not an
 * ack or error goes to fn (NULL: ignored). Works for dumps (NLM_F_DUMP) too: -EINTR if the kernel said the
 * dump was inconsistent. Blocking: for request sockets, not event sockets. The kernel's negative errno.
 */
int dt_netlink_talk(struct dt_netlink *nl, struct nlmsghdr *nlh, dt_netlink_fn fn, void *data);
/*
 * Reads all events that are there without blocking and calls fn for each. -ENOBUFS: the kernel had to drop
 * some: the caller must take stock anew. 0 when drained.
 */
int dt_netlink_drain(struct dt_netlink *nl, dt_netlink_fn fn, void *data);

/*
 * An NLMSG_ERROR message: its negative errno (0: an ack), and the kernel's words if it has some, else words is left
 * as it is (include/uapi/linux/netlink.h). -EBADMSG. Pure.
 */
int dt_netlink_error_parse(const struct nlmsghdr *nlh, int *error, char *words, size_t cap);

/* Attributes by type; those beyond max are skipped. For mnl_attr_parse() and mnl_attr_parse_nested(). */
struct dt_netlink_attributes {
	const struct nlattr **table; /* max + 1 of them */
	unsigned max;
};
int dt_netlink_attribute_take(const struct nlattr *attr, void *attributes);

struct dt_genl_family {
	uint16_t id;
	uint8_t version;
};
/* group may be NULL. -ENOENT: the kernel has no such family (or group). */
int dt_genl_resolve(struct dt_netlink *nl, const char *name, struct dt_genl_family *family, const char *group,
		    uint32_t *group_id);
/* The controller's answer. group may be NULL. -EBADMSG; -ENOENT: no such group. Pure. */
int dt_genl_family_parse(struct dt_genl_family *family, const struct nlmsghdr *nlh, const char *group,
			 uint32_t *group_id);
/* Starts a generic netlink request in buf (DT_NETLINK_BUF bytes). */
struct nlmsghdr *dt_genl_request(void *buf, const struct dt_genl_family *family, uint8_t cmd, uint16_t flags);

#endif
