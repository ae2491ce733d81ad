/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/neighbours.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/array.h"
#include "base/log.h"
#include "relay/filters.h"

#define TCX_INGRESS 46 /* BPF_TCX_INGRESS, which older headers lack */
#define TCX_MAX 64     /* programs on one interface: the kernel's limit */

const char *dt_neighbour_format(const struct dt_neighbour *n, char *buf)
{
	const char *open = *n->name ? " (" : "", *close = *n->name ? ")" : "";

	if (n->priority)
		snprintf(buf, DT_NEIGHBOUR_STRLEN, "filter %u%s%s%s", n->priority, open, n->name, close);
	else
		snprintf(buf, DT_NEIGHBOUR_STRLEN, "tcx program %u%s%s%s", n->program, open, n->name, close);
	return buf;
}

static int neighbour_add(struct dt_neighbours *all, const struct dt_neighbour *n)
{
	return dt_array_append(&all->list, &all->count, sizeof(*n), n) ? 0 : -ENOMEM;
}

/* --- tcx --------------------------------------------------------------------------------------- */

/* Leaves it empty without the right to ask (CAP_SYS_ADMIN). */
static void program_name(uint32_t id, char *name, size_t size)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &len) == 0)
		snprintf(name, size, "%s", info.name);
	close(fd);
}

static int tcx_add(struct dt_neighbours *all, const struct dt_neighbour *on)
{
	uint32_t ids[TCX_MAX];
	LIBBPF_OPTS(bpf_prog_query_opts, opts, .prog_ids = ids, .prog_cnt = TCX_MAX);
	int err = bpf_prog_query_opts((int)on->ifindex, (enum bpf_attach_type)TCX_INGRESS, &opts);

	if (err < 0) /* a kernel without tcx, or the interface has gone */
		return 0;
	for (uint32_t i = 0; err == 0 && i < opts.prog_cnt && i < TCX_MAX; i++) {
		struct dt_neighbour n = *on;

		n.program = ids[i];
		program_name(n.program, n.name, sizeof(n.name));
		err = neighbour_add(all, &n);
	}
	return err;
}

/* --- filters ----------------------------------------------------------------------------------- */

struct search {
	struct dt_neighbours *all;
	const struct dt_neighbour *on;
	uint32_t last; /* the priority that was added last: of several filters there one is enough */
};

static bool takes_ip(uint16_t protocol_be16)
{
	uint16_t protocol = ntohs(protocol_be16);

	return protocol == ETH_P_ALL || protocol == ETH_P_IP || protocol == ETH_P_IPV6;
}

static void bpf_read(struct dt_neighbour *n, const struct nlattr *options)
{
	const struct nlattr *table[TCA_BPF_MAX + 1] = {0};
	struct dt_netlink_attributes attributes = {table, TCA_BPF_MAX};

	mnl_attr_parse_nested(options, dt_netlink_attribute_take, &attributes);
	if (table[TCA_BPF_NAME] && mnl_attr_validate(table[TCA_BPF_NAME], MNL_TYPE_NUL_STRING) == 0)
		snprintf(n->name, sizeof(n->name), "%s", mnl_attr_get_str(table[TCA_BPF_NAME]));
	if (table[TCA_BPF_ID] && mnl_attr_validate(table[TCA_BPF_ID], MNL_TYPE_U32) == 0)
		n->program = mnl_attr_get_u32(table[TCA_BPF_ID]);
}

static int filter_take(const struct nlmsghdr *nlh, void *data)
{
	struct search *s = data;
	const struct nlattr *table[TCA_MAX + 1] = {0};
	struct dt_netlink_attributes attributes = {table, TCA_MAX};
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	struct dt_neighbour n = *s->on;

	if (nlh->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(nlh) < sizeof(*tc))
		return 0;
	n.priority = TC_H_MAJ(tc->tcm_info) >> 16;
	/* without a handle it is no filter, but what holds filters of one priority */
	if (tc->tcm_handle == 0 || n.priority >= DT_FILTER_PRIORITY || n.priority == s->last ||
	    !takes_ip((uint16_t)tc->tcm_info))
		return 0;
	mnl_attr_parse(nlh, sizeof(*tc), dt_netlink_attribute_take, &attributes);
	/* packets come to another chain only by a filter of the first */
	if (table[TCA_CHAIN] && mnl_attr_validate(table[TCA_CHAIN], MNL_TYPE_U32) == 0 &&
	    mnl_attr_get_u32(table[TCA_CHAIN]) != 0)
		return 0;
	if (table[TCA_KIND] && mnl_attr_validate(table[TCA_KIND], MNL_TYPE_NUL_STRING) == 0)
		snprintf(n.name, sizeof(n.name), "%s", mnl_attr_get_str(table[TCA_KIND]));
	if (table[TCA_OPTIONS] && strcmp(n.name, "bpf") == 0)
		bpf_read(&n, table[TCA_OPTIONS]);
	s->last = n.priority;
	return neighbour_add(s->all, &n);
}

static int filters_add(struct dt_neighbours *all, struct dt_netlink *nl, const struct dt_neighbour *on)
{
	uint8_t buf[256] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct search search = {all, on, 0};
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct tcmsg *tc;
	int err;

	nlh->nlmsg_type = RTM_GETTFILTER;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = (int)on->ifindex;
	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	err = dt_netlink_talk(nl, nlh, filter_take, &search);
	/* no clsact there, or no such interface any more */
	return err == -ENODEV || err == -EINVAL || err == -ENOENT || err == -EOPNOTSUPP ? 0 : err;
}

/* --- all --------------------------------------------------------------------------------------- */

int dt_neighbours_add(struct dt_neighbours *all, struct dt_netlink *nl, uint32_t ifindex, const char *interface)
{
	struct dt_neighbour on = {.ifindex = ifindex};
	int err;

	snprintf(on.interface, sizeof(on.interface), "%s", interface);
	err = tcx_add(all, &on);
	return err ? err : filters_add(all, nl, &on);
}

static bool has(const struct dt_neighbours *all, const struct dt_neighbour *n)
{
	for (size_t i = 0; i < all->count; i++)
		if (memcmp(&all->list[i], n, sizeof(*n)) == 0)
			return true;
	return false;
}

void dt_neighbours_replace(struct dt_neighbours *known, struct dt_neighbours *now)
{
	char text[DT_NEIGHBOUR_STRLEN];

	for (size_t i = 0; i < now->count; i++)
		if (!has(known, &now->list[i]))
			dt_log_warn("another program's %s " DT_NEIGHBOUR_EFFECT
				    ": let it return TC_ACT_UNSPEC (TCX_NEXT), or come later interface=%s",
				    dt_neighbour_format(&now->list[i], text), now->list[i].interface);
	for (size_t i = 0; i < known->count; i++)
		if (!has(now, &known->list[i]))
			dt_log_info("another program's %s is gone from before the NAT interface=%s",
				    dt_neighbour_format(&known->list[i], text), known->list[i].interface);
	dt_neighbours_fini(known);
	*known = *now;
	memset(now, 0, sizeof(*now));
}

void dt_neighbours_fini(struct dt_neighbours *all)
{
	free(all->list);
	memset(all, 0, sizeof(*all));
}
