/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bpf/packet.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <string.h>

static uint32_t sum_add(uint32_t sum, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	if (len & 1)
		sum += (uint32_t)data[len - 1] << 8;
	return sum;
}

static uint16_t sum_end(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static uint16_t l4_sum(unsigned family, uint8_t protocol, const uint8_t *addresses, const uint8_t *l4, size_t len)
{
	uint32_t sum = sum_add(0, addresses, family == 4 ? 8 : 32);

	return sum_end(sum_add(sum + protocol + (uint32_t)len, l4, len));
}

static uint16_t tcp_sum(unsigned family, const uint8_t *addresses, const uint8_t *tcp, size_t len)
{
	return l4_sum(family, 6, addresses, tcp, len);
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htonl(value);
	memcpy(at, &value, sizeof(value));
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return ntohl(value);
}

static uint8_t *ip_build(uint8_t *ip, unsigned family, const char *src, const char *dst, uint8_t protocol, uint8_t hops,
			 size_t payload)
{
	uint16_t sum;

	if (family == 4) {
		ip[0] = 0x45;
		ip[2] = (uint8_t)((payload + 20) >> 8);
		ip[3] = (uint8_t)(payload + 20);
		ip[6] = 0x40;
		ip[8] = hops;
		ip[9] = protocol;
		inet_pton(AF_INET, src, ip + 12);
		inet_pton(AF_INET, dst, ip + 16);
		sum = sum_end(sum_add(0, ip, 20));
		ip[10] = (uint8_t)(sum >> 8);
		ip[11] = (uint8_t)sum;
		return ip + 20;
	}
	ip[0] = 0x60;
	ip[4] = (uint8_t)(payload >> 8);
	ip[5] = (uint8_t)payload;
	ip[6] = protocol;
	ip[7] = hops;
	inet_pton(AF_INET6, src, ip + 8);
	inet_pton(AF_INET6, dst, ip + 24);
	return ip + 40;
}

static size_t put(uint8_t *out, size_t at, const uint8_t *bytes, size_t len)
{
	memcpy(out + at, bytes, len);
	return at + len;
}
#define PUT(...) at = put(out, at, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static size_t join_put(uint8_t *out, size_t at, uint8_t len)
{
	memset(out + at, 0xa5, len);
	out[at] = 30;
	out[at + 1] = len;
	out[at + 2] = 0x10;
	return at + len;
}

static size_t usual_put(uint8_t *out, uint16_t mss)
{
	size_t at = 0;

	PUT(2, 4, (uint8_t)(mss >> 8), (uint8_t)mss, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7);
	return at;
}

static size_t options_put(const struct packet_spec *s, uint8_t *out)
{
	uint8_t high = (uint8_t)(s->mss >> 8), low = (uint8_t)s->mss;
	size_t at = 0;

	switch (s->options) {
	case OPT_NONE:
		break;
	case OPT_MSS:
		PUT(2, 4, high, low);
		break;
	case OPT_JOIN_SYN:
		at = join_put(out, usual_put(out, s->mss), 12);
		break;
	case OPT_JOIN_SYNACK:
		at = join_put(out, usual_put(out, s->mss), 16);
		break;
	case OPT_JOIN_ACK:
		at = join_put(out, 0, 24);
		break;
	case OPT_CAPABLE:
		PUT(2, 4, high, low, 30, 4, 0x01, 0x81);
		break;
	case OPT_JOIN_SHORT:
		PUT(2, 4, high, low);
		at = join_put(out, at, 11);
		PUT(1);
		break;
	case OPT_JOIN_LAST:
		PUT(2, 4, high, low, 0, 1, 1, 1);
		at = join_put(out, at, 12);
		break;
	case OPT_JOIN_CUT:
		PUT(2, 4, high, low, 30, 12, 0x10, 1);
		break;
	case OPT_ZERO_LEN:
		PUT(2, 4, high, low, 8, 0, 1, 1);
		at = join_put(out, at, 12);
		break;
	case OPT_MSS_ODD:
		PUT(1, 2, 4, high, low, 1, 1, 1);
		at = join_put(out, at, 12);
		break;
	case OPT_JOIN_NO_MSS:
		at = join_put(out, 0, 12);
		break;
	}
	return at;
}

unsigned packet_tcp_len(const struct packet_spec *s)
{
	uint8_t options[64];

	return 20 + (unsigned)options_put(s, options);
}

size_t packet_build(const struct packet_spec *s, uint8_t *out)
{
	uint8_t *ip = out + ETH_HLEN, *tcp = ip + (s->family == 4 ? 20 : 40), options[64] = {0};
	size_t options_len = options_put(s, options), tcp_len = 20 + options_len, total;
	uint16_t sum;

	memset(out, 0, 2048);
	out[12] = s->family == 4 ? 0x08 : 0x86;
	out[13] = s->family == 4 ? 0x00 : 0xdd;
	total = tcp_len + s->payload;
	ip_build(ip, s->family, s->src, s->dst, 6, s->hops, total);
	tcp[0] = (uint8_t)(s->sport >> 8);
	tcp[1] = (uint8_t)s->sport;
	tcp[2] = (uint8_t)(s->dport >> 8);
	tcp[3] = (uint8_t)s->dport;
	put32(tcp + 4, s->seq);
	put32(tcp + 8, s->ack);
	tcp[12] = (uint8_t)(tcp_len / 4 << 4);
	tcp[13] = s->flags;
	tcp[14] = (uint8_t)(s->window >> 8);
	tcp[15] = (uint8_t)s->window;
	memcpy(tcp + 20, options, options_len);
	for (size_t i = 0; i < s->payload; i++)
		tcp[tcp_len + i] = (uint8_t)(i * 7 + 3);
	sum = tcp_sum(s->family, s->family == 4 ? ip + 12 : ip + 8, tcp, total);
	tcp[16] = (uint8_t)(sum >> 8);
	tcp[17] = (uint8_t)sum;
	return (size_t)(tcp - out) + total;
}

static uint16_t mss_find(const uint8_t *options, size_t len)
{
	for (size_t at = 0; at + 1 < len;) {
		if (options[at] == 0)
			break;
		if (options[at] == 1) {
			at++;
			continue;
		}
		if (options[at] == 2 && at + 3 < len)
			return (uint16_t)(options[at + 2] << 8 | options[at + 3]);
		if (options[at + 1] < 2)
			break;
		at += options[at + 1];
	}
	return 0;
}

/* An IP packet of which the first quoted bytes are there. Returns its TCP header, NULL: it is none. */
static const uint8_t *ip_read(const uint8_t *ip, struct packet_seen *out, size_t *l4_len)
{
	out->family = ip[0] >> 4;
	if (out->family == 4) {
		inet_ntop(AF_INET, ip + 12, out->src, sizeof(out->src));
		inet_ntop(AF_INET, ip + 16, out->dst, sizeof(out->dst));
		out->hops = ip[8];
		out->ip_sum_ok = sum_end(sum_add(0, ip, 20)) == 0;
		*l4_len = (size_t)(ip[2] << 8 | ip[3]) - 20;
		return ip[9] == 6 ? ip + 20 : NULL;
	}
	inet_ntop(AF_INET6, ip + 8, out->src, sizeof(out->src));
	inet_ntop(AF_INET6, ip + 24, out->dst, sizeof(out->dst));
	out->hops = ip[7];
	out->ip_sum_ok = true;
	*l4_len = (size_t)(ip[4] << 8 | ip[5]);
	return ip[6] == 6 ? ip + 40 : NULL;
}

static bool tcp_read(const uint8_t *ip, size_t len, struct packet_seen *out)
{
	size_t l4_len, tcp_len;
	const uint8_t *tcp = ip_read(ip, out, &l4_len);

	if (!tcp || (size_t)(tcp - ip) + 8 > len)
		return false;
	out->sport = (uint16_t)(tcp[0] << 8 | tcp[1]);
	out->dport = (uint16_t)(tcp[2] << 8 | tcp[3]);
	if ((size_t)(tcp - ip) + l4_len > len || l4_len < 20)
		return false;
	out->flags = tcp[13];
	tcp_len = (size_t)(tcp[12] >> 4) * 4;
	out->mss = mss_find(tcp + 20, tcp_len - 20);
	out->tcp_sum_ok = tcp_sum(out->family, out->family == 4 ? ip + 12 : ip + 8, tcp, l4_len) == 0;
	out->payload = l4_len - tcp_len;
	for (size_t i = 0; i < out->payload; i++)
		out->payload_hash = out->payload_hash * 31 + tcp[tcp_len + i];
	return true;
}

bool packet_read(const uint8_t *frame, size_t len, struct packet_seen *out)
{
	memset(out, 0, sizeof(*out));
	return len >= ETH_HLEN + 40 && tcp_read(frame + ETH_HLEN, len - ETH_HLEN, out);
}

size_t icmp_build(const struct icmp_spec *s, uint8_t *out)
{
	unsigned family = s->quoted.family;
	size_t headers = family == 4 ? 20 : 40, quoted = headers + s->quoted_tcp;
	uint8_t frame[2048], protocol = family == 4 ? 1 : 58, *icmp;
	uint16_t sum;

	packet_build(&s->quoted, frame);
	memset(out, 0, 2048);
	memcpy(out + 12, frame + 12, 2);
	icmp = ip_build(out + ETH_HLEN, family, s->src, s->dst, protocol, s->hops, 8 + quoted);
	icmp[0] = s->type;
	icmp[1] = s->code;
	put32(icmp + 4, s->rest);
	memcpy(icmp + 8, frame + ETH_HLEN, quoted);
	sum = family == 4 ? sum_end(sum_add(0, icmp, 8 + quoted))
			  : l4_sum(6, protocol, out + ETH_HLEN + 8, icmp, 8 + quoted);
	icmp[2] = (uint8_t)(sum >> 8);
	icmp[3] = (uint8_t)sum;
	return (size_t)(icmp - out) + 8 + quoted;
}

bool icmp_read(const uint8_t *frame, size_t len, struct icmp_seen *out)
{
	const uint8_t *ip = frame + ETH_HLEN, *icmp, *tcp;
	struct packet_seen outer = {0};
	unsigned family = ip[0] >> 4;
	size_t l4_len, headers = family == 4 ? 20 : 40, quoted_len;

	memset(out, 0, sizeof(*out));
	if (len < ETH_HLEN + headers + 8 + headers + 8 || ip[family == 4 ? 9 : 6] != (family == 4 ? 1 : 58))
		return false;
	ip_read(ip, &outer, &l4_len);
	if (ETH_HLEN + headers + l4_len != len)
		return false;
	memcpy(out->src, outer.src, sizeof(out->src));
	memcpy(out->dst, outer.dst, sizeof(out->dst));
	out->hops = outer.hops;
	out->ip_sum_ok = outer.ip_sum_ok;
	icmp = ip + headers;
	out->type = icmp[0];
	out->code = icmp[1];
	out->rest = get32(icmp + 4);
	out->icmp_sum_ok = (family == 4 ? sum_end(sum_add(0, icmp, l4_len)) : l4_sum(6, 58, ip + 8, icmp, l4_len)) == 0;
	tcp = ip_read(icmp + 8, &out->quoted, &quoted_len);
	if (!tcp)
		return false;
	out->quoted_seq = get32(tcp + 4);
	/* cut short it has no flags, no payload and no checksum */
	tcp_read(icmp + 8, l4_len - 8, &out->quoted);
	return true;
}
