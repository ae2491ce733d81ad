/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/segment.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <string.h>

/* Where the IPv4 header ends, if it leads to unfragmented TCP or ICMP. 0: it does not. */
static size_t ip4_skip(const uint8_t *in, size_t len, uint8_t protocol)
{
	struct iphdr ip;
	size_t head;

	if (len < sizeof(ip))
		return 0;
	memcpy(&ip, in, sizeof(ip));
	head = (size_t)ip.ihl * 4;
	if (ip.version != 4 || head < sizeof(ip) || head > len || ip.protocol != protocol ||
	    ntohs(ip.frag_off) & IP_OFFMASK)
		return 0;
	return head;
}

static int tcp_parse(struct dt_segment *out, const uint8_t *in, size_t len)
{
	struct tcphdr tcp;
	size_t head;

	if (len < sizeof(tcp))
		return -EBADMSG;
	memcpy(&tcp, in, sizeof(tcp));
	head = (size_t)tcp.doff * 4;
	if (head < sizeof(tcp) || head > len)
		return -EBADMSG;
	*out = (struct dt_segment){
		.from = ntohs(tcp.source),
		.to = ntohs(tcp.dest),
		.syn = tcp.syn,
		.ack = tcp.ack,
		.rst = tcp.rst,
		.options = in + sizeof(tcp),
		.options_len = head - sizeof(tcp),
	};
	return 0;
}

int dt_segment_parse(struct dt_segment *out, const void *in, size_t len, bool v4)
{
	size_t at = v4 ? ip4_skip(in, len, IPPROTO_TCP) : 0;

	return v4 && at == 0 ? -EBADMSG : tcp_parse(out, (const uint8_t *)in + at, len - at);
}

static int quoted4(struct dt_segment *out, const uint8_t *in, size_t len)
{
	size_t at = ip4_skip(in, len, IPPROTO_ICMP), ip;

	if (at == 0 || len - at < sizeof(struct icmphdr) || in[at] != ICMP_TIME_EXCEEDED)
		return -EBADMSG;
	at += sizeof(struct icmphdr);
	ip = ip4_skip(in + at, len - at, IPPROTO_TCP);
	return ip == 0 ? -EBADMSG : tcp_parse(out, in + at + ip, len - at - ip);
}

static int quoted6(struct dt_segment *out, const uint8_t *in, size_t len)
{
	size_t at = sizeof(struct icmp6_hdr);
	struct ip6_hdr ip;

	if (len < at + sizeof(ip) || in[0] != ICMP6_TIME_EXCEEDED)
		return -EBADMSG;
	memcpy(&ip, in + at, sizeof(ip));
	at += sizeof(ip);
	return ip.ip6_nxt != IPPROTO_TCP ? -EBADMSG : tcp_parse(out, in + at, len - at);
}

int dt_segment_quoted(struct dt_segment *out, const void *in, size_t len, bool v4)
{
	return v4 ? quoted4(out, in, len) : quoted6(out, in, len);
}

const uint8_t *dt_segment_mptcp(const struct dt_segment *s, enum dt_mptcp_subtype subtype, size_t *len)
{
	const uint8_t *at = s->options, *end = at + s->options_len;

	while (end - at >= 2 && *at != TCPOPT_EOL) {
		if (*at == TCPOPT_NOP) {
			at++;
			continue;
		}
		if (at[1] < 2 || at[1] > end - at)
			return NULL;
		if (*at == DT_MPTCP_KIND && at[1] > 2 && at[2] >> 4 == subtype) {
			*len = (size_t)at[1] - 2;
			return at + 2;
		}
		at += at[1];
	}
	return NULL;
}
