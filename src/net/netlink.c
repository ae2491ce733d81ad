/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

int dt_netlink_open(struct dt_netlink *nl, int bus)
{
	int one = 1;
	int err;

	memset(nl, 0, sizeof(*nl));
	nl->socket = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl->socket)
		return -errno;
	/* old kernels may lack these, and do without */
	mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &one, sizeof(one));
	/* no request comes back with its answer, and no key that it had */
	mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl->socket, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	if (mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
		dt_netlink_close(nl);
		return err;
	}
	nl->seq = (uint32_t)time(NULL);
	return 0;
}

void dt_netlink_close(struct dt_netlink *nl)
{
	if (nl->socket)
		mnl_socket_close(nl->socket);
	nl->socket = NULL;
}

int dt_netlink_fd(const struct dt_netlink *nl)
{
	return mnl_socket_get_fd(nl->socket);
}

int dt_netlink_set_rcvbuf(struct dt_netlink *nl, int bytes)
{
	if (setsockopt(dt_netlink_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == 0)
		return 0;
	return setsockopt(dt_netlink_fd(nl), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) ? -errno : 0;
}

int dt_netlink_join(struct dt_netlink *nl, uint32_t group)
{
	int value = (int)group;

	return mnl_socket_setsockopt(nl->socket, NETLINK_ADD_MEMBERSHIP, &value, sizeof(value)) < 0 ? -errno : 0;
}

int dt_netlink_error_parse(const struct nlmsghdr *nlh, int *error, char *words, size_t cap)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	size_t skip = sizeof(*e);

	if (nlh->nlmsg_len < mnl_nlmsg_size(sizeof(*e)))
		return -EBADMSG;
	if (e->error && (nlh->nlmsg_flags & NLM_F_ACK_TLVS)) {
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > sizeof(e->msg))
			skip += e->msg.nlmsg_len - sizeof(e->msg);
		if (MNL_ALIGN(skip) < mnl_nlmsg_get_payload_len(nlh))
			mnl_attr_for_each(attr, nlh, (unsigned)skip)
				if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
				    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
					snprintf(words, cap, "%s", mnl_attr_get_str(attr));
	}
	*error = e->error > 0 ? -e->error : e->error;
	return 0;
}

int dt_netlink_talk(struct dt_netlink *nl, struct nlmsghdr *nlh, dt_netlink_fn fn, void *data)
{
	static char buf[DT_NETLINK_BUF]; /* one thread; not re-entered by a callback */
	bool dump = (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	bool interrupted = false;
	int err = 0;

	nl->error[0] = '\0';
	nlh->nlmsg_seq = ++nl->seq;
	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(nl->socket, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	for (;;) {
		ssize_t got = mnl_socket_recvfrom(nl->socket, buf, sizeof(buf));
		const struct nlmsghdr *in = (const void *)buf;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		for (; mnl_nlmsg_ok(in, left); in = mnl_nlmsg_next(in, &left)) {
			if (in->nlmsg_seq != nl->seq)
				continue; /* the rest of an earlier, abandoned dump */
			if (in->nlmsg_flags & NLM_F_DUMP_INTR)
				interrupted = true;
			if (in->nlmsg_type == NLMSG_ERROR) {
				int verdict, bad = dt_netlink_error_parse(in, &verdict, nl->error, sizeof(nl->error));

				return err ? err : bad ? bad : verdict;
			}
			if (in->nlmsg_type == NLMSG_DONE) {
				int verdict = 0;

				if (mnl_nlmsg_get_payload_len(in) >= sizeof(verdict))
					memcpy(&verdict, mnl_nlmsg_get_payload(in), sizeof(verdict));
				if (dump || verdict)
					return err ? err : verdict ? verdict : interrupted ? -EINTR : 0;
				continue;
			}
			if (in->nlmsg_type >= NLMSG_MIN_TYPE && fn && !err)
				err = fn(in, data);
		}
	}
}

int dt_netlink_drain(struct dt_netlink *nl, dt_netlink_fn fn, void *data)
{
	char buf[DT_NETLINK_BUF];

	for (;;) {
		ssize_t got = recv(dt_netlink_fd(nl), buf, sizeof(buf), MSG_DONTWAIT);
		const struct nlmsghdr *in = (const void *)buf;
		int left = (int)got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? 0 : -errno;
		for (; mnl_nlmsg_ok(in, left); in = mnl_nlmsg_next(in, &left)) {
			int err = in->nlmsg_type >= NLMSG_MIN_TYPE ? fn(in, data) : 0;

			if (err < 0)
				return err;
		}
	}
}

struct nlmsghdr *dt_genl_request(void *buf, const struct dt_genl_family *family, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family->id;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = family->version;
	return nlh;
}

/* The id of the multicast group of this name, 0: not among them. */
static uint32_t group_find(const struct nlattr *groups, const char *wanted)
{
	const struct nlattr *group, *attr;

	mnl_attr_for_each_nested(group, groups) {
		const char *name = NULL;
		uint32_t id = 0;

		mnl_attr_for_each_nested(attr, group) {
			if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_NAME &&
			    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
				name = mnl_attr_get_str(attr);
			else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID &&
				 mnl_attr_get_payload_len(attr) >= sizeof(id))
				id = mnl_attr_get_u32(attr);
		}
		if (name && strcmp(name, wanted) == 0)
			return id;
	}
	return 0;
}

int dt_genl_family_parse(struct dt_genl_family *family, const struct nlmsghdr *nlh, const char *group,
			 uint32_t *group_id)
{
	struct dt_genl_family found = {0};
	const struct nlattr *attr;
	uint32_t id = 0;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		uint16_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID && len >= sizeof(uint16_t))
			found.id = mnl_attr_get_u16(attr);
		else if (mnl_attr_get_type(attr) == CTRL_ATTR_VERSION && len >= sizeof(uint32_t))
			found.version = (uint8_t)mnl_attr_get_u32(attr);
		else if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GROUPS && group)
			id = group_find(attr, group);
	}
	if (!found.id)
		return -EBADMSG;
	if (group && !id)
		return -ENOENT;
	*family = found;
	if (group)
		*group_id = id;
	return 0;
}

struct resolve {
	struct dt_genl_family family;
	const char *group;
	uint32_t group_id;
	int result;
};

static int resolve_take(const struct nlmsghdr *nlh, void *data)
{
	struct resolve *r = data;

	r->result = dt_genl_family_parse(&r->family, nlh, r->group, &r->group_id);
	return 0;
}

int dt_genl_resolve(struct dt_netlink *nl, const char *name, struct dt_genl_family *family, const char *group,
		    uint32_t *group_id)
{
	static const struct dt_genl_family controller = {.id = GENL_ID_CTRL, .version = 2};
	char buf[1024];
	struct nlmsghdr *nlh = dt_genl_request(buf, &controller, CTRL_CMD_GETFAMILY, 0);
	struct resolve r = {.group = group, .result = -ENOENT};
	int err;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, name);
	err = dt_netlink_talk(nl, nlh, resolve_take, &r);
	if (err == 0)
		err = r.result;
	if (err)
		return err;
	*family = r.family;
	if (group)
		*group_id = r.group_id;
	return 0;
}

int dt_netlink_attribute_take(const struct nlattr *attr, void *attributes)
{
	struct dt_netlink_attributes *a = attributes;
	unsigned type = mnl_attr_get_type(attr);

	if (type <= a->max)
		a->table[type] = attr;
	return MNL_CB_OK;
}
