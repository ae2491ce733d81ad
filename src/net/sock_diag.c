/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/sock_diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <string.h>

/* enum in include/net/tcp_states.h, as bits */
#define STATE_LISTEN (1 << 10)
#define STATE_TIME_WAIT (1 << 6)
#define STATE_NEW_SYN_RECV (1 << 12)
/* this side has closed: FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSE, LAST_ACK, CLOSING */
#define STATES_CLOSING (1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 11)
#define STATES_CONNECTED (0xfff & ~(STATE_LISTEN | STATE_TIME_WAIT | STATE_NEW_SYN_RECV))

static struct dt_ip address_take(uint8_t family, const __be32 *words)
{
	return family == AF_INET ? dt_ip_from_v4(words[0]) : dt_ip_from_v6(words);
}

static bool ulp_is_mptcp(const struct nlattr *ulp)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, ulp)
		if (mnl_attr_get_type(attr) == INET_ULP_INFO_NAME && mnl_attr_get_payload_len(attr) == sizeof("mptcp"))
			return memcmp(mnl_attr_get_payload(attr), "mptcp", sizeof("mptcp")) == 0;
	return false;
}

int dt_sock_diag_parse(struct dt_tcp_sample *out, const struct nlmsghdr *nlh)
{
	const struct inet_diag_msg *msg = mnl_nlmsg_get_payload(nlh);
	struct dt_tcp_sample s = {0};
	const struct nlattr *attr;

	if (nlh->nlmsg_type != SOCK_DIAG_BY_FAMILY || mnl_nlmsg_get_payload_len(nlh) < sizeof(*msg) ||
	    (msg->idiag_family != AF_INET && msg->idiag_family != AF_INET6))
		return -EBADMSG;
	s.local.ip = address_take(msg->idiag_family, msg->id.idiag_src);
	s.remote.ip = address_take(msg->idiag_family, msg->id.idiag_dst);
	s.local.port = ntohs(msg->id.idiag_sport);
	s.remote.port = ntohs(msg->id.idiag_dport);
	s.state = msg->idiag_state;
	s.uid = msg->idiag_uid;
	s.inode = msg->idiag_inode;
	mnl_attr_for_each(attr, nlh, sizeof(*msg)) {
		struct tcp_info info = {0};
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == INET_DIAG_ULP_INFO)
			s.mptcp = ulp_is_mptcp(attr);
		if (mnl_attr_get_type(attr) != INET_DIAG_INFO)
			continue;
		memcpy(&info, mnl_attr_get_payload(attr), len < sizeof(info) ? len : sizeof(info));
		s.srtt_us = info.tcpi_rtt;
		s.retransmits = info.tcpi_total_retrans;
		s.backoff = info.tcpi_backoff;
		s.program_waits = info.tcpi_delivery_rate_app_limited;
		s.bytes_acked = info.tcpi_bytes_acked;
		s.bytes_received = info.tcpi_bytes_received;
	}
	*out = s;
	return 0;
}

static struct nlmsghdr *request_put(void *buf, uint16_t type, uint16_t flags, uint8_t family,
				    struct inet_diag_req_v2 **req)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	*req = mnl_nlmsg_put_extra_header(nlh, sizeof(**req));
	(*req)->sdiag_family = family;
	(*req)->sdiag_protocol = IPPROTO_TCP;
	(*req)->idiag_ext = 1 << (INET_DIAG_INFO - 1);
	(*req)->idiag_states = STATES_CONNECTED;
	(*req)->id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	(*req)->id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	return nlh;
}

/* A socket that is bound to a device is found by that device only (inet_bound_dev_eq in the kernel), others by any. */
static void socket_put(struct inet_diag_req_v2 *req, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		       uint32_t device)
{
	req->id.idiag_if = device;
	req->id.idiag_sport = htons(local->port);
	req->id.idiag_dport = htons(remote->port);
	if (req->sdiag_family == AF_INET) {
		req->id.idiag_src[0] = dt_ip_v4(&local->ip);
		req->id.idiag_dst[0] = dt_ip_v4(&remote->ip);
	} else {
		memcpy(req->id.idiag_src, local->ip.b, sizeof(local->ip.b));
		memcpy(req->id.idiag_dst, remote->ip.b, sizeof(remote->ip.b));
	}
}

/* The kernel finds an IPv4 connection of an IPv6 socket under AF_INET too. */
static uint8_t family_of(const struct dt_endpoint *e)
{
	return dt_ip_is_v4(&e->ip) ? AF_INET : AF_INET6;
}

static int one_take(const struct nlmsghdr *nlh, void *data)
{
	return dt_sock_diag_parse(data, nlh);
}

int dt_sock_diag_get(struct dt_netlink *nl, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		     uint32_t device, struct dt_tcp_sample *out)
{
	char buf[256];
	struct inet_diag_req_v2 *req;
	struct nlmsghdr *nlh = request_put(buf, SOCK_DIAG_BY_FAMILY, 0, family_of(local), &req);

	socket_put(req, local, remote, device);
	return dt_netlink_talk(nl, nlh, one_take, out);
}

struct dump {
	dt_tcp_sample_fn fn;
	void *data;
};

static int dump_take(const struct nlmsghdr *nlh, void *data)
{
	struct dump *dump = data;
	struct dt_tcp_sample sample;

	return dt_sock_diag_parse(&sample, nlh) == 0 ? dump->fn(&sample, dump->data) : 0;
}

/* ask: what is asked of each family, in a request that is made for TCP's open sockets. */
static int families_dump(struct dt_netlink *nl, void (*ask)(struct nlmsghdr *nlh, struct inet_diag_req_v2 *req),
			 struct dump *dump)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	int err = 0;

	for (size_t i = 0; err == 0 && i < sizeof(families); i++) {
		char buf[256];
		struct inet_diag_req_v2 *req;
		struct nlmsghdr *nlh = request_put(buf, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, families[i], &req);

		ask(nlh, req);
		err = dt_netlink_talk(nl, nlh, dump_take, dump);
	}
	return err;
}

static void listeners_ask(struct nlmsghdr *nlh, struct inet_diag_req_v2 *req)
{
	(void)nlh;
	req->idiag_states |= STATE_LISTEN;
}

int dt_sock_diag_dump(struct dt_netlink *nl, dt_tcp_sample_fn fn, void *data)
{
	return families_dump(nl, listeners_ask, &(struct dump){fn, data});
}

static void closing_ask(struct nlmsghdr *nlh, struct inet_diag_req_v2 *req)
{
	req->idiag_ext = 0;
	req->idiag_states = STATES_CLOSING;
	/* 262 does not fit into sdiag_protocol */
	mnl_attr_put_u32(nlh, INET_DIAG_REQ_PROTOCOL, IPPROTO_MPTCP);
}

int dt_sock_diag_dump_closing(struct dt_netlink *nl, dt_tcp_sample_fn fn, void *data)
{
	return families_dump(nl, closing_ask, &(struct dump){fn, data});
}

int dt_sock_diag_destroy(struct dt_netlink *nl, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			 uint32_t device)
{
	char buf[256];
	struct inet_diag_req_v2 *req;
	struct nlmsghdr *nlh = request_put(buf, SOCK_DESTROY, 0, family_of(local), &req);

	socket_put(req, local, remote, device);
	return dt_netlink_talk(nl, nlh, NULL, NULL);
}
