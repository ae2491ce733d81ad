/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor/path_mtu.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/doctor/echo.h"

#define ROUNDS 4
#define ROUND_MS 500
/* Sizes that tunnels and access lines leave. */
static const size_t sizes[] = {1500, 1492, 1480, 1472, 1460, 1450, 1440, 1420, 1400, 1380, 1360, 1340,
			       1320, 1300, 1280, 1240, 1200, 1100, 1000, 900,  800,  700,  576};
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))
/* traceroute's: nobody listens there */
#define CLOSED_PORT 33434
#define UDP_HEADERS (40 + 8)

struct probe {
	const struct dt_ip *host;
	int echo_fd, udp_fd; /* negative: cannot be had */
	bool small_came, large_came;
	unsigned small_count;
	struct dt_path_mtu *out;
};

/* Packets are not fragmented here, and also go out where the kernel remembers a smaller path MTU. It tells of errors. */
static void fragments_forbid(int fd, bool v4)
{
	int probe = v4 ? IP_PMTUDISC_PROBE : IPV6_PMTUDISC_PROBE, one = 1;

	if (fd < 0)
		return;
	setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &probe, sizeof(probe));
	setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &one, sizeof(one));
	if (!v4)
		setsockopt(fd, SOL_IPV6, IPV6_DONTFRAG, &one, sizeof(one));
}

static int udp_open(const struct dt_ip *host)
{
	struct dt_endpoint to = {*host, CLOSED_PORT};
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(&to, &sa);
	int fd = socket(dt_ip_is_v4(host) ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, len) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Takes an ICMP error. False: there is none. */
static bool error_take(const struct probe *p, int fd, bool *too_large, bool *closed)
{
	char control[512];
	struct msghdr msg = {.msg_control = control, .msg_controllen = sizeof(control)};
	const struct sock_extended_err *e;

	if (fd < 0 || recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if ((c->cmsg_level != SOL_IP || c->cmsg_type != IP_RECVERR) &&
		    (c->cmsg_level != SOL_IPV6 || c->cmsg_type != IPV6_RECVERR))
			continue;
		e = (const struct sock_extended_err *)CMSG_DATA(c);
		*too_large |= (e->ee_origin == SO_EE_ORIGIN_ICMP && e->ee_type == ICMP_DEST_UNREACH &&
			       e->ee_code == ICMP_FRAG_NEEDED) ||
			      (e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_type == ICMP6_PACKET_TOO_BIG);
		*closed |= (e->ee_origin == SO_EE_ORIGIN_ICMP && e->ee_type == ICMP_DEST_UNREACH &&
			    e->ee_code == ICMP_PORT_UNREACH) ||
			   (e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_code == ICMP6_DST_UNREACH_NOPORT &&
			    e->ee_type == ICMP6_DST_UNREACH);
	}
	return true;
}

/* Takes what has come. */
static void answers_take(struct probe *p)
{
	bool closed = false;
	size_t len;

	while (error_take(p, p->echo_fd, &p->out->told, &closed) ||
	       error_take(p, p->udp_fd, &p->out->told, &p->large_came))
		;
	while ((len = dt_echo_take(p->echo_fd, p->host)) > 0) {
		if (len > p->out->passes)
			p->out->passes = len;
		p->small_came |= len < sizes[NSIZES - 1];
		p->large_came |= len >= p->out->sent;
	}
}

/* Until large packets have come back, or a router has told that they are too large; or the time is over. */
static void answers_wait(struct probe *p)
{
	uint64_t end_ns = dt_now_ns() + ROUND_MS * DT_MS, now_ns;
	struct pollfd ready[] = {{.fd = p->echo_fd, .events = POLLIN}, {.fd = p->udp_fd}};

	while ((now_ns = dt_now_ns()) < end_ns && !p->large_came && !p->out->told) {
		if (poll(ready, 2, (int)((end_ns - now_ns) / DT_MS) + 1) > 0)
			answers_take(p);
	}
}

/* The largest that this host's interface takes. */
static void largest_find(struct probe *p)
{
	for (size_t i = 0; i < NSIZES && p->out->sent == 0; i++)
		if (dt_echo_send(p->echo_fd, p->host, sizes[i]) == 0)
			p->out->sent = sizes[i];
}

static void probe_run(struct probe *p)
{
	static const uint8_t zeroes[DT_ECHO_MAX];
	struct dt_path_mtu *out = p->out;

	largest_find(p);
	for (int i = 0; i < ROUNDS && out->sent && !p->large_came && !out->told; i++) {
		p->small_came = false;
		dt_echo_send(p->echo_fd, p->host, 0);
		dt_echo_send(p->echo_fd, p->host, out->sent);
		if (p->udp_fd >= 0 && out->sent > UDP_HEADERS)
			send(p->udp_fd, zeroes, out->sent - UDP_HEADERS, MSG_NOSIGNAL);
		answers_wait(p);
		p->small_count += p->small_came;
	}
	out->lost = out->sent && !p->large_came && !out->told && p->small_count >= ROUNDS - 1;
	if (!out->lost)
		return;
	for (size_t i = 0; i < NSIZES; i++)
		if (sizes[i] < out->sent)
			dt_echo_send(p->echo_fd, p->host, sizes[i]);
	answers_wait(p);
}

void dt_path_mtu_try(struct dt_path_mtu *out, const struct dt_ip *host)
{
	struct probe p = {.host = host, .echo_fd = dt_echo_open(host), .udp_fd = -1, .out = out};

	*out = (struct dt_path_mtu){0};
	if (p.echo_fd < 0)
		return;
	p.udp_fd = udp_open(host);
	fragments_forbid(p.echo_fd, dt_ip_is_v4(host));
	fragments_forbid(p.udp_fd, dt_ip_is_v4(host));
	probe_run(&p);
	close(p.echo_fd);
	if (p.udp_fd >= 0)
		close(p.udp_fd);
}
