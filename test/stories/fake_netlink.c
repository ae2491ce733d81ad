/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink sockets without netlink: what they would carry is in the world. For net/netlink, and rtnetlink's monitor. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct mnl_socket {
	int fd;
	enum fake_kind kind;
};

/* A path-manager event as it goes through dt_netlink_drain() to dt_mptcp_event_parse(). */
struct event_message {
	struct nlmsghdr header;
	struct dt_mptcp_event event;
};

static int socket_open(struct dt_netlink *nl, enum fake_kind kind)
{
	memset(nl, 0, sizeof(*nl));
	nl->socket = malloc(sizeof(*nl->socket));
	if (!nl->socket)
		return -ENOMEM;
	nl->socket->kind = kind;
	nl->socket->fd = fake_fd_new(kind);
	return 0;
}

int dt_netlink_open(struct dt_netlink *nl, int bus)
{
	return socket_open(nl, FAKE_REQUESTS);
}

void dt_netlink_close(struct dt_netlink *nl)
{
	if (nl->socket)
		fake_fd_close(nl->socket->fd);
	free(nl->socket);
	nl->socket = NULL;
}

int dt_netlink_fd(const struct dt_netlink *nl)
{
	return nl->socket->fd;
}

int dt_rt_monitor_open(struct dt_netlink *nl)
{
	return socket_open(nl, FAKE_MONITOR);
}

static int events_drain(dt_netlink_fn fn, void *data)
{
	struct event_message message = {.header = {.nlmsg_len = sizeof(message)}};
	int err = 0;

	while (err >= 0 && event_take(&message.event))
		err = fn(&message.header, data);
	if (err < 0)
		return err;
	return events_overflown() ? -ENOBUFS : 0;
}

int dt_netlink_drain(struct dt_netlink *nl, dt_netlink_fn fn, void *data)
{
	if (nl->socket->kind == FAKE_EVENTS)
		return events_drain(fn, data);
	fake_fd_set_readable(nl->socket->kind, false);
	return 0;
}

int dt_mptcp_event_parse(struct dt_mptcp_event *out, const struct nlmsghdr *nlh)
{
	*out = ((const struct event_message *)nlh)->event;
	return 0;
}

int dt_mptcp_pm_open(struct dt_mptcp_pm *pm)
{
	int err = socket_open(&pm->commands, FAKE_REQUESTS);

	return err ? err : socket_open(&pm->events, FAKE_EVENTS);
}

void dt_mptcp_pm_close(struct dt_mptcp_pm *pm)
{
	dt_netlink_close(&pm->commands);
	dt_netlink_close(&pm->events);
}
