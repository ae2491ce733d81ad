/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/mptcp_pm.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

/* include/uapi/linux/mptcp_pm.h; Debian 12's copy of it does not compile and lacks what came later. */
#define PM_NAME "mptcp_pm"
#define PM_EVENTS "mptcp_pm_events"
#define PM_FLAG_BACKUP (1 << 2)

enum {
	PM_ATTR_ADDR = 1,
	PM_ATTR_RCV_ADD_ADDRS = 2,
	PM_ATTR_SUBFLOWS = 3,
	PM_ATTR_TOKEN = 4,
	PM_ATTR_LOC_ID = 5,
	PM_ATTR_ADDR_REMOTE = 6,
};
enum {
	PM_ADDR_FAMILY = 1,
	PM_ADDR_ID = 2,
	PM_ADDR_ADDR4 = 3,
	PM_ADDR_ADDR6 = 4,
	PM_ADDR_PORT = 5,
	PM_ADDR_FLAGS = 6,
};
enum {
	PM_CMD_GET_ADDR = 3,
	PM_CMD_GET_LIMITS = 6,
	PM_CMD_SET_FLAGS = 7,
	PM_CMD_ANNOUNCE = 8,
	PM_CMD_REMOVE = 9,
	PM_CMD_SUBFLOW_CREATE = 10,
	PM_CMD_SUBFLOW_DESTROY = 11,
};
enum {
	EV_TOKEN = 1,
	EV_FAMILY = 2,
	EV_LOC_ID = 3,
	EV_REM_ID = 4,
	EV_SADDR4 = 5,
	EV_SADDR6 = 6,
	EV_DADDR4 = 7,
	EV_DADDR6 = 8,
	EV_SPORT = 9,
	EV_DPORT = 10,
	EV_BACKUP = 11,
	EV_ERROR = 12,
	EV_FLAGS = 13,
	EV_IF_IDX = 15,
	EV_SERVER_SIDE = 18,
	EV_MAX = EV_SERVER_SIDE,
};
#define EV_FLAG_DENY_JOIN_ID0 (1 << 0)
#define EV_FLAG_SERVER_SIDE (1 << 1)

/* Payload length each event attribute must at least have. */
static const uint8_t event_length[EV_MAX + 1] = {
	[EV_TOKEN] = 4,	  [EV_FAMILY] = 2, [EV_LOC_ID] = 1,  [EV_REM_ID] = 1,	   [EV_SADDR4] = 4,
	[EV_SADDR6] = 16, [EV_DADDR4] = 4, [EV_DADDR6] = 16, [EV_SPORT] = 2,	   [EV_DPORT] = 2,
	[EV_BACKUP] = 1,  [EV_ERROR] = 1,  [EV_FLAGS] = 2,   [EV_SERVER_SIDE] = 1, [EV_IF_IDX] = 4,
};

static int event_attribute(const struct nlattr *attr, void *data)
{
	const struct nlattr **table = data;
	unsigned type = mnl_attr_get_type(attr);

	if (type <= EV_MAX && event_length[type] && mnl_attr_get_payload_len(attr) >= event_length[type])
		table[type] = attr;
	return MNL_CB_OK;
}

static struct dt_ip address_take(const struct nlattr *v4, const struct nlattr *v6)
{
	struct dt_ip none = {0};
	uint32_t addr;

	if (v4) {
		memcpy(&addr, mnl_attr_get_payload(v4), sizeof(addr));
		return dt_ip_from_v4(addr);
	}
	return v6 ? dt_ip_from_v6(mnl_attr_get_payload(v6)) : none;
}

static uint8_t u8_take(const struct nlattr *attr)
{
	return attr ? mnl_attr_get_u8(attr) : 0;
}

