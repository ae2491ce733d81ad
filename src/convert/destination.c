/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert/destination.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

#include "base/special.h"

int dt_destination_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

/* The kernel answers while the request is sent, so this does not wait. */
static int route_type(int fd, const struct dt_ip *ip, unsigned char *type)
{
	bool v4 = dt_ip_is_v4(ip);
	size_t len = v4 ? 4 : 16;
	struct {
		struct nlmsghdr header;
		struct rtmsg route;
		struct rtattr attribute;
		unsigned char to[16];
	} ask = {.header = {.nlmsg_type = RTM_GETROUTE, .nlmsg_flags = NLM_F_REQUEST},
		 .route = {.rtm_family = v4 ? AF_INET : AF_INET6, .rtm_dst_len = (unsigned char)(8 * len)},
		 .attribute = {.rta_type = RTA_DST, .rta_len = (unsigned short)RTA_LENGTH(len)}};
	union {
		struct nlmsghdr header;
		char bytes[4096];
	} answer;
	struct nlmsgerr error;
	ssize_t got;

	ask.header.nlmsg_len = (uint32_t)(offsetof(typeof(ask), to) + len);
	memcpy(ask.to, ip->b + 16 - len, len);
	/* what an earlier look-up left */
	while (recv(fd, answer.bytes, sizeof(answer), MSG_DONTWAIT) > 0)
		;
	if (send(fd, &ask, ask.header.nlmsg_len, MSG_DONTWAIT) < 0)
		return -errno;
	got = recv(fd, answer.bytes, sizeof(answer), MSG_DONTWAIT);
	if (got < 0)
		return -errno;
	if ((size_t)got >= NLMSG_LENGTH(sizeof(error)) && answer.header.nlmsg_type == NLMSG_ERROR) {
		memcpy(&error, NLMSG_DATA(&answer.header), sizeof(error));
		return error.error ? error.error : -EPROTO;
	}
	if ((size_t)got < NLMSG_LENGTH(sizeof(struct rtmsg)) || answer.header.nlmsg_type != RTM_NEWROUTE)
		return -EPROTO;
	*type = ((struct rtmsg *)NLMSG_DATA(&answer.header))->rtm_type;
	return 0;
}

int dt_destination_check(int route_fd, const struct dt_ip *ip, bool special)
{
	unsigned char type = 0;
	int err;

	if (dt_ip_is_loopback(ip) || (!special && dt_special_has(ip)))
		return -EPERM;
	err = route_type(route_fd, ip, &type);
	if (err)
		return err;
	return type == RTN_UNICAST ? 0 : -EPERM;
}
