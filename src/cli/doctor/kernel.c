/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel: its version, its known holes, and whether it takes our programs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/bpf.h"
#include "base/cgroup.h"
#include "cli/doctor/context.h"
#include "cli/kernel_faults.h"
#include "nat.skel.h"
#include "track.skel.h"

/* The inode of the cgroup namespace of the host (PROC_CGROUP_INIT_INO in the kernel's include/linux/proc_ns.h). */
#define HOST_CGROUP_NAMESPACE "cgroup:[4026531835]"

static void check_version(struct dt_doctor *d)
{
	unsigned major = 0, minor = 0;
	struct utsname name;

	uname(&name);
	if (sscanf(name.release, "%u.%u", &major, &minor) == 2 && (major < 6 || (major == 6 && minor < 1)))
		dt_finding_add(&d->found, DT_FIND_KERNEL_OLD, NULL, "Linux %s", name.release);
	else
		dt_finding_fine(&d->found, "kernel", "Linux %s", name.release);
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0)
		dt_finding_fine(&d->found, "btf", "/sys/kernel/btf/vmlinux is there");
	else
		dt_finding_add(&d->found, DT_FIND_NO_BTF, NULL, "no /sys/kernel/btf/vmlinux");
}

static void note_hole(struct dt_doctor *d, const struct dt_kernel_fault *fault, enum dt_kernel_verdict verdict)
{
	bool sure = verdict == DT_KERNEL_FAULTY;
	struct dt_finding_kind kind = {fault->cve, fault->cve, DT_WARNING, fault->what, "{}"};
	char remedy[256];

	snprintf(remedy, sizeof(remedy), "%s; until then: %s",
		 sure ? "update the kernel and boot it" : "ask your distribution whether it has the fix, and update",
		 fault->meantime);
	dt_finding_add_kind(&d->found, &kind, remedy, "%s",
			    sure ? "this kernel has a known hole"
				 : "this kernel may have a known hole; its version does not tell");
}

static void check_holes(struct dt_doctor *d)
{
	struct dt_kernel_version version;
	unsigned before = d->found.count[DT_WARNING];
	struct utsname name;

	uname(&name);
	if (!dt_kernel_version_parse(&version, name.release, name.version))
		return;
	for (const struct dt_kernel_fault *fault = dt_kernel_faults; fault->cve; fault++) {
		enum dt_kernel_verdict verdict = dt_kernel_fault_check(fault, &version);

		if (verdict != DT_KERNEL_FIXED && !(d->relay && fault->client_only))
			note_hole(d, fault, verdict);
	}
	if (before == d->found.count[DT_WARNING])
		dt_finding_fine(&d->found, "kernel-faults", "no known hole that matters here");
}

static void note_load(struct dt_doctor *d, enum dt_finding kind, int err, const char *what)
{
	if (err)
		dt_finding_add(&d->found, kind, NULL, "%s: %s", what, dt_bpf_explain(err));
	else
		dt_finding_fine(&d->found, dt_finding_kinds[kind].check, "%s loads", what);
}

static void check_cgroup(struct dt_doctor *d)
{
	char namespace[64];
	int fd = dt_cgroup_open_root();
	ssize_t len = readlink("/proc/self/ns/cgroup", namespace, sizeof(namespace) - 1);

	if (fd < 0) {
		dt_finding_add(&d->found, DT_FIND_NO_CGROUP2, NULL, "no cgroup2 is mounted");
		return;
	}
	close(fd);
	namespace[len > 0 ? len : 0] = '\0';
	if (len > 0 && strcmp(namespace, HOST_CGROUP_NAMESPACE) != 0)
		dt_finding_add(&d->found, DT_FIND_CGROUP_NAMESPACE, NULL,
			       "this is a container with cgroups of its own");
	else
		dt_finding_fine(&d->found, "cgroup", "the host's cgroups are seen");
}

void dt_doctor_kernel(struct dt_doctor *d)
{
	struct track_bpf *track;
	struct nat_bpf *nat;

	check_version(d);
	check_holes(d);
	if (d->relay) {
		nat = nat_bpf__open();
		note_load(d, DT_FIND_NAT_BPF, nat ? nat_bpf__load(nat) : -errno, "the NAT program");
		nat_bpf__destroy(nat);
	} else {
		check_cgroup(d);
		track = track_bpf__open();
		note_load(d, DT_FIND_TRACK_BPF, track ? track_bpf__load(track) : -errno,
			  "the program that follows subflows");
		track_bpf__destroy(track);
	}
}
