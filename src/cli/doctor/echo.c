/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor/echo.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/checksum.h"
#include "net/raw.h"

size_t dt_echo_headers(const struct dt_ip *host)
{
	return (dt_ip_is_v4(host) ? sizeof(struct iphdr) : sizeof(struct ip6_hdr)) + sizeof(struct icmphdr);
}

int dt_echo_open(const struct dt_ip *host)
{
	return dt_raw_open(host, dt_ip_is_v4(host) ? IPPROTO_ICMP : IPPROTO_ICMPV6);
}

/* The id is the process's, so that answers to other programs' pings do not count. */
int dt_echo_send(int fd, const struct dt_ip *host, size_t len)
{
	struct icmphdr echo = {.type = dt_ip_is_v4(host) ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
			       .un.echo.id = htons((uint16_t)getpid())};
	size_t ip_header = dt_echo_headers(host) - sizeof(echo);
	uint8_t packet[DT_ECHO_MAX] = {0};

	if (len < ip_header + sizeof(echo) + 2)
		len = ip_header + sizeof(echo) + 2;
	if (len > sizeof(packet))
		return -EMSGSIZE;
	len -= ip_header;
	memcpy(packet, &echo, sizeof(echo));
	/* the kernel computes that of ICMPv6 */
	echo.checksum = dt_ip_is_v4(host) ? dt_checksum(packet, len) : 0;
	memcpy(packet, &echo, sizeof(echo));
	return send(fd, packet, len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

size_t dt_echo_take(int fd, const struct dt_ip *host)
{
	bool v4 = dt_ip_is_v4(host);
	uint8_t in[DT_ECHO_MAX + 60];
	struct icmphdr echo;
	ssize_t got;

	while ((got = recv(fd, in, sizeof(in), MSG_DONTWAIT)) > 0) {
		size_t at = v4 ? (size_t)(in[0] & 15) * 4 : 0, len = (size_t)got;

		if (len < at + sizeof(echo))
			continue;
		memcpy(&echo, in + at, sizeof(echo));
		if (echo.type == (v4 ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) &&
		    echo.un.echo.id == htons((uint16_t)getpid()))
			return v4 ? len : len + sizeof(struct ip6_hdr);
	}
	return 0;
}
