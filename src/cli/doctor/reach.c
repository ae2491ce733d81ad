/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor/reach.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/doctor/echo.h"
#include "proto/message.h"

/* RFC 4443, section 3.1 */
#define UNREACH_POLICY 5
#define UNREACH_REJECT_ROUTE 6
#define TRIES 3
#define TRY_MS 1000
/* For the answer of the next port and to the ping. */
#define LOOK_MS 1500

/* --- sockets ----------------------------------------------------------------------------------- */

/* A UDP socket that hears of ICMP errors, connected; or a negative errno. */
static int udp_open(const struct dt_endpoint *to)
{
	bool v4 = dt_ip_is_v4(&to->ip);
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1, err = 0;
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(to, &sa);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &one, sizeof(one)) < 0 ||
	    connect(fd, (struct sockaddr *)&sa, len) < 0)
		err = -errno;
	if (err)
		close(fd);
	return err ? err : fd;
}

static enum dt_reach icmp_verdict(const struct sock_extended_err *e, bool from_relay)
{
	if (e->ee_origin == SO_EE_ORIGIN_ICMP && e->ee_type == ICMP_DEST_UNREACH)
		switch (e->ee_code) {
		case ICMP_PORT_UNREACH:
			return from_relay ? DT_REACH_CLOSED : DT_REACH_REJECTED;
		case ICMP_NET_ANO:
		case ICMP_HOST_ANO:
		case ICMP_PKT_FILTERED:
		case ICMP_PROT_UNREACH:
			return DT_REACH_REJECTED;
		default:
			return DT_REACH_UNREACHABLE;
		}
	if (e->ee_origin == SO_EE_ORIGIN_ICMP6 && e->ee_type == ICMP6_DST_UNREACH)
		switch (e->ee_code) {
		case ICMP6_DST_UNREACH_NOPORT:
			return from_relay ? DT_REACH_CLOSED : DT_REACH_REJECTED;
		case ICMP6_DST_UNREACH_ADMIN:
		case UNREACH_POLICY:
		case UNREACH_REJECT_ROUTE:
			return DT_REACH_REJECTED;
		default:
			return DT_REACH_UNREACHABLE;
		}
	return DT_REACH_SILENT;
}

/* Takes one ICMP error from the queue. False: there is none that says something. */
static bool error_take(int fd, const struct dt_endpoint *to, struct dt_reach_result *out)
{
	char control[512];
	struct msghdr msg = {.msg_control = control, .msg_controllen = sizeof(control)};
	const struct sock_extended_err *e;
	struct dt_endpoint by;

	if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if ((c->cmsg_level != SOL_IP || c->cmsg_type != IP_RECVERR) &&
		    (c->cmsg_level != SOL_IPV6 || c->cmsg_type != IPV6_RECVERR))
			continue;
		e = (const struct sock_extended_err *)CMSG_DATA(c);
		if (dt_endpoint_from_sockaddr(&by, SO_EE_OFFENDER(e)) == 0)
			out->by = by.ip;
		out->reach = icmp_verdict(e, dt_ip_equal(&out->by, &to->ip));
		return out->reach != DT_REACH_SILENT;
	}
	return false;
}

/* --- the relay's port -------------------------------------------------------------------------- */

struct ping {
	struct dt_seal_header header;
	const struct dt_pair_keys *keys;
};

