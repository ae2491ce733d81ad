/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's MPTCP: the kernel's settings, and who else wants to be the path manager. */
#include <errno.h>
#include <linux/mptcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/doctor/context.h"
#include "net/mptcp_pm.h"
#include "net/sock_diag.h"
#include "pm/kernel/mptcpd.h"
#include "pm/kernel/mptcpify.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif
#define TRY_MS 1000

static void check_path_manager(struct dt_doctor *d)
{
	const char *setting = "net.mptcp.path_manager=", *userspace = "userspace", *kernel = "kernel";
	char value[64], remedy[96];
	bool ours;

	if (dt_file_read("/proc/sys/net/mptcp/path_manager", value, sizeof(value)) < 0) {
		setting = "net.mptcp.pm_type=", userspace = "1", kernel = "0";
		if (dt_file_read("/proc/sys/net/mptcp/pm_type", value, sizeof(value)) < 0) {
			dt_finding_add(&d->found, DT_FIND_NO_USERSPACE_PM, NULL, "no userspace path manager");
			return;
		}
	}
	ours = strcmp(value, userspace) == 0;
	snprintf(remedy, sizeof(remedy), "%s%s", setting, d->daemon_runs ? userspace : kernel);
	if (d->daemon_runs && !ours)
		dt_finding_add(&d->found, DT_FIND_PATH_MANAGER_FLIPPED, remedy, "%s%s, while detourd runs", setting,
			       value);
	else if (!d->daemon_runs && ours && !dt_mptcpd_find())
		dt_finding_add(&d->found, DT_FIND_PATH_MANAGER_LEFT, remedy, "%s%s, and no path manager runs", setting,
			       value);
	else
		dt_finding_fine(&d->found, "path-manager", "%s%s; a running detourd sets it to %s", setting, value,
				userspace);
}

static void check_mptcpd(struct dt_doctor *d)
{
	long pid = dt_mptcpd_find();

	if (pid)
		dt_finding_add(&d->found, DT_FIND_MPTCPD_RUNS, NULL, "mptcpd runs (process %ld)", pid);
	else if (access("/etc/systemd/system/multi-user.target.wants/mptcp.service", F_OK) == 0)
		dt_finding_add(&d->found, DT_FIND_MPTCPD_ENABLED, NULL, "mptcpd starts with the next boot");
	else
		dt_finding_fine(&d->found, "mptcpd", "no mptcpd");
}

/* --- does a new connection become MPTCP? ------------------------------------------------------- */

