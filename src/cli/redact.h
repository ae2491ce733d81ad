/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Takes out of a text what a bug report need not tell: keys, and which addresses they are. An address keeps its name
 * (ip1, ip2 ...) through all texts of one report, so that a reader sees which are the same. Pure.
 */
#ifndef DETOURD_CLI_REDACT_H
#define DETOURD_CLI_REDACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/addr.h"

/* Zeroed: nothing is known yet. */
struct dt_redaction {
	bool keep_addresses;
	struct dt_ip *known; /* ip1 is the first */
	size_t nknown;
};

void dt_redaction_fini(struct dt_redaction *r);
/*
 * Writes text to `to`. A key in base64 (44 characters) becomes [key], and an IPv4 or IPv6 address its name; those of no
 * host (0.0.0.0, ::, loopback) stay.
 */
void dt_redact(struct dt_redaction *r, const char *text, FILE *to);

#endif
