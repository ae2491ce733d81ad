/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A server as it is named on the command line: HOST or HOST:PORT, by name or in numbers. */
#ifndef DETOURD_CLI_SERVER_NAME_H
#define DETOURD_CLI_SERVER_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define DT_SERVER_HOST_MAX 256
#define DT_SERVER_ADDRESSES_MAX 16

struct dt_server_addresses {
	struct dt_endpoint at[DT_SERVER_ADDRESSES_MAX]; /* port 0: none was given */
	size_t count;
	bool named; /* by a host name */
};

/* "HOST" or "HOST:PORT" (port 0: none). False: it is neither. Numeric addresses are for dt_endpoint_parse(). */
bool dt_server_name_parse(const char *text, char host[DT_SERVER_HOST_MAX], uint16_t *port);
/* All addresses, looked up where it is a name. False after one line on stderr, in the name of this command. */
bool dt_server_name_find(const char *command, const char *text, struct dt_server_addresses *out);

#endif
