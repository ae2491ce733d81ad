/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/filters.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fnmatch.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define TC_HANDLE 0xde70

struct filter {
	bool found, ours;
};

/* libbpf names a filter "PROGRAM:[ID]" as it attaches it. */
static bool is_our_name(const char *name)
{
	return strncmp(name, "nat_l2:[", strlen("nat_l2:[")) == 0 || strncmp(name, "nat_l3:[", strlen("nat_l3:[")) == 0;
}

static int filter_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *attrs[TCA_OPTIONS + 1] = {0}, *options[TCA_BPF_NAME + 1] = {0};
	struct dt_netlink_attributes all = {attrs, TCA_OPTIONS}, bpf = {options, TCA_BPF_NAME};
	struct filter *f = data;

	if (nlh->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	f->found = true;
	mnl_attr_parse(nlh, sizeof(struct tcmsg), dt_netlink_attribute_take, &all);
	if (!attrs[TCA_KIND] || !attrs[TCA_OPTIONS] || mnl_attr_validate(attrs[TCA_KIND], MNL_TYPE_NUL_STRING) < 0 ||
	    strcmp(mnl_attr_get_str(attrs[TCA_KIND]), "bpf") != 0)
		return 0;
	mnl_attr_parse_nested(attrs[TCA_OPTIONS], dt_netlink_attribute_take, &bpf);
	f->ours = options[TCA_BPF_NAME] && mnl_attr_validate(options[TCA_BPF_NAME], MNL_TYPE_NUL_STRING) == 0 &&
		  is_our_name(mnl_attr_get_str(options[TCA_BPF_NAME]));
	return 0;
}

/*
 * 1: ours is there; 0: none; -EEXIST: another program's. It is known by its name: to ask for the program itself, by its
 * id, takes CAP_SYS_ADMIN.
 */
static int filter_query(const struct bpf_tc_hook *hook)
{
	char buf[MNL_NLMSG_HDRLEN + sizeof(struct tcmsg)];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));
	struct dt_netlink nl = {0};
	struct filter f = {0};
	int err;

	nlh->nlmsg_type = RTM_GETTFILTER;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	tc->tcm_family = AF_UNSPEC;
	tc->tcm_ifindex = hook->ifindex;
	tc->tcm_handle = TC_HANDLE;
	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	tc->tcm_info = TC_H_MAKE((uint32_t)DT_FILTER_PRIORITY << 16, htons(ETH_P_ALL));
	err = dt_netlink_open(&nl, NETLINK_ROUTE);
	if (err)
		return err;
	err = dt_netlink_talk(&nl, nlh, filter_parse, &f);
	dt_netlink_close(&nl);
	/* no such filter, or no qdisc for filters */
	if (err == -ENOENT || err == -EINVAL || err == -ENODEV)
		return 0;
	if (err)
		return err;
	return f.ours ? 1 : f.found ? -EEXIST : 0;
}

bool dt_filters_attached(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);

	return filter_query(&hook) == 1;
}

static int filter_count(const struct nlmsghdr *nlh, void *count)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);

	/* each priority has a message of its own, without a handle */
	*(unsigned *)count += tc->tcm_handle != 0;
	return 0;
}

/* Has the interface any filter but ours, in either direction? Yes, if that cannot be found out. */
static bool others_there(uint32_t ifindex)
{
	static const uint32_t directions[] = {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS};
	char buf[MNL_NLMSG_HDRLEN + sizeof(struct tcmsg)];
	struct dt_netlink nl = {0};
	int err = dt_netlink_open(&nl, NETLINK_ROUTE);
	unsigned count = 0;

	for (size_t i = 0; err == 0 && i < sizeof(directions) / sizeof(directions[0]); i++) {
		struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
		struct tcmsg *tc = mnl_nlmsg_put_extra_header(nlh, sizeof(*tc));

		nlh->nlmsg_type = RTM_GETTFILTER;
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		tc->tcm_family = AF_UNSPEC;
		tc->tcm_ifindex = (int)ifindex;
		tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, directions[i]);
		err = dt_netlink_talk(&nl, nlh, filter_count, &count);
	}
	dt_netlink_close(&nl);
	return err || count != 1;
}

