/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the relay's NAT needs: bpffs, reserved ports, its filter on the interfaces, and nobody before it. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/doctor/context.h"
#include "relay/filters.h"
#include "relay/neighbours.h"

#define RESERVED "/proc/sys/net/ipv4/ip_local_reserved_ports"

static void check_bpffs(struct dt_doctor *d)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC)
		dt_finding_fine(&d->found, "bpffs", "mounted at /sys/fs/bpf");
	else
		dt_finding_add(&d->found, DT_FIND_BPFFS, NULL, "no bpffs at /sys/fs/bpf");
}

static void check_interfaces(struct dt_doctor *d)
{
	const char *glob = d->server ? d->server->interface : "*";
	unsigned matching = 0, missing = 0;

	for (size_t i = 0; i < d->network.nlinks; i++) {
		const struct dt_rt_link *link = &d->network.links[i];

		if (link->flags & IFF_LOOPBACK || fnmatch(glob, link->name, 0) != 0)
			continue;
		matching++;
		if (!d->daemon_runs || dt_filters_attached(link->index))
			continue;
		missing++;
		dt_finding_add(&d->found, DT_FIND_NO_FILTER, NULL, "the NAT is not on interface %s", link->name);
	}
	if (d->network.nlinks && matching == 0)
		dt_finding_add(&d->found, DT_FIND_NO_INTERFACE, NULL, "no interface has a name like %s", glob);
	else if (missing == 0)
		dt_finding_fine(&d->found, "filters",
				d->daemon_runs ? "the NAT is on %u interfaces" : "the NAT has %u interfaces to go to",
				matching);
}

static void check_neighbours(struct dt_doctor *d)
{
	struct dt_neighbours all = {0};
	char text[DT_NEIGHBOUR_STRLEN];
	struct dt_netlink nl = {0};
	int err = dt_netlink_open(&nl, NETLINK_ROUTE);

	for (size_t i = 0; err == 0 && i < d->network.nlinks; i++)
		if (!(d->network.links[i].flags & IFF_LOOPBACK))
			err = dt_neighbours_add(&all, &nl, d->network.links[i].index, d->network.links[i].name);
	for (size_t i = 0; i < all.count; i++)
		dt_finding_add(&d->found, DT_FIND_BEFORE_NAT, all.list[i].interface,
			       "%s: another program's %s sees packets before the NAT", all.list[i].interface,
			       dt_neighbour_format(&all.list[i], text));
	if (err == 0 && all.count == 0)
		dt_finding_fine(&d->found, "before-nat", "no other program sees packets before the NAT");
	dt_neighbours_fini(&all);
	dt_netlink_close(&nl);
}

/* Are all ports of the range in this list, such as "80,40000-59999"? */
static bool is_reserved(const char *list, const struct dt_port_range *range)
{
	unsigned next = range->min, first, last;
	int len;

	/* the kernel prints it in order */
	while (next <= range->max && sscanf(list, "%u%n", &first, &len) == 1) {
		list += len;
		last = first;
		if (*list == '-' && sscanf(list, "-%u%n", &last, &len) == 1)
			list += len;
		if (first <= next && last >= next)
			next = last + 1;
		list += *list == ',';
	}
	return next > range->max;
}

static void check_reserved(struct dt_doctor *d)
{
	char list[4096];

	/* not access(): that asks for the real user, without capabilities */
	if (faccessat(AT_FDCWD, RESERVED, W_OK, AT_EACCESS) < 0) {
		dt_finding_add(&d->found, DT_FIND_RESERVED_PORTS, NULL,
			       "cannot set net.ipv4.ip_local_reserved_ports: %s", strerror(errno));
		return;
	}
	dt_finding_fine(&d->found, "reserved-ports", "net.ipv4.ip_local_reserved_ports can be set");
	if (!d->server || !d->daemon_runs || dt_file_read(RESERVED, list, sizeof(list)) < 0)
		return;
	if (!is_reserved(list, &d->server->ports) || !is_reserved(list, &d->server->source_ports))
		dt_finding_add(&d->found, DT_FIND_PORTS_NOT_RESERVED, NULL,
			       "net.ipv4.ip_local_reserved_ports = %.200s lacks some of the relay's ports", list);
}

void dt_doctor_nat(struct dt_doctor *d)
{
	check_bpffs(d);
	check_reserved(d);
	check_interfaces(d);
	check_neighbours(d);
}
