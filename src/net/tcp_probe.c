/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/tcp_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "net/checksum.h"

#define TTL 64
#define TIMESTAMPS_LEN 12 /* with two NOPs that align it */
/* The peer drops the segment before it reads the window, but middleboxes may read it. */
#define WINDOW 512

#ifndef IPV6_HDRINCL
#define IPV6_HDRINCL 36
#endif

static size_t ip4_write(uint8_t *out, const struct dt_tcp_probe *probe, size_t tcp_len)
{
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = TTL, .protocol = IPPROTO_TCP};

	ip.tot_len = htons((uint16_t)(sizeof(ip) + tcp_len));
	ip.frag_off = htons(IP_DF);
	ip.saddr = dt_ip_v4(&probe->local.ip);
	ip.daddr = dt_ip_v4(&probe->remote.ip);
	ip.check = dt_checksum(&ip, sizeof(ip));
	memcpy(out, &ip, sizeof(ip));
	return sizeof(ip);
}

static size_t ip6_write(uint8_t *out, const struct dt_tcp_probe *probe, size_t tcp_len)
{
	struct ip6_hdr ip = {0};

	ip.ip6_flow = htonl(6U << 28 | probe->flow_label);
	ip.ip6_plen = htons((uint16_t)tcp_len);
	ip.ip6_nxt = IPPROTO_TCP;
	ip.ip6_hlim = TTL;
	memcpy(&ip.ip6_src, probe->local.ip.b, sizeof(ip.ip6_src));
	memcpy(&ip.ip6_dst, probe->remote.ip.b, sizeof(ip.ip6_dst));
	memcpy(out, &ip, sizeof(ip));
	return sizeof(ip);
}

static void timestamps_write(uint8_t *out, const struct dt_tcp_probe *probe)
{
	const uint8_t head[] = {TCPOPT_NOP, TCPOPT_NOP, TCPOPT_TIMESTAMP, TCPOLEN_TIMESTAMP};
	const uint32_t value = htonl(probe->tsval), echo = htonl(probe->tsecr);

	memcpy(out, head, sizeof(head));
	memcpy(out + 4, &value, sizeof(value));
	memcpy(out + 8, &echo, sizeof(echo));
}

size_t dt_tcp_probe_write(uint8_t out[DT_TCP_PROBE_LEN_MAX], const struct dt_tcp_probe *probe)
{
	size_t head = sizeof(struct tcphdr) + (probe->timestamps ? TIMESTAMPS_LEN : 0);
	size_t tcp_len = head + (probe->with_byte ? 1 : 0);
	struct tcphdr tcp = {0};
	size_t at = dt_ip_is_v4(&probe->local.ip) ? ip4_write(out, probe, tcp_len) : ip6_write(out, probe, tcp_len);

	tcp.source = htons(probe->local.port);
	tcp.dest = htons(probe->remote.port);
	tcp.seq = htonl(probe->with_byte ? dt_tcp_probe_byte(probe->snd_una) : probe->snd_una - 1);
	tcp.ack_seq = htonl(probe->rcv_nxt);
	tcp.doff = (uint16_t)(head / 4) & 0xf;
	tcp.ack = 1;
	tcp.window = htons(WINDOW);
	memset(out + at, 0, tcp_len);
	memcpy(out + at, &tcp, sizeof(tcp));
	if (probe->timestamps)
		timestamps_write(out + at + sizeof(tcp), probe);
	tcp.check = dt_checksum_tcp(&probe->local.ip, &probe->remote.ip, out + at, tcp_len);
	memcpy(out + at, &tcp, sizeof(tcp));
	return at + tcp_len;
}

int dt_tcp_prober_open(struct dt_tcp_prober *p)
{
	int one = 1;

	p->fd4 = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	if (p->fd4 < 0)
		return -errno;
	p->fd6 = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
	if (p->fd6 >= 0 && setsockopt(p->fd6, IPPROTO_IPV6, IPV6_HDRINCL, &one, sizeof(one)) < 0) {
		close(p->fd6);
		p->fd6 = -1;
	}
	return 0;
}

void dt_tcp_prober_close(struct dt_tcp_prober *p)
{
	if (p->fd4 > 0)
		close(p->fd4);
	if (p->fd6 > 0)
		close(p->fd6);
	p->fd4 = p->fd6 = -1;
}

/* The packet has its source address; this makes the kernel choose the route by it, and by the device. */
static void source_set(struct msghdr *msg, const struct dt_ip *source, uint32_t device)
{
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg);

	if (dt_ip_is_v4(source)) {
		struct in_pktinfo info = {.ipi_ifindex = (int)device, .ipi_spec_dst.s_addr = dt_ip_v4(source)};

		*cmsg = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IP, IP_PKTINFO};
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	} else {
		struct in6_pktinfo info = {.ipi6_ifindex = device};

		memcpy(&info.ipi6_addr, source->b, sizeof(info.ipi6_addr));
		*cmsg = (struct cmsghdr){CMSG_LEN(sizeof(info)), IPPROTO_IPV6, IPV6_PKTINFO};
		memcpy(CMSG_DATA(cmsg), &info, sizeof(info));
		msg->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

int dt_tcp_prober_send(const struct dt_tcp_prober *p, const struct dt_tcp_probe *probe)
{
	union {
		struct cmsghdr align;
		uint8_t bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} control = {0};
	uint8_t packet[DT_TCP_PROBE_LEN_MAX];
	struct dt_endpoint to = {probe->remote.ip, 0}; /* raw sockets want no port */
	struct sockaddr_storage sa;
	struct iovec iov = {packet, dt_tcp_probe_write(packet, probe)};
	struct msghdr msg = {.msg_name = &sa, .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control};
	int fd = dt_ip_is_v4(&probe->local.ip) ? p->fd4 : p->fd6;

	if (fd < 0)
		return -EAFNOSUPPORT;
	msg.msg_namelen = dt_endpoint_to_sockaddr(&to, &sa);
	msg.msg_controllen = sizeof(control);
	source_set(&msg, &probe->local.ip, probe->device);
	return sendmsg(fd, &msg, 0) < 0 ? -errno : 0;
}
