/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The Internet checksum (RFC 1071) of packets that raw sockets send. */
#ifndef DETOURD_NET_CHECKSUM_H
#define DETOURD_NET_CHECKSUM_H

#include "base/addr.h"

/* Of these bytes, in network byte order. */
uint16_t dt_checksum(const void *data, size_t len);
/* Of a TCP segment whose own checksum is 0, with its pseudo-header (RFC 9293, 3.1), in network byte order. */
uint16_t dt_checksum_tcp(const struct dt_ip *from, const struct dt_ip *to, const void *tcp, size_t len);

#endif
