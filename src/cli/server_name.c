/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/server_name.h"

#include <ctype.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool dt_server_name_parse(const char *text, char host[DT_SERVER_HOST_MAX], uint16_t *port)
{
	const char *colon = strchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : strlen(text);
	unsigned long number;
	char *end;

	if (len == 0 || len >= DT_SERVER_HOST_MAX)
		return false;
	*port = 0;
	if (colon) {
		number = strtoul(colon + 1, &end, 10);
		if (!isdigit((unsigned char)colon[1]) || *end || number < 1 || number > UINT16_MAX)
			return false;
		*port = (uint16_t)number;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	return true;
}

static void address_add(struct dt_server_addresses *all, const struct sockaddr *sa, uint16_t port)
{
	struct dt_endpoint e;

	if (all->count == DT_SERVER_ADDRESSES_MAX || dt_endpoint_from_sockaddr(&e, sa) < 0)
		return;
	e.port = port;
	for (size_t i = 0; i < all->count; i++)
		if (dt_endpoint_equal(&all->at[i], &e))
			return;
	all->at[all->count++] = e;
}

bool dt_server_name_find(const char *command, const char *text, struct dt_server_addresses *out)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *item;
	char host[DT_SERVER_HOST_MAX];
	uint16_t port;
	int err;

	*out = (struct dt_server_addresses){.count = 1};
	if (dt_endpoint_parse(&out->at[0], text) == 0 || dt_ip_parse(&out->at[0].ip, text) == 0)
		return true;
	*out = (struct dt_server_addresses){.named = true};
	if (!dt_server_name_parse(text, host, &port)) {
		fprintf(stderr, "detourd: %s %s: neither HOST nor HOST:PORT (IPv6 addresses with a port in brackets)\n",
			command, text);
		return false;
	}
	err = getaddrinfo(host, NULL, &hints, &found);
	if (err) {
		fprintf(stderr, "detourd: %s %s: %s\n", command, text, gai_strerror(err));
		return false;
	}
	for (item = found; item; item = item->ai_next)
		address_add(out, item->ai_addr, port);
	freeaddrinfo(found);
	if (out->count == 0)
		fprintf(stderr, "detourd: %s %s: it has no IP address\n", command, text);
	return out->count > 0;
}