/* With the clsact qdisc, if nobody else uses it. */
static void filter_remove(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = DT_FILTER_PRIORITY);

	if (filter_query(&hook) != 1)
		return;
	if (others_there(ifindex)) {
		bpf_tc_detach(&hook, &opts);
		return;
	}
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	bpf_tc_hook_destroy(&hook);
}

static int filter_put(const struct dt_rt_link *link, const struct dt_filter_programs *programs)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)link->index, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = DT_FILTER_PRIORITY, .flags = BPF_TC_F_REPLACE,
		    .prog_fd = link->ethernet ? programs->l2_fd : programs->l3_fd);
	int err = filter_query(&hook);

	if (err < 0)
		return err;
	/* where ours is, the qdisc is, too: to make it again would only have libbpf log an error of the kernel */
	if (err == 0) {
		err = bpf_tc_hook_create(&hook);
		if (err && err != -EEXIST)
			return err;
	}
	return bpf_tc_attach(&hook, &opts);
}

static bool is_known(const struct dt_filters *f, const struct dt_rt_link *link)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].ifindex == link->index && strcmp(f->list[i].name, link->name) == 0)
			return true;
	return false;
}

/* Puts the filter on an interface unless it is there. Logs, but not -ENODEV: the interface has gone meanwhile. */
static int interface_attach(const struct dt_filters *f, const struct dt_rt_link *link,
			    const struct dt_filter_programs *programs)
{
	bool known = is_known(f, link);
	int err;

	if (known && dt_filters_attached(link->index))
		return 0;
	if (known)
		dt_log_warn("another program removed the NAT from an interface, putting it back interface=%s",
			    link->name);
	err = filter_put(link, programs);
	if (err == 0)
		dt_log_debug("attached interface=%s", link->name);
	else if (err != -ENODEV)
		dt_log_err("cannot attach the NAT to interface %s: %s", link->name, strerror(-err));
	return err;
}

int dt_filters_attach(struct dt_filters *f, const struct dt_network *n, const char *glob, uint32_t tunnel,
		      const struct dt_filter_programs *programs)
{
	struct dt_filter *now = calloc(n->nlinks + 1, sizeof(*now));
	size_t count = 0;
	int err, worst = 0;

	if (!now)
		return -ENOMEM;
	for (size_t i = 0; i < n->nlinks; i++) {
		const struct dt_rt_link *link = &n->links[i];

		if (link->flags & IFF_LOOPBACK)
			continue;
		if (link->index != tunnel && fnmatch(glob, link->name, 0) != 0) {
			filter_remove(link->index);
			continue;
		}
		err = interface_attach(f, link, programs);
		if (err) {
			worst = err == -ENODEV ? worst : err;
			continue;
		}
		now[count].ifindex = link->index;
		memcpy(now[count].name, link->name, sizeof(now[count].name));
		count++;
	}
	free(f->list);
	f->list = now;
	f->count = count;
	return worst;
}

bool dt_filters_has(const struct dt_filters *f, uint32_t ifindex)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->list[i].ifindex == ifindex)
			return true;
	return false;
}

void dt_filters_forget(struct dt_filters *f)
{
	free(f->list);
	memset(f, 0, sizeof(*f));
}

struct interfaces {
	uint32_t *indexes;
	size_t count;
};

static int interface_note(const struct dt_rt_link *link, void *data)
{
	struct interfaces *all = data;
	uint32_t *more;

	if (link->flags & IFF_LOOPBACK)
		return 0;
	more = reallocarray(all->indexes, all->count + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	all->indexes = more;
	all->indexes[all->count++] = link->index;
	return 0;
}

int dt_filters_flush(void)
{
	struct interfaces all = {0};
	struct dt_netlink nl = {0};
	int err = dt_netlink_open(&nl, NETLINK_ROUTE);

	if (err == 0)
		err = dt_rt_links(&nl, interface_note, &all);
	dt_netlink_close(&nl);
	/* not while the list is read: dt_netlink_talk() is not re-entered */
	for (size_t i = 0; i < all.count; i++)
		filter_remove(all.indexes[i]);
	free(all.indexes);
	return err;
}
