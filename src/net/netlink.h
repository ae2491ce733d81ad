/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Netlink sockets over libmnl. libmnl's three-valued results become 0 or a negative errno here, and only here.
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
	/* What the kernel said about the last failed request (extended ack), "" if nothing. */
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

/* Called for each message; a negative result stops with that error. */
typedef int (*dt_netlink_fn)(const struct nlmsghdr *nlh, void *data);

/*
 * Sends nlh (sequence number and NLM_F_ACK are set here) and reads the whole answer; each message that is not an ack
 * or an error goes to fn (NULL: ignored). Works for dumps (NLM_F_DUMP) too: -EINTR if the kernel said the dump was
 * inconsistent. Blocking: for request sockets, not event sockets. The kernel's negative errno.
 */
int dt_netlink_talk(struct dt_netlink *nl, struct nlmsghdr *nlh, dt_netlink_fn fn, void *data);
/*
 * Reads all events that wait, without blocking, and calls fn for each. 0: none are left. -ENOBUFS: the kernel dropped
 * some, so the caller must read the whole state again.
 */
int dt_netlink_drain(struct dt_netlink *nl, dt_netlink_fn fn, void *data);

/*
 * Parses an NLMSG_ERROR message (include/uapi/linux/netlink.h): *error is its negative errno (0: an ack); words is
 * what the kernel said, and untouched if that is nothing. -EBADMSG. Pure.
 */
int dt_netlink_error_parse(const struct nlmsghdr *nlh, int *error, char *words, size_t cap);

/* Attributes by type; larger types than max are skipped. For mnl_attr_parse() and mnl_attr_parse_nested(). */
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
/* Parses the controller's answer. group may be NULL. -EBADMSG; -ENOENT: no such group. Pure. */
int dt_genl_family_parse(struct dt_genl_family *family, const struct nlmsghdr *nlh, const char *group,
			 uint32_t *group_id);
/* Starts a generic netlink request in buf (DT_NETLINK_BUF bytes). */
struct nlmsghdr *dt_genl_request(void *buf, const struct dt_genl_family *family, uint8_t cmd, uint16_t flags);

#endif
