/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool dt_ip_is_unset(const struct dt_ip *ip)
{
	return !(ip->w[0] | ip->w[1] | ip->w[2] | ip->w[3]);
}

bool dt_ip_is_v4(const struct dt_ip *ip)
{
	return memcmp(ip->b, v4_mapped, sizeof(v4_mapped)) == 0;
}

bool dt_ip_is_loopback(const struct dt_ip *ip)
{
	static const struct dt_ip loopback6 = {.b = {[15] = 1}};

	return dt_ip_is_v4(ip) ? ip->b[12] == 127 : dt_ip_equal(ip, &loopback6);
}

bool dt_ip_equal(const struct dt_ip *a, const struct dt_ip *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

unsigned dt_ip_family(const struct dt_ip *ip)
{
	return dt_ip_is_v4(ip) ? 4 : 6;
}

struct dt_ip dt_ip_from_v4(uint32_t addr)
{
	struct dt_ip ip;

	memcpy(ip.b, v4_mapped, sizeof(v4_mapped));
	ip.w[3] = addr;
	return ip;
}

struct dt_ip dt_ip_from_v6(const void *addr16)
{
	struct dt_ip ip;

	memcpy(ip.b, addr16, sizeof(ip.b));
	return ip;
}

uint32_t dt_ip_v4(const struct dt_ip *ip)
{
	return ip->w[3];
}

int dt_ip_parse(struct dt_ip *out, const char *text)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, text, &v4) == 1)
		*out = dt_ip_from_v4(v4.s_addr);
	else if (inet_pton(AF_INET6, text, &v6) == 1)
		*out = dt_ip_from_v6(&v6);
	else
		return -EINVAL;
	return 0;
}

const char *dt_ip_format(const struct dt_ip *ip, char *buf)
{
	if (dt_ip_is_v4(ip))
		inet_ntop(AF_INET, &ip->w[3], buf, DT_IP_STRLEN);
	else
		inet_ntop(AF_INET6, ip->b, buf, DT_IP_STRLEN);
	return buf;
}

bool dt_endpoint_equal(const struct dt_endpoint *a, const struct dt_endpoint *b)
{
	return a->port == b->port && dt_ip_equal(&a->ip, &b->ip);
}

/* Decimal without sign or leading zero, 0 to max; -1 otherwise. */
static long decimal_parse(const char *text, long max)
{
	char *end;
	long value;

	if (*text < '0' || *text > '9' || (*text == '0' && text[1]))
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return *end || errno || value > max ? -1 : value;
}

int dt_endpoint_parse(struct dt_endpoint *out, const char *text)
{
	char host[DT_IP_STRLEN + 2];
	const char *colon = strrchr(text, ':');
	struct dt_endpoint e;
	size_t len;
	long port;

	if (!colon)
		return -EINVAL;
	len = (size_t)(colon - text);
	port = decimal_parse(colon + 1, 65535);
	if (port < 1 || len >= sizeof(host))
		return -EINVAL;
	if (text[0] == '[') {
		if (len < 2 || text[len - 1] != ']')
			return -EINVAL;
		text++;
		len -= 2;
	} else if (memchr(text, ':', len)) {
		return -EINVAL;
	}
	memcpy(host, text, len);
	host[len] = '\0';
	if (dt_ip_parse(&e.ip, host))
		return -EINVAL;
	e.port = (uint16_t)port;
	*out = e;
	return 0;
}

const char *dt_endpoint_format(const struct dt_endpoint *e, char *buf)
{
	char ip[DT_IP_STRLEN];

	dt_ip_format(&e->ip, ip);
	snprintf(buf, DT_ENDPOINT_STRLEN, dt_ip_is_v4(&e->ip) ? "%s:%u" : "[%s]:%u", ip, e->port);
	return buf;
}

int dt_endpoint_from_sockaddr(struct dt_endpoint *out, const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;

	switch (sa->sa_family) {
	case AF_INET:
		out->ip = dt_ip_from_v4(v4->sin_addr.s_addr);
		out->port = ntohs(v4->sin_port);
		return 0;
	case AF_INET6:
		out->ip = dt_ip_from_v6(&v6->sin6_addr);
		out->port = ntohs(v6->sin6_port);
		return 0;
	}
	return -EAFNOSUPPORT;
}

socklen_t dt_endpoint_to_sockaddr(const struct dt_endpoint *e, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (void *)out;
	struct sockaddr_in6 *v6 = (void *)out;

	memset(out, 0, sizeof(*out));
	if (dt_ip_is_v4(&e->ip)) {
		v4->sin_family = AF_INET;
		v4->sin_addr.s_addr = e->ip.w[3];
		v4->sin_port = htons(e->port);
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	memcpy(&v6->sin6_addr, e->ip.b, sizeof(e->ip.b));
	v6->sin6_port = htons(e->port);
	return sizeof(*v6);
}

static bool prefix_bits_clear_after(const struct dt_ip *ip, unsigned len)
{
	for (unsigned bit = len; bit < 128; bit++)
		if (ip->b[bit / 8] & (0x80 >> bit % 8))
			return false;
	return true;
}

int dt_prefix_parse(struct dt_prefix *out, const char *text)
{
	char host[DT_IP_STRLEN];
	const char *slash = strchr(text, '/');
	size_t host_len = slash ? (size_t)(slash - text) : strlen(text);
	unsigned base;
	struct dt_ip ip;
	long bits;

	if (host_len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, host_len);
	host[host_len] = '\0';
	if (dt_ip_parse(&ip, host))
		return -EINVAL;
	base = strchr(host, ':') ? 0 : 96;
	bits = slash ? decimal_parse(slash + 1, 128 - base) : 128 - base;
	if (bits < 0)
		return -EINVAL;
	if (!prefix_bits_clear_after(&ip, base + (unsigned)bits))
		return -EDOM;
	out->ip = ip;
	out->len = (uint8_t)(base + bits);
	return 0;
}

unsigned dt_prefix_family(const struct dt_prefix *p)
{
	return p->len >= 96 && dt_ip_is_v4(&p->ip) ? 4 : 6;
}

bool dt_prefix_contains(const struct dt_prefix *p, const struct dt_ip *ip)
{
	unsigned bytes = p->len / 8, rest = p->len % 8;

	if (dt_prefix_family(p) != dt_ip_family(ip) || memcmp(p->ip.b, ip->b, bytes) != 0)
		return false;
	return !rest || !((p->ip.b[bytes] ^ ip->b[bytes]) >> (8 - rest));
}

const char *dt_prefix_format(const struct dt_prefix *p, char *buf)
{
	char ip[DT_IP_STRLEN];
	unsigned base = dt_prefix_family(p) == 4 ? 96 : 0;

	snprintf(buf, DT_PREFIX_STRLEN, "%s/%u", dt_ip_format(&p->ip, ip), p->len - base);
	return buf;
}