static int listen_here(struct sockaddr_in *at)
{
	socklen_t len = sizeof(*at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	*at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd >= 0 && bind(fd, (struct sockaddr *)at, sizeof(*at)) == 0 && listen(fd, 1) == 0 &&
	    getsockname(fd, (struct sockaddr *)at, &len) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* 1: it did; 0: it became plain TCP; -1: nothing can be said. */
static int connection_try(void)
{
	struct sockaddr_in at;
	int server = listen_here(&at), client, verdict = -1, err;
	struct pollfd ready;
	struct mptcp_info info;
	socklen_t len = sizeof(info);

	if (server < 0)
		return -1;
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_MPTCP);
	ready = (struct pollfd){.fd = client, .events = POLLOUT};
	err = client < 0 ? -1 : connect(client, (struct sockaddr *)&at, sizeof(at));
	if (client >= 0 && (err == 0 || (errno == EINPROGRESS && poll(&ready, 1, TRY_MS) == 1)) &&
	    !(ready.revents & (POLLERR | POLLHUP)))
		verdict = getsockopt(client, SOL_MPTCP, MPTCP_INFO, &info, &len) == 0 &&
			  !(info.mptcpi_flags & MPTCP_INFO_FLAG_FALLBACK);
	if (client >= 0)
		close(client);
	close(server);
	return verdict;
}

static void check_blackhole(struct dt_doctor *d)
{
	char timeout[32];

	if (dt_file_read("/proc/sys/net/mptcp/blackhole_timeout", timeout, sizeof(timeout)) < 0 ||
	    strcmp(timeout, "0") == 0)
		return;
	if (connection_try() == 0)
		dt_finding_add(&d->found, DT_FIND_BLACKHOLE, NULL,
			       "the kernel has turned MPTCP off for up to %s s, or longer if it lost packets again "
			       "(net.mptcp.blackhole_timeout)",
			       timeout);
	else
		dt_finding_add(&d->found, DT_FIND_BLACKHOLE_TIMEOUT, NULL, "net.mptcp.blackhole_timeout = %s", timeout);
}

static void check_settings(struct dt_doctor *d)
{
	struct dt_mptcp_pm pm;
	char value[64];
	int err;

	if (dt_file_read("/proc/sys/net/mptcp/enabled", value, sizeof(value)) < 0) {
		dt_finding_add(&d->found, DT_FIND_NO_MPTCP, NULL, "this kernel has no MPTCP");
		return;
	}
	if (strcmp(value, "1") == 0) {
		dt_finding_fine(&d->found, "mptcp", "net.mptcp.enabled = 1");
		check_blackhole(d);
	} else {
		dt_finding_add(&d->found, DT_FIND_MPTCP_OFF, NULL, "net.mptcp.enabled = %s", value);
	}
	err = dt_mptcp_pm_open(&pm);
	if (err)
		dt_finding_add(&d->found, DT_FIND_MPTCP_NETLINK, NULL, "cannot use generic netlink mptcp_pm: %s",
			       strerror(-err));
	else
		dt_finding_fine(&d->found, "mptcp-netlink", "generic netlink mptcp_pm answers");
	dt_mptcp_pm_close(&pm);
}

/* --- what else the client wants ---------------------------------------------------------------- */

/* One alone is that of the only interface: nothing is lost with it. */
static void check_endpoints(struct dt_doctor *d)
{
	struct dt_mptcp_endpoint all[DT_MPTCP_ENDPOINTS_MAX];
	size_t count = 0, subflow = 0;
	struct dt_mptcp_pm pm;

	if (dt_mptcp_pm_open(&pm) == 0 && dt_mptcp_endpoints(&pm, all, &count) == 0)
		for (size_t i = 0; i < count; i++)
			subflow += (all[i].flags & (DT_MPTCP_ENDPOINT_SUBFLOW | DT_MPTCP_ENDPOINT_FULLMESH)) != 0;
	dt_mptcp_pm_close(&pm);
	if (subflow > 1 && !(d->client && d->client->ninterfaces))
		dt_finding_add(&d->found, DT_FIND_ENDPOINTS, "NAME, NAME",
			       "%zu endpoints of ip mptcp for subflows have no effect while detourd runs", subflow);
	else
		dt_finding_fine(&d->found, "endpoints", "no endpoint of ip mptcp loses its effect");
}

static void check_sock_destroy(struct dt_doctor *d)
{
	/* 192.0.2.0/24 is for documentation: no socket has it */
	struct dt_endpoint nobody = {dt_ip_from_v4(htonl(0xc0000201)), 1};
	struct dt_netlink nl;
	int err = dt_netlink_open(&nl, NETLINK_SOCK_DIAG);

	if (err == 0)
		err = dt_sock_diag_destroy(&nl, &nobody, &nobody, 0);
	dt_netlink_close(&nl);
	if (err == 0 || err == -ENOENT)
		dt_finding_fine(&d->found, "sock-destroy", "sockets can be closed (SOCK_DESTROY)");
	else
		dt_finding_add(&d->found, DT_FIND_SOCK_DESTROY, NULL, "cannot close sockets: %s", strerror(-err));
}

/* Whoever does not use [mptcp] misses nothing. */
static void check_mptcpify(struct dt_doctor *d)
{
	struct dt_mptcpify *mptcpify;
	int err = dt_mptcpify_open(&mptcpify, 0);
	struct dt_finding_kind kind = dt_finding_kinds[DT_FIND_MPTCPIFY];

	if (err == 0) {
		dt_finding_fine(&d->found, "mptcpify", "programs that [mptcp] chooses can be given MPTCP");
		dt_mptcpify_close(mptcpify);
		return;
	}
	if (!d->client || !d->client->mptcp.enable)
		kind.severity = DT_NOTE;
	dt_finding_add_kind(&d->found, &kind, DT_MPTCPIFY_INSTEAD, "[mptcp] has no effect: %s",
			    dt_mptcpify_problem(err));
}

void dt_doctor_mptcp(struct dt_doctor *d)
{
	check_settings(d);
	check_path_manager(d);
	check_mptcpd(d);
	check_endpoints(d);
	check_sock_destroy(d);
	check_mptcpify(d);
}
