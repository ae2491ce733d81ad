/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts TCP connections with a server that detourd does not manage, for `why`. Changes nothing. */
#ifndef DETOURD_PM_OTHERS_H
#define DETOURD_PM_OTHERS_H

#include <stdbool.h>
#include <stddef.h>

struct dt_endpoint;
struct dt_pm;

struct dt_others {
	size_t plain;	  /* the application did not ask for MPTCP */
	size_t fell_back; /* asked and did not get it, or are too young to tell */
};

/* about: a server; its port 0: any port of it. */
bool dt_others_is_about(const struct dt_endpoint *about, const struct dt_endpoint *remote);
/* Only connections that their program has still open. */
void dt_others_count(struct dt_pm *pm, const struct dt_endpoint *about, struct dt_others *out);

#endif