int dt_mptcp_event_parse(struct dt_mptcp_event *out, const struct nlmsghdr *nlh)
{
	const struct nlattr *table[EV_MAX + 1] = {NULL};
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct dt_mptcp_event e = {0};

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*genl) ||
	    mnl_attr_parse(nlh, sizeof(*genl), event_attribute, table) < 0)
		return -EBADMSG;
	switch (genl->cmd) {
	case DT_MPTCP_CREATED:
	case DT_MPTCP_ESTABLISHED:
	case DT_MPTCP_CLOSED:
	case DT_MPTCP_ANNOUNCED:
	case DT_MPTCP_REMOVED:
	case DT_MPTCP_SUB_ESTABLISHED:
	case DT_MPTCP_SUB_CLOSED:
	case DT_MPTCP_SUB_PRIORITY:
		break;
	default:
		return -EBADMSG;
	}
	if (!table[EV_TOKEN])
		return -EBADMSG;
	e.type = (enum dt_mptcp_event_type)genl->cmd;
	e.token = mnl_attr_get_u32(table[EV_TOKEN]);
	e.local.ip = address_take(table[EV_SADDR4], table[EV_SADDR6]);
	e.remote.ip = address_take(table[EV_DADDR4], table[EV_DADDR6]);
	e.local.port = table[EV_SPORT] ? ntohs(mnl_attr_get_u16(table[EV_SPORT])) : 0;
	e.remote.port = table[EV_DPORT] ? ntohs(mnl_attr_get_u16(table[EV_DPORT])) : 0;
	e.local_id = u8_take(table[EV_LOC_ID]);
	e.remote_id = u8_take(table[EV_REM_ID]);
	e.backup = u8_take(table[EV_BACKUP]) != 0;
	e.error = u8_take(table[EV_ERROR]);
	e.device = table[EV_IF_IDX] ? mnl_attr_get_u32(table[EV_IF_IDX]) : 0;
	e.server_side = u8_take(table[EV_SERVER_SIDE]) != 0;
	if (table[EV_FLAGS]) {
		uint16_t flags = mnl_attr_get_u16(table[EV_FLAGS]);

		e.server_side = e.server_side || flags & EV_FLAG_SERVER_SIDE;
		e.deny_join_id0 = flags & EV_FLAG_DENY_JOIN_ID0;
	}
	*out = e;
	return 0;
}

int dt_mptcp_pm_open(struct dt_mptcp_pm *pm)
{
	uint32_t group;
	int err;

	memset(pm, 0, sizeof(*pm));
	err = dt_netlink_open(&pm->commands, NETLINK_GENERIC);
	if (err == 0)
		err = dt_netlink_open(&pm->events, NETLINK_GENERIC);
	if (err == 0)
		err = dt_genl_resolve(&pm->commands, PM_NAME, &pm->family, PM_EVENTS, &group);
	if (err == 0)
		err = dt_netlink_set_rcvbuf(&pm->events, 8 << 20);
	if (err == 0)
		err = dt_netlink_join(&pm->events, group);
	if (err)
		dt_mptcp_pm_close(pm);
	return err;
}

int dt_mptcp_events_group(uint32_t *group)
{
	struct dt_genl_family family;
	struct dt_netlink nl = {0};
	int err = dt_netlink_open(&nl, NETLINK_GENERIC);

	if (err == 0)
		err = dt_genl_resolve(&nl, PM_NAME, &family, PM_EVENTS, group);
	dt_netlink_close(&nl);
	return err;
}

void dt_mptcp_pm_close(struct dt_mptcp_pm *pm)
{
	dt_netlink_close(&pm->commands);
	dt_netlink_close(&pm->events);
}

/* Inside this interface ports are host order (net/mptcp/pm_netlink.c), unlike in events. */
static struct nlattr *address_begin(struct nlmsghdr *nlh, uint16_t type, const struct dt_endpoint *e)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	if (dt_ip_is_v4(&e->ip)) {
		mnl_attr_put_u16(nlh, PM_ADDR_FAMILY, AF_INET);
		mnl_attr_put_u32(nlh, PM_ADDR_ADDR4, dt_ip_v4(&e->ip));
	} else {
		mnl_attr_put_u16(nlh, PM_ADDR_FAMILY, AF_INET6);
		mnl_attr_put(nlh, PM_ADDR_ADDR6, sizeof(e->ip.b), e->ip.b);
	}
	mnl_attr_put_u16(nlh, PM_ADDR_PORT, e->port);
	return nest;
}

static void address_put(struct nlmsghdr *nlh, uint16_t type, const struct dt_endpoint *e, uint8_t id)
{
	struct nlattr *nest = address_begin(nlh, type, e);

	if (id)
		mnl_attr_put_u8(nlh, PM_ADDR_ID, id);
	mnl_attr_nest_end(nlh, nest);
}

