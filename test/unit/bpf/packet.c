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

static uint16_t tcp_sum(unsigned family, const uint8_t *addresses, const uint8_t *tcp, size_t len)
{
	uint32_t sum = sum_add(0, addresses, family == 4 ? 8 : 32);

	return sum_end(sum_add(sum + 6 + (uint32_t)len, tcp, len));
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

size_t packet_build(const struct packet_spec *s, uint8_t *out)
{
	uint8_t *ip = out + ETH_HLEN, *tcp = ip + (s->family == 4 ? 20 : 40), options[64] = {0};
	size_t options_len = options_put(s, options), tcp_len = 20 + options_len, total;
	uint16_t sum;

	memset(out, 0, 2048);
	out[12] = s->family == 4 ? 0x08 : 0x86;
	out[13] = s->family == 4 ? 0x00 : 0xdd;
	total = tcp_len + s->payload;
	if (s->family == 4) {
		ip[0] = 0x45;
		ip[2] = (uint8_t)((total + 20) >> 8);
		ip[3] = (uint8_t)(total + 20);
		ip[6] = 0x40;
		ip[8] = s->hops;
		ip[9] = 6;
		inet_pton(AF_INET, s->src, ip + 12);
		inet_pton(AF_INET, s->dst, ip + 16);
		sum = sum_end(sum_add(0, ip, 20));
		ip[10] = (uint8_t)(sum >> 8);
		ip[11] = (uint8_t)sum;
	} else {
		ip[0] = 0x60;
		ip[4] = (uint8_t)(total >> 8);
		ip[5] = (uint8_t)total;
		ip[6] = 6;
		ip[7] = s->hops;
		inet_pton(AF_INET6, s->src, ip + 8);
		inet_pton(AF_INET6, s->dst, ip + 24);
	}
	tcp[0] = (uint8_t)(s->sport >> 8);
	tcp[1] = (uint8_t)s->sport;
	tcp[2] = (uint8_t)(s->dport >> 8);
	tcp[3] = (uint8_t)s->dport;
	tcp[4] = 0x12;
	tcp[12] = (uint8_t)(tcp_len / 4 << 4);
	tcp[13] = s->flags;
	tcp[14] = 0xff;
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

bool packet_read(const uint8_t *frame, size_t len, struct packet_seen *out)
{
	const uint8_t *ip = frame + ETH_HLEN, *tcp;
	size_t l4_len, tcp_len;

	memset(out, 0, sizeof(*out));
	if (len < ETH_HLEN + 40)
		return false;
	out->family = ip[0] >> 4;
	if (out->family == 4) {
		inet_ntop(AF_INET, ip + 12, out->src, sizeof(out->src));
		inet_ntop(AF_INET, ip + 16, out->dst, sizeof(out->dst));
		out->hops = ip[8];
		out->ip_sum_ok = sum_end(sum_add(0, ip, 20)) == 0;
		l4_len = (size_t)(ip[2] << 8 | ip[3]) - 20;
		tcp = ip + 20;
	} else {
		inet_ntop(AF_INET6, ip + 8, out->src, sizeof(out->src));
		inet_ntop(AF_INET6, ip + 24, out->dst, sizeof(out->dst));
		out->hops = ip[7];
		out->ip_sum_ok = true;
		l4_len = (size_t)(ip[4] << 8 | ip[5]);
		tcp = ip + 40;
	}
	if ((size_t)(tcp - frame) + l4_len > len || l4_len < 20)
		return false;
	out->sport = (uint16_t)(tcp[0] << 8 | tcp[1]);
	out->dport = (uint16_t)(tcp[2] << 8 | tcp[3]);
	out->flags = tcp[13];
	tcp_len = (size_t)(tcp[12] >> 4) * 4;
	out->mss = mss_find(tcp + 20, tcp_len - 20);
	out->tcp_sum_ok = tcp_sum(out->family, out->family == 4 ? ip + 12 : ip + 8, tcp, l4_len) == 0;
	out->payload = l4_len - tcp_len;
	for (size_t i = 0; i < out->payload; i++)
		out->payload_hash = out->payload_hash * 31 + tcp[tcp_len + i];
	return true;
}
