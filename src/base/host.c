/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool name_valid(const char *name, size_t len)
{
	if (len == 0 || len > DT_HOST_NAME_MAX || name[0] == '-' || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._", name[i]))
			return false;
	return true;
}

static bool port_parse(const char *text, uint16_t *out)
{
	size_t len = strlen(text);
	unsigned long port = strtoul(text, NULL, 10);

	if (len == 0 || len > 10 || text[strspn(text, "0123456789")] || port < 1 || port > 65535)
		return false;
	*out = (uint16_t)port;
	return true;
}

int dt_host_parse(struct dt_host *out, const char *text)
{
	const char *colon = strrchr(text, ':');
	struct dt_endpoint numeric;
	struct dt_ip ip;
	size_t len;

	if (dt_endpoint_parse(&numeric, text) == 0 && numeric.port) {
		dt_ip_format(&numeric.ip, out->name);
		out->port = numeric.port;
		return 0;
	}
	len = colon ? (size_t)(colon - text) : 0;
	/* the part after the colon must not be a range of ports */
	if (!colon || !name_valid(text, len) || strchr(colon, '-'))
		return -EINVAL;
	memcpy(out->name, text, len);
	out->name[len] = '\0';
	/* such as 300.1.2.3: a host name is never all digits and dots */
	if (out->name[strspn(out->name, "0123456789.")] == '\0' && dt_ip_parse(&ip, out->name) < 0)
		return -EINVAL;
	return port_parse(colon + 1, &out->port) ? 0 : -ERANGE;
}

const char *dt_host_format(const struct dt_host *host, char *buf)
{
	bool v6 = strchr(host->name, ':');

	snprintf(buf, DT_HOST_STRLEN, v6 ? "[%s]:%u" : "%s:%u", host->name, host->port);
	return buf;
}