int dt_mptcp_subflow_create(struct dt_mptcp_pm *pm, dt_mptcp_token token, uint8_t local_id, bool backup,
			    const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	char buf[512];
	struct nlmsghdr *nlh = dt_genl_request(buf, &pm->family, PM_CMD_SUBFLOW_CREATE, 0);
	struct nlattr *nest;

	mnl_attr_put_u32(nlh, PM_ATTR_TOKEN, token);
	nest = address_begin(nlh, PM_ATTR_ADDR, local);
	mnl_attr_put_u8(nlh, PM_ADDR_ID, local_id);
	if (backup)
		mnl_attr_put_u32(nlh, PM_ADDR_FLAGS, PM_FLAG_BACKUP);
	mnl_attr_nest_end(nlh, nest);
	address_put(nlh, PM_ATTR_ADDR_REMOTE, remote, 0);
	return dt_netlink_talk(&pm->commands, nlh, NULL, NULL);
}

int dt_mptcp_remove(struct dt_mptcp_pm *pm, dt_mptcp_token token, uint8_t local_id)
{
	char buf[512];
	struct nlmsghdr *nlh = dt_genl_request(buf, &pm->family, PM_CMD_REMOVE, 0);

	mnl_attr_put_u32(nlh, PM_ATTR_TOKEN, token);
	mnl_attr_put_u8(nlh, PM_ATTR_LOC_ID, local_id);
	return dt_netlink_talk(&pm->commands, nlh, NULL, NULL);
}

int dt_mptcp_subflow_destroy(struct dt_mptcp_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
			     const struct dt_endpoint *remote)
{
	char buf[512];
	struct nlmsghdr *nlh = dt_genl_request(buf, &pm->family, PM_CMD_SUBFLOW_DESTROY, 0);

	mnl_attr_put_u32(nlh, PM_ATTR_TOKEN, token);
	address_put(nlh, PM_ATTR_ADDR, local, 0);
	address_put(nlh, PM_ATTR_ADDR_REMOTE, remote, 0);
	return dt_netlink_talk(&pm->commands, nlh, NULL, NULL);
}

int dt_mptcp_alive(struct dt_mptcp_pm *pm, dt_mptcp_token token)
{
	/* 192.0.2.0/24 is for documentation; and nothing has port 1 on both sides */
	const struct dt_endpoint nobody = {dt_ip_from_v4(htonl(0xc0000200)), 1};
	int err = dt_mptcp_subflow_destroy(pm, token, &nobody, &nobody);

	if (err == -ESRCH || err == 0)
		return 1;
	return err == -EINVAL ? 0 : err;
}

int dt_mptcp_prio(struct dt_mptcp_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
		  const struct dt_endpoint *remote, bool backup)
{
	char buf[512];
	struct nlmsghdr *nlh = dt_genl_request(buf, &pm->family, PM_CMD_SET_FLAGS, 0);
	struct nlattr *nest;

	mnl_attr_put_u32(nlh, PM_ATTR_TOKEN, token);
	nest = address_begin(nlh, PM_ATTR_ADDR, local);
	mnl_attr_put_u32(nlh, PM_ADDR_FLAGS, backup ? PM_FLAG_BACKUP : 0);
	mnl_attr_nest_end(nlh, nest);
	address_put(nlh, PM_ATTR_ADDR_REMOTE, remote, 0);
	return dt_netlink_talk(&pm->commands, nlh, NULL, NULL);
}

/* --- what `ip mptcp` configures ---------------------------------------------------------------- */

static bool has_length(const struct nlattr *attr, size_t len)
{
	return attr && mnl_attr_get_payload_len(attr) >= len;
}

