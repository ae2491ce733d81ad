/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pings: ICMP echoes to one host. */
#ifndef DETOURD_CLI_DOCTOR_ECHO_H
#define DETOURD_CLI_DOCTOR_ECHO_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

/* IP and ICMP headers of an echo to this host, bytes. */
size_t dt_echo_headers(const struct dt_ip *host);
/* A raw socket connected to the host, so that it hears of no other. Or a negative errno. Needs CAP_NET_RAW. */
int dt_echo_open(const struct dt_ip *host);
/*
 * Sends an echo whose IP packet has len bytes (at most DT_ECHO_MAX, at least dt_echo_headers() + 2; else it is made that
 * long). 0, or a negative errno: -EMSGSIZE where the interface is too small.
 */
int dt_echo_send(int fd, const struct dt_ip *host, size_t len);
#define DT_ECHO_MAX 1500
/* Takes an answer to an echo of dt_echo_send() on this socket. Its IP packet's length; 0: there is none. */
size_t dt_echo_take(int fd, const struct dt_ip *host);

#endif