static int ping_send(struct ping *p, int fd)
{
	uint8_t plain[DT_WIRE_REQUEST_PLAIN], out[DT_WIRE_MAX];
	struct dt_message ping = {.op = DT_OP_PING};
	int len = dt_message_encode(&ping, plain, sizeof(plain));

	p->header.counter++;
	len = len < 0 ? len : dt_seal(p->keys, &p->header, plain, (size_t)len, out, sizeof(out));
	if (len < 0)
		return len;
	return send(fd, out, (size_t)len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Is there an authentic reply to one of these pings? */
static bool reply_take(const struct ping *p, int fd)
{
	uint8_t in[DT_WIRE_MAX + 1], plain[DT_WIRE_REQUEST_PLAIN];
	struct dt_seal_header header;
	struct dt_message m;
	ssize_t got;
	int len;

	while ((got = recv(fd, in, sizeof(in), MSG_DONTWAIT)) >= 0) {
		len = dt_open(p->keys, in, (size_t)got, &header, plain, sizeof(plain));
		if (len >= 0 && dt_message_decode(&m, plain, (size_t)len) == 0 && m.op == (DT_OP_PING | DT_OP_REPLY) &&
		    memcmp(m.echo_session, p->header.session, DT_SESSION_LEN) == 0)
			return true;
	}
	return false;
}

/* True: *out says what came of it. */
static bool port_listen(struct dt_reach_result *out, const struct ping *p, int fd, const struct dt_endpoint *relay)
{
	uint64_t end_ns = dt_now_ns() + TRY_MS * DT_MS, now_ns;
	struct pollfd ready = {.fd = fd, .events = POLLIN};

	while ((now_ns = dt_now_ns()) < end_ns) {
		if (poll(&ready, 1, (int)((end_ns - now_ns) / DT_MS) + 1) <= 0)
			continue;
		if (reply_take(p, fd)) {
			out->reach = DT_REACH_ANSWERED;
			return true;
		}
		if (error_take(fd, relay, out))
			return true;
	}
	return false;
}

static void port_try(struct dt_reach_result *out, int fd, const struct dt_endpoint *relay,
		     const struct dt_pair_keys *keys)
{
	struct ping p = {.keys = keys};
	int err = fd;

	randombytes_buf(p.header.session, sizeof(p.header.session));
	for (int i = 0; fd >= 0 && i < TRIES; i++) {
		err = ping_send(&p, fd);
		/* an ICMP error to an earlier one */
		if (err && error_take(fd, relay, out))
			break;
		if (err == -EPERM || err == -ENETUNREACH || err == -EHOSTUNREACH || err == -EACCES || err == -EINVAL)
			break;
		err = 0;
		if (port_listen(out, &p, fd, relay))
			break;
	}
	if (err < 0 && out->reach == DT_REACH_SILENT) {
		out->reach = err == -EPERM ? DT_REACH_FORBIDDEN : DT_REACH_NO_ROUTE;
		out->error = err;
	}
}

/* --- around it --------------------------------------------------------------------------------- */

/*
 * What else the host says, where its port is silent. An ICMP error to the pings may still come: a router looks three
 * seconds for a neighbour before it says that there is none.
 */
static void host_try(struct dt_reach_result *out, int fd, const struct dt_endpoint *relay)
{
	struct dt_endpoint next = {relay->ip, relay->port == 65535 ? 65534 : relay->port + 1};
	uint64_t end_ns = dt_now_ns() + LOOK_MS * DT_MS, now_ns;
	struct dt_reach_result other = {.reach = DT_REACH_SILENT};
	bool closed = false, alive = false;
	struct pollfd ready[] = {{.fd = udp_open(&next), .events = POLLIN},
				 {.fd = dt_echo_open(&relay->ip), .events = POLLIN},
				 {.fd = fd, .events = POLLIN}};

	if (ready[0].fd >= 0)
		send(ready[0].fd, "", 1, MSG_NOSIGNAL);
	if (ready[1].fd >= 0)
		dt_echo_send(ready[1].fd, &relay->ip, 0);
	while (!closed && (now_ns = dt_now_ns()) < end_ns) {
		if (poll(ready, 3, (int)((end_ns - now_ns) / DT_MS) + 1) <= 0)
			continue;
		if (error_take(fd, relay, out))
			break;
		closed = ready[0].fd >= 0 && error_take(ready[0].fd, &next, &other) && other.reach == DT_REACH_CLOSED;
		alive |= ready[1].fd >= 0 && dt_echo_take(ready[1].fd, &relay->ip) > 0;
		if (ready[1].revents & POLLERR || alive)
			ready[1].events = 0;
	}
	for (int i = 0; i < 2; i++)
		if (ready[i].fd >= 0)
			close(ready[i].fd);
	if (out->reach == DT_REACH_SILENT)
		out->reach = closed ? DT_REACH_IGNORED : alive ? DT_REACH_FILTERED : DT_REACH_SILENT;
}

void dt_reach_try(struct dt_reach_result *out, const struct dt_endpoint *relay, const struct dt_pair_keys *keys)
{
	int fd = udp_open(relay);

	memset(out, 0, sizeof(*out));
	out->reach = DT_REACH_SILENT;
	port_try(out, fd, relay, keys);
	if (out->reach == DT_REACH_SILENT)
		host_try(out, fd, relay);
	if (fd >= 0)
		close(fd);
}
