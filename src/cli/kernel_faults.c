/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/kernel_faults.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct dt_kernel_range {
	unsigned major, minor;
	unsigned from, until; /* patches; UINT_MAX: not known */
};

/*
 * Sources: Debian's changelogs of linux 6.1.192-2 (bookworm-security), 6.12.117-1 (trixie), 7.2.12-1 and 7.3.4-1, which
 * name the upstream release of each fix, and the CVE's record. 6.18.59 has the fix of CVE-2026-98432 by the notes of a
 * distribution that ships it; a range whose end is not known was not verified.
 */
static const struct dt_kernel_range ip_options[] = {
	{6, 1, 0, 190}, {6, 6, 0, UINT_MAX}, {6, 12, 0, 113}, {6, 18, 0, 59}, {7, 2, 0, 10}, {0},
};
static const struct dt_kernel_range local_id[] = {
	{6, 1, 79, 184}, {6, 6, 18, 151}, {6, 12, 0, 103}, {6, 18, 0, 42}, {7, 1, 0, 6}, {0},
};

const struct dt_kernel_fault dt_kernel_faults[] = {
	{
		.cve = "CVE-2026-98432",
		.what = "anybody who reaches a TCP listener over IPv4 may get memory of the kernel freed while it is "
			"in use; an attack on MPTCP listeners that gives root is described",
		.meantime = "drop incoming TCP packets with IPv4 options: nft 'ip hdrlength > 5 meta l4proto tcp drop'",
		.from = {.major = 4, .minor = 4},
		.until = {.major = 7, .minor = 3},
		.ranges = ip_options,
	},
	{
		.cve = "CVE-2026-68169",
		.what = "a join that arrives while a userspace path manager, such as detourd, ends a subflow may make "
			"the kernel read freed memory; the window is small",
		.meantime = "nothing else helps while detourd runs",
		.client_only = true,
		.from = {.major = 6, .minor = 8},
		.until = {.major = 7, .minor = 2},
		.ranges = local_id,
	},
	{0},
};

/* "6.12", "6.12.117-1~bpo12+1", "6.8.0-147-generic"; *rest: what follows the numbers. */
static bool numbers_parse(struct dt_kernel_version *v, const char *text, const char **rest)
{
	int len = 0;

	*v = (struct dt_kernel_version){0};
	if (sscanf(text, "%u.%u%n", &v->major, &v->minor, &len) < 2)
		return false;
	text += len;
	len = 0;
	if (sscanf(text, ".%u%n", &v->patch, &len) == 1)
		text += len;
	*rest = text;
	return true;
}

bool dt_kernel_version_parse(struct dt_kernel_version *v, const char *release, const char *version)
{
	const char *debian = strstr(version, "Debian "), *rest;

	if (debian && numbers_parse(v, debian + strlen("Debian "), &rest)) {
		v->is_exact = true;
		return true;
	}
	if (!numbers_parse(v, release, &rest))
		return false;
	v->is_exact = !(v->patch == 0 && rest[0] == '-' && rest[1] >= '0' && rest[1] <= '9');
	return true;
}

static bool is_before(const struct dt_kernel_version *a, const struct dt_kernel_version *b)
{
	if (a->major != b->major)
		return a->major < b->major;
	return a->minor < b->minor;
}

enum dt_kernel_verdict dt_kernel_fault_check(const struct dt_kernel_fault *fault, const struct dt_kernel_version *v)
{
	const struct dt_kernel_range *r;

	if (!is_before(v, &fault->until))
		return DT_KERNEL_FIXED;
	for (r = fault->ranges; r->major; r++)
		if (r->major == v->major && r->minor == v->minor)
			break;
	if (!r->major && is_before(v, &fault->from))
		return DT_KERNEL_FIXED;
	if (!v->is_exact)
		return DT_KERNEL_UNKNOWN;
	if (!r->major)
		return DT_KERNEL_FAULTY;
	if (v->patch < r->from)
		return DT_KERNEL_FIXED;
	if (r->until == UINT_MAX)
		return DT_KERNEL_UNKNOWN;
	return v->patch < r->until ? DT_KERNEL_FAULTY : DT_KERNEL_FIXED;
}
