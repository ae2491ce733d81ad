/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <jansson.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/bpf.h"
#include "base/file.h"
#include "cli/kernel_faults.h"
#include "nat.skel.h"
#include "net/mptcp_pm.h"
#include "net/sock_diag.h"
#include "pm/conf/client_conf.h"
#include "pm/daemon.h"
#include "pm/kernel/mptcpify.h"
#include "relay/config.h"
#include "relay/daemon.h"
#include "relay/filters.h"
#include "relay/neighbours.h"
#include "track.skel.h"

enum state { OK, WARN, MISSING };
static const char *const state_words[] = {[OK] = "ok", [WARN] = "warning", [MISSING] = "missing"};

struct report {
	json_t *checks;
	int missing;
};

/* remedy: what to do about it; ignored when the state is OK. */
static void note(struct report *r, const char *name, enum state state, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static void note(struct report *r, const char *name, enum state state, const char *remedy, const char *fmt, ...)
{
	char what[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	json_array_append_new(r->checks, json_pack("{s:s, s:s, s:s, s:s}", "name", name, "state", state_words[state],
						   "what", what, "remedy", state == OK ? "" : remedy));
	r->missing += state == MISSING;
}

/* --- both modes -------------------------------------------------------------------------------- */

static void check_permission(struct report *r)
{
	if (geteuid() == 0)
		note(r, "permission", OK, "", "running as root");
	else
		note(r, "permission", MISSING, "run as root; the other checks need it too", "not root");
}

static void check_kernel(struct report *r)
{
	unsigned major = 0, minor = 0;
	struct utsname name;
	bool old;

	uname(&name);
	old = sscanf(name.release, "%u.%u", &major, &minor) == 2 && (major < 6 || (major == 6 && minor < 1));
	note(r, "kernel", old ? MISSING : OK, "boot Linux 6.1 or newer", "Linux %s", name.release);
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		note(r, "btf", OK, "", "/sys/kernel/btf/vmlinux is there");
	else
		note(r, "btf", MISSING, "use a kernel built with CONFIG_DEBUG_INFO_BTF, as Debian's are",
		     "no /sys/kernel/btf/vmlinux");
}

/* Known security holes of the running kernel, by its version. */
static void check_kernel_faults(struct report *r, bool is_relay)
{
	const struct dt_kernel_fault *fault;
	struct dt_kernel_version version;
	unsigned noted = 0;
	struct utsname name;
	char remedy[256];

	uname(&name);
	if (!dt_kernel_version_parse(&version, name.release, name.version))
		return;
	for (fault = dt_kernel_faults; fault->cve; fault++) {
		enum dt_kernel_verdict verdict = dt_kernel_fault_check(fault, &version);

		if (verdict == DT_KERNEL_FIXED || (is_relay && fault->client_only))
			continue;
		snprintf(remedy, sizeof(remedy), "%s; until then: %s",
			 verdict == DT_KERNEL_FAULTY ? "update the kernel and boot it"
						     : "ask your distribution whether it has the fix, and update",
			 fault->meantime);
		note(r, fault->cve, WARN, remedy, "%s: %s",
		     verdict == DT_KERNEL_FAULTY ? "this kernel has a known hole"
						 : "this kernel may have a known hole; its version does not tell",
		     fault->what);
		noted++;
	}
	if (!noted)
		note(r, "kernel-faults", OK, "", "no known hole that matters here");
}

/* The configuration, which the caller frees; NULL: there is none, or it has errors. */
static void *check_config(struct report *r, const struct dt_mode *mode, const char *path, bool asked)
{
	void *config;

	if (!asked && access(path, F_OK) < 0) {
		note(r, "configuration", WARN, "write one; examples are in /usr/share/doc/detourd", "no %s", path);
		return NULL;
	}
	if (mode->config_load(&config, path) < 0) {
		note(r, "configuration", MISSING, "fix the lines named on stderr", "%s has errors", path);
		return NULL;
	}
	note(r, "configuration", OK, "", "%s", path);
	return config;
}

static void note_load(struct report *r, const char *name, int err, const char *what)
{
	if (err)
		note(r, name, MISSING, "see the reason; run as root on a kernel with BTF", "%s: %s", what,
		     dt_bpf_explain(err));
	else
		note(r, name, OK, "", "%s loads", what);
}

/* --- client ------------------------------------------------------------------------------------ */

static void check_mptcp(struct report *r)
{
	char value[64];
	struct dt_mptcp_pm pm;
	int err;

	if (dt_file_read("/proc/sys/net/mptcp/enabled", value, sizeof(value)) < 0) {
		note(r, "mptcp", MISSING, "use a kernel built with CONFIG_MPTCP", "this kernel has no MPTCP");
		return;
	}
	if (strcmp(value, "1") == 0)
		note(r, "mptcp", OK, "", "net.mptcp.enabled = 1");
	else
		note(r, "mptcp", MISSING, "sysctl -w net.mptcp.enabled=1", "net.mptcp.enabled = %s", value);
	if (dt_file_read("/proc/sys/net/mptcp/path_manager", value, sizeof(value)) == 0)
		note(r, "path-manager", OK, "", "net.mptcp.path_manager = %s; a running detourd sets it to userspace",
		     value);
	else if (dt_file_read("/proc/sys/net/mptcp/pm_type", value, sizeof(value)) == 0)
		note(r, "path-manager", OK, "", "net.mptcp.pm_type = %s; a running detourd sets it to 1 (userspace)",
		     value);
	else
		note(r, "path-manager", MISSING, "boot Linux 6.1 or newer", "no userspace path manager");
	err = dt_mptcp_pm_open(&pm);
	if (err)
		note(r, "mptcp-netlink", MISSING,
		     err == -EPERM ? "run as root" : "use a kernel built with CONFIG_MPTCP",
		     "cannot use generic netlink mptcp_pm: %s", strerror(-err));
	else
		note(r, "mptcp-netlink", OK, "", "generic netlink mptcp_pm answers");
	dt_mptcp_pm_close(&pm);
	if (dt_file_read("/proc/sys/net/mptcp/blackhole_timeout", value, sizeof(value)) == 0 && strcmp(value, "0") != 0)
		note(r, "blackhole-timeout", WARN,
		     "sysctl -w net.mptcp.blackhole_timeout=0, if connections stay without MPTCP",
		     "after a few lost first packets the kernel uses no MPTCP for %s s (net.mptcp.blackhole_timeout)",
		     value);
}

/* One alone is that of the only interface: nothing is lost with it. config: NULL if there is none. */
static void check_endpoints(struct report *r, const struct dt_client_config *config)
{
	struct dt_mptcp_endpoint all[DT_MPTCP_ENDPOINTS_MAX];
	size_t count = 0, subflow = 0;
	struct dt_mptcp_pm pm;

	if (dt_mptcp_pm_open(&pm) == 0 && dt_mptcp_endpoints(&pm, all, &count) == 0)
		for (size_t i = 0; i < count; i++)
			subflow += (all[i].flags & (DT_MPTCP_ENDPOINT_SUBFLOW | DT_MPTCP_ENDPOINT_FULLMESH)) != 0;
	dt_mptcp_pm_close(&pm);
	if (subflow > 1 && !(config && config->ninterfaces))
		note(r, "endpoints", WARN, "name their interfaces in `interfaces` of client.conf, to use them",
		     "%zu endpoints of ip mptcp for subflows have no effect while detourd runs", subflow);
	else
		note(r, "endpoints", OK, "", "no endpoint of ip mptcp loses its effect");
}

static void check_sock_destroy(struct report *r)
{
	/* 192.0.2.0/24 is for documentation: no socket has it */
	struct dt_endpoint nobody = {dt_ip_from_v4(htonl(0xc0000201)), 1};
	struct dt_netlink nl;
	int err = dt_netlink_open(&nl, NETLINK_SOCK_DIAG);

	if (err == 0)
		err = dt_sock_diag_destroy(&nl, &nobody, &nobody, 0);
	dt_netlink_close(&nl);
	if (err == 0 || err == -ENOENT)
		note(r, "sock-destroy", OK, "", "sockets can be closed (SOCK_DESTROY)");
	else
		note(r, "sock-destroy", WARN, "use a kernel built with CONFIG_INET_DIAG_DESTROY, and run as root",
		     "cannot close sockets: %s; subflows of dead detours stay open", strerror(-err));
}

static void check_track(struct report *r)
{
	struct track_bpf *skel = track_bpf__open();
	int err = skel ? track_bpf__load(skel) : -errno;

	note_load(r, "track-bpf", err, "the program that follows subflows");
	track_bpf__destroy(skel);
}

static void check_mptcpify(struct report *r)
{
	struct dt_mptcpify *mptcpify;
	int err = dt_mptcpify_open(&mptcpify, 0);

	if (err) {
		note(r, "mptcpify", WARN, DT_MPTCPIFY_INSTEAD, "[mptcp] has no effect: %s", dt_mptcpify_problem(err));
		return;
	}
	note(r, "mptcpify", OK, "", "programs that [mptcp] chooses can be given MPTCP");
	dt_mptcpify_close(mptcpify);
}

/* --- relay ------------------------------------------------------------------------------------- */

static void check_bpffs(struct report *r)
{
	struct statfs fs;

	if (statfs("/sys/fs/bpf", &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC)
		note(r, "bpffs", OK, "", "mounted at /sys/fs/bpf");
	else
		note(r, "bpffs", WARN, "mount -t bpf bpf /sys/fs/bpf; a starting relay does it too",
		     "no bpffs at /sys/fs/bpf");
}

static void check_nat(struct report *r)
{
	struct nat_bpf *skel = nat_bpf__open();
	int err = skel ? nat_bpf__load(skel) : -errno;

	note_load(r, "nat-bpf", err, "the NAT program");
	nat_bpf__destroy(skel);
}

struct interfaces {
	struct dt_netlink filters;
	struct dt_neighbours neighbours;
};

static int interface_check(const struct dt_rt_link *link, void *data)
{
	struct interfaces *all = data;

	if (link->flags & IFF_LOOPBACK)
		return 0;
	return dt_neighbours_add(&all->neighbours, &all->filters, link->index, link->name);
}

static void check_neighbours(struct report *r)
{
	char text[DT_NEIGHBOUR_STRLEN];
	struct interfaces all = {0};
	struct dt_netlink links = {0};
	int err = dt_netlink_open(&links, NETLINK_ROUTE);

	if (err == 0)
		err = dt_netlink_open(&all.filters, NETLINK_ROUTE);
	if (err == 0)
		err = dt_rt_links(&links, interface_check, &all);
	if (err)
		note(r, "before-nat", WARN, "run as root", "cannot look for other programs on the interfaces: %s",
		     strerror(-err));
	else if (all.neighbours.count == 0)
		note(r, "before-nat", OK, "", "no other program sees packets before the NAT");
	for (size_t i = 0; i < all.neighbours.count; i++)
		note(r, "before-nat", WARN, "let it return TC_ACT_UNSPEC (TCX_NEXT), or come later",
		     "%s: another program's %s " DT_NEIGHBOUR_EFFECT, all.neighbours.list[i].interface,
		     dt_neighbour_format(&all.neighbours.list[i], text));
	dt_neighbours_fini(&all.neighbours);
	dt_netlink_close(&all.filters);
	dt_netlink_close(&links);
}

static void check_reserved_ports(struct report *r)
{
	if (access("/proc/sys/net/ipv4/ip_local_reserved_ports", W_OK) == 0)
		note(r, "reserved-ports", OK, "", "net.ipv4.ip_local_reserved_ports can be set");
	else
		note(r, "reserved-ports", MISSING, "run as root, with /proc/sys writable",
		     "cannot set net.ipv4.ip_local_reserved_ports: %s", strerror(errno));
}

/* --- the report -------------------------------------------------------------------------------- */

static void checks_print(const json_t *checks)
{
	json_t *check;
	size_t i;

	json_array_foreach(checks, i, check) {
		const char *remedy = json_string_value(json_object_get(check, "remedy"));

		printf("%-8s %-18s %s%s%s\n", json_string_value(json_object_get(check, "state")),
		       json_string_value(json_object_get(check, "name")),
		       json_string_value(json_object_get(check, "what")),
		       *remedy ? "\n                            -> " : "", remedy);
	}
}

int dt_cli_doctor(const struct dt_options *options)
{
	const struct dt_mode *mode = options->relay ? &dt_relay_mode : &dt_client_mode;
	struct report r = {json_array(), 0};
	void *config;
	const char *path = options->config  ? options->config
			   : options->relay ? DT_RELAY_CONFIG_PATH
					    : DT_CLIENT_CONFIG_PATH;
	json_t *all;

	dt_bpf_log_to_ours();
	check_permission(&r);
	check_kernel(&r);
	check_kernel_faults(&r, options->relay);
	config = check_config(&r, mode, path, options->config != NULL);
	if (options->relay) {
		check_bpffs(&r);
		check_nat(&r);
		check_reserved_ports(&r);
		check_neighbours(&r);
	} else {
		check_mptcp(&r);
		check_endpoints(&r, config);
		check_sock_destroy(&r);
		check_track(&r);
		check_mptcpify(&r);
	}
	if (config)
		mode->config_free(config);
	if (options->json) {
		all = json_pack("{s:i, s:s, s:b, s:O}", "version", 1, "mode", options->relay ? "relay" : "client", "ok",
				r.missing == 0, "checks", r.checks);
		json_dumpf(all, stdout, JSON_INDENT(2));
		putchar('\n');
		json_decref(all);
	} else {
		checks_print(r.checks);
	}
	json_decref(r.checks);
	return r.missing ? 1 : 0;
}
