/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a relay is reached, as people write it: a host name or an address, and a port. */
#ifndef DETOURD_BASE_HOST_H
#define DETOURD_BASE_HOST_H

#include <stdint.h>

#include "base/addr.h"

#define DT_HOST_NAME_MAX 253 /* RFC 1035 */
#define DT_HOST_STRLEN (DT_HOST_NAME_MAX + sizeof("[]:65535"))

struct dt_host {
	char name[DT_HOST_NAME_MAX + 1]; /* or an address in its usual form, without brackets */
	uint16_t port;			 /* host byte order */
};

/*
 * ADDRESS:PORT, [IPV6]:PORT or HOST:PORT. -EINVAL: none of these; -ERANGE: what follows the colon is no port from 1 to
 * 65535. *out is then undefined.
 */
int dt_host_parse(struct dt_host *out, const char *text);
/* buf holds DT_HOST_STRLEN bytes; returns buf. */
const char *dt_host_format(const struct dt_host *host, char *buf);

#endif