int dt_mptcp_endpoint_parse(struct dt_mptcp_endpoint *out, const struct nlmsghdr *nlh)
{
	const struct nlattr *table[PM_ATTR_ADDR_REMOTE + 1] = {NULL}, *in[PM_ADDR_FLAGS + 1] = {NULL};
	struct dt_netlink_attributes attributes = {table, PM_ATTR_ADDR_REMOTE}, inner = {in, PM_ADDR_FLAGS};
	struct dt_mptcp_endpoint e = {0};

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr) ||
	    mnl_attr_parse(nlh, sizeof(struct genlmsghdr), dt_netlink_attribute_take, &attributes) < 0 ||
	    !table[PM_ATTR_ADDR] || mnl_attr_parse_nested(table[PM_ATTR_ADDR], dt_netlink_attribute_take, &inner) < 0)
		return -EBADMSG;
	if (!has_length(in[PM_ADDR_ID], 1) || (!has_length(in[PM_ADDR_ADDR4], 4) && !has_length(in[PM_ADDR_ADDR6], 16)))
		return -EBADMSG;
	e.at.ip = address_take(has_length(in[PM_ADDR_ADDR4], 4) ? in[PM_ADDR_ADDR4] : NULL, in[PM_ADDR_ADDR6]);
	e.id = mnl_attr_get_u8(in[PM_ADDR_ID]);
	if (has_length(in[PM_ADDR_PORT], 2))
		e.at.port = mnl_attr_get_u16(in[PM_ADDR_PORT]); /* host order, as in commands */
	if (has_length(in[PM_ADDR_FLAGS], 4))
		e.flags = mnl_attr_get_u32(in[PM_ADDR_FLAGS]);
	*out = e;
	return 0;
}

int dt_mptcp_limits_parse(struct dt_mptcp_limits *out, const struct nlmsghdr *nlh)
{
	const struct nlattr *table[PM_ATTR_SUBFLOWS + 1] = {NULL};
	struct dt_netlink_attributes attributes = {table, PM_ATTR_SUBFLOWS};

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr) ||
	    mnl_attr_parse(nlh, sizeof(struct genlmsghdr), dt_netlink_attribute_take, &attributes) < 0 ||
	    !has_length(table[PM_ATTR_RCV_ADD_ADDRS], 4) || !has_length(table[PM_ATTR_SUBFLOWS], 4))
		return -EBADMSG;
	out->add_addr_accepted = mnl_attr_get_u32(table[PM_ATTR_RCV_ADD_ADDRS]);
	out->subflows = mnl_attr_get_u32(table[PM_ATTR_SUBFLOWS]);
	return 0;
}

struct endpoints {
	struct dt_mptcp_endpoint *out;
	size_t count;
};

static int endpoint_take(const struct nlmsghdr *nlh, void *data)
{
	struct endpoints *all = data;

	if (all->count < DT_MPTCP_ENDPOINTS_MAX && dt_mptcp_endpoint_parse(&all->out[all->count], nlh) == 0)
		all->count++;
	return 0;
}

int dt_mptcp_endpoints(struct dt_mptcp_pm *pm, struct dt_mptcp_endpoint out[DT_MPTCP_ENDPOINTS_MAX], size_t *count)
{
	struct endpoints all = {out, 0};
	char buf[512];
	int err = dt_netlink_talk(&pm->commands, dt_genl_request(buf, &pm->family, PM_CMD_GET_ADDR, NLM_F_DUMP),
				  endpoint_take, &all);

	if (err == 0)
		*count = all.count;
	return err;
}

static int limits_take(const struct nlmsghdr *nlh, void *data)
{
	return dt_mptcp_limits_parse(data, nlh);
}

int dt_mptcp_limits_get(struct dt_mptcp_pm *pm, struct dt_mptcp_limits *out)
{
	char buf[512];

	return dt_netlink_talk(&pm->commands, dt_genl_request(buf, &pm->family, PM_CMD_GET_LIMITS, 0), limits_take,
			       out);
}

int dt_mptcp_announce(struct dt_mptcp_pm *pm, dt_mptcp_token token, const struct dt_mptcp_endpoint *endpoint)
{
	char buf[512];
	struct nlmsghdr *nlh = dt_genl_request(buf, &pm->family, PM_CMD_ANNOUNCE, 0);
	struct nlattr *nest;

	mnl_attr_put_u32(nlh, PM_ATTR_TOKEN, token);
	nest = address_begin(nlh, PM_ATTR_ADDR, &endpoint->at);
	mnl_attr_put_u8(nlh, PM_ADDR_ID, endpoint->id);
	mnl_attr_put_u32(nlh, PM_ADDR_FLAGS, DT_MPTCP_ENDPOINT_SIGNAL);
	mnl_attr_nest_end(nlh, nest);
	return dt_netlink_talk(&pm->commands, nlh, NULL, NULL);
}
