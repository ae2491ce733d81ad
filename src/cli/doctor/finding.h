/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the doctor found: a list of findings, each of a kind of the table in kinds.h. */
#ifndef DETOURD_CLI_DOCTOR_FINDING_H
#define DETOURD_CLI_DOCTOR_FINDING_H

#include <jansson.h>
#include <stdio.h>

#include "cli/doctor/kinds.h"

struct dt_findings {
	json_t *list;
	unsigned count[DT_SEVERITIES];
};

void dt_findings_init(struct dt_findings *f);
void dt_findings_fini(struct dt_findings *f);
/*
 * Adds a finding of this kind. detail stands in the remedy where the table has {}; NULL: it has none. The rest says
 * what was found, in words, at most 511 bytes.
 */
void dt_finding_add(struct dt_findings *f, enum dt_finding kind, const char *detail, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* As dt_finding_add(), for a kind that is no constant, such as a security hole: nothing in it may be NULL. */
void dt_finding_add_kind(struct dt_findings *f, const struct dt_finding_kind *kind, const char *detail, const char *fmt,
			 ...) __attribute__((format(printf, 4, 5)));
/* A check found nothing wrong. */
void dt_finding_fine(struct dt_findings *f, const char *check, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* As text: errors first, then warnings, notes, and what is fine. */
void dt_findings_print(const struct dt_findings *f, FILE *to);

#endif
