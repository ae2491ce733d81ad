/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Security holes of Linux that matter to those who use MPTCP, and in which versions they are. Pure: no file is read. */
#ifndef DETOURD_CLI_KERNEL_FAULTS_H
#define DETOURD_CLI_KERNEL_FAULTS_H

#include <stdbool.h>

struct dt_kernel_version {
	unsigned major, minor, patch;
	bool is_exact; /* the patch is upstream's; false: the distribution counts in its own way, as in 6.8.0-147-generic */
};

enum dt_kernel_verdict {
	DT_KERNEL_FIXED,   /* has the fix, or never had the fault */
	DT_KERNEL_FAULTY,  /* does not have the fix */
	DT_KERNEL_UNKNOWN, /* the version does not tell */
};

struct dt_kernel_fault {
	const char *cve;
	const char *what;     /* what it is, and why it matters here */
	const char *meantime; /* what helps until the kernel is updated */
	bool client_only;     /* a relay's host does not run the code in question */
	/* Mainline has the fault from the first to before the second. */
	struct dt_kernel_version from, until;
	/* Ranges of stable series: the fault is in [from, until). A series that is absent had no fix, as far as is known. */
	const struct dt_kernel_range *ranges;
};

/* The end of the table has no cve. */
extern const struct dt_kernel_fault dt_kernel_faults[];

/* release and version as uname() gives them; "Debian 6.1.190-1" in version counts before release. False: not a version. */
bool dt_kernel_version_parse(struct dt_kernel_version *v, const char *release, const char *version);
enum dt_kernel_verdict dt_kernel_fault_check(const struct dt_kernel_fault *fault, const struct dt_kernel_version *v);

#endif
