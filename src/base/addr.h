/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * IP addresses, endpoints and prefixes. Both families have one form inside: struct dt_ip, 16 bytes, IPv4 as
 * v4-mapped. So ::ffff:a.b.c.d and a.b.c.d are the same address everywhere.
 */
#ifndef DETOURD_BASE_ADDR_H
#define DETOURD_BASE_ADDR_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <netinet/in.h>

#include "detourd/maps.h"

#define DT_IP_STRLEN 46	      /* INET6_ADDRSTRLEN */
#define DT_ENDPOINT_STRLEN 56 /* [address]:port */
#define DT_PREFIX_STRLEN 52

/* An address and a port in host byte order; port 0 in a reply or table means "none". */
struct dt_endpoint {
	struct dt_ip ip;
	uint16_t port;
};

/* len counts bits of the 16-byte form: 10.0.0.0/8 has 104. A prefix never matches an address of the other family. */
struct dt_prefix {
	struct dt_ip ip;
	uint8_t len;
};

/* Inclusive, host byte order. */
struct dt_port_range {
	uint16_t min;
	uint16_t max;
};

/* All zeroes: no address. */
bool dt_ip_is_unset(const struct dt_ip *ip);
bool dt_ip_is_v4(const struct dt_ip *ip);
/* 127.0.0.0/8 or ::1. */
bool dt_ip_is_loopback(const struct dt_ip *ip);
bool dt_ip_equal(const struct dt_ip *a, const struct dt_ip *b);
/* 4 or 6. */
unsigned dt_ip_family(const struct dt_ip *ip);
/* addr in network byte order. */
struct dt_ip dt_ip_from_v4(uint32_t addr);
struct dt_ip dt_ip_from_v6(const void *addr16);
/* The IPv4 address in network byte order; only for dt_ip_is_v4(). */
uint32_t dt_ip_v4(const struct dt_ip *ip);
/* Numeric IPv4 or IPv6, without brackets or zone; -EINVAL otherwise, *out untouched. */
int dt_ip_parse(struct dt_ip *out, const char *text);
/* buf holds DT_IP_STRLEN bytes; returns buf. */
const char *dt_ip_format(const struct dt_ip *ip, char *buf);

bool dt_endpoint_equal(const struct dt_endpoint *a, const struct dt_endpoint *b);
/* "a.b.c.d:port" or "[v6]:port"; -EINVAL otherwise. */
int dt_endpoint_parse(struct dt_endpoint *out, const char *text);
const char *dt_endpoint_format(const struct dt_endpoint *e, char *buf);
/* Takes v4-mapped addresses as IPv4; -EAFNOSUPPORT for other families. */
int dt_endpoint_from_sockaddr(struct dt_endpoint *out, const struct sockaddr *sa);
/* AF_INET for IPv4, else AF_INET6; returns the length. */
socklen_t dt_endpoint_to_sockaddr(const struct dt_endpoint *e, struct sockaddr_storage *out);

/* "address" or "address/bits"; -EINVAL for bad text, -EDOM for set host bits. */
int dt_prefix_parse(struct dt_prefix *out, const char *text);
bool dt_prefix_contains(const struct dt_prefix *p, const struct dt_ip *ip);
const char *dt_prefix_format(const struct dt_prefix *p, char *buf);
/* 4 or 6. */
unsigned dt_prefix_family(const struct dt_prefix *p);

static inline bool dt_port_range_contains(const struct dt_port_range *r, uint16_t port)
{
	return port >= r->min && port <= r->max;
}

#endif
