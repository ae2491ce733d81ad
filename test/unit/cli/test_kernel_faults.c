/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which versions of Linux have which known hole. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "cli/kernel_faults.h"

#define IP_OPTIONS "CVE-2026-98432"
#define LOCAL_ID "CVE-2026-68169"

static const struct dt_kernel_fault *fault_of(const char *cve)
{
	const struct dt_kernel_fault *fault;

	for (fault = dt_kernel_faults; fault->cve; fault++)
		if (strcmp(fault->cve, cve) == 0)
			return fault;
	cr_assert(false, "no %s", cve);
	return NULL;
}

Test(kernel_faults, versions)
{
	static const struct {
		const char *release, *version;
		enum dt_kernel_verdict ip_options, local_id;
	} rows[] = {
		/* Debian: the package's version counts, whatever the release is called */
		{"6.1.0-50-cloud-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-02)", DT_KERNEL_FAULTY,
		 DT_KERNEL_FAULTY},
		{"6.1.0-55-amd64", "#1 SMP Debian 6.1.187-1 (2026-10-01)", DT_KERNEL_FAULTY, DT_KERNEL_FIXED},
		{"6.1.0-56-cloud-amd64", "#1 SMP Debian 6.1.192-2 (2026-11-16)", DT_KERNEL_FIXED, DT_KERNEL_FIXED},
		{"6.12.95+deb12-cloud-amd64", "#1 SMP Debian 6.12.95-1~bpo12+1 (2026-07-05)", DT_KERNEL_FAULTY,
		 DT_KERNEL_FAULTY},
		{"6.12.117+deb13-amd64", "#1 SMP Debian 6.12.117-1 (2026-11-12)", DT_KERNEL_FIXED, DT_KERNEL_FIXED},
		/* each series: the last with the fault, and the first without */
		{"6.1.183", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FAULTY},
		{"6.1.184", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FIXED},
		{"6.1.189", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FIXED},
		{"6.1.190", "#1", DT_KERNEL_FIXED, DT_KERNEL_FIXED},
		{"6.6.150", "#1", DT_KERNEL_UNKNOWN, DT_KERNEL_FAULTY},
		{"6.6.151", "#1", DT_KERNEL_UNKNOWN, DT_KERNEL_FIXED},
		{"6.12.102", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FAULTY},
		{"6.12.103", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FIXED},
		{"6.12.112", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FIXED},
		{"6.12.113", "#1", DT_KERNEL_FIXED, DT_KERNEL_FIXED},
		{"6.18.41", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FAULTY},
		{"6.18.44-fc-v669", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FIXED},
		{"6.18.59", "#1", DT_KERNEL_FIXED, DT_KERNEL_FIXED},
		{"7.1.5", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FAULTY},
		{"7.1.6", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FIXED},
		{"7.2.9", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FIXED},
		{"7.2.10", "#1", DT_KERNEL_FIXED, DT_KERNEL_FIXED},
		{"7.3.0", "#1", DT_KERNEL_FIXED, DT_KERNEL_FIXED},
		{"8.0.0", "#1", DT_KERNEL_FIXED, DT_KERNEL_FIXED},
		/* before the fault came, and series that nobody maintains */
		{"6.1.78", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FIXED},
		{"6.6.17", "#1", DT_KERNEL_UNKNOWN, DT_KERNEL_FIXED},
		{"6.5.13", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FIXED},
		{"6.17.13", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FAULTY},
		{"7.0.13", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FAULTY},
		{"4.3.0", "#1", DT_KERNEL_FIXED, DT_KERNEL_FIXED},
		/* distributions that keep the upstream patch at 0 */
		{"6.8.0-147-generic", "#147~22.04.1-Ubuntu SMP", DT_KERNEL_UNKNOWN, DT_KERNEL_UNKNOWN},
		{"6.12.0-124.45.1.el10_1.x86_64", "#1 SMP", DT_KERNEL_UNKNOWN, DT_KERNEL_UNKNOWN},
		/* a kernel of one's own */
		{"6.12.0-custom", "#1", DT_KERNEL_FAULTY, DT_KERNEL_FAULTY},
		{"7.3", "#1", DT_KERNEL_FIXED, DT_KERNEL_FIXED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_kernel_version v;

		cr_assert(dt_kernel_version_parse(&v, rows[i].release, rows[i].version), "%s", rows[i].release);
		cr_expect_eq(dt_kernel_fault_check(fault_of(IP_OPTIONS), &v), rows[i].ip_options, "%s %s", IP_OPTIONS,
			     rows[i].release);
		cr_expect_eq(dt_kernel_fault_check(fault_of(LOCAL_ID), &v), rows[i].local_id, "%s %s", LOCAL_ID,
			     rows[i].release);
	}
}

Test(kernel_faults, not_a_version)
{
	struct dt_kernel_version v;

	cr_assert(!dt_kernel_version_parse(&v, "", ""));
	cr_assert(!dt_kernel_version_parse(&v, "linux", "#1"));
	cr_assert(!dt_kernel_version_parse(&v, "6", "#1"));
	/* "Debian" without a version: the release counts */
	cr_assert(dt_kernel_version_parse(&v, "6.12.3", "#1 Debian built"));
	cr_assert_eq(v.patch, 3u);
}
