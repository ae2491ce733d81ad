/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/syn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sodium.h>
#include <string.h>

#include "net/checksum.h"
#include "net/segment.h"

#define WINDOW 65535
#define VERSION 1
#define HMAC_SHA256 0x01

void dt_syn_capable(struct dt_syn *syn, const struct dt_endpoint *from, const struct dt_endpoint *to)
{
	*syn = (struct dt_syn){
		.from = *from,
		.to = *to,
		.seq = randombytes_random(),
		.option = {DT_MPTCP_KIND, 4, DT_MPTCP_CAPABLE << 4 | VERSION, HMAC_SHA256},
		.option_len = 4,
	};
}

void dt_syn_join(struct dt_syn *syn, const struct dt_endpoint *from, const struct dt_endpoint *to, uint32_t token)
{
	uint32_t words[2] = {htonl(token), randombytes_random()};

	*syn = (struct dt_syn){
		.from = *from,
		.to = *to,
		.seq = randombytes_random(),
		.option = {DT_MPTCP_KIND, 12, DT_MPTCP_JOIN << 4, 1 /* address id */},
		.option_len = 12,
	};
	memcpy(syn->option + 4, words, sizeof(words));
}

size_t dt_syn_write(uint8_t out[DT_SYN_LEN_MAX], const struct dt_syn *syn)
{
	size_t len = sizeof(struct tcphdr) + syn->option_len;
	struct tcphdr tcp = {0};

	tcp.source = htons(syn->from.port);
	tcp.dest = htons(syn->to.port);
	tcp.seq = htonl(syn->seq);
	tcp.doff = (uint16_t)(len / 4) & 0xf;
	tcp.syn = 1;
	tcp.window = htons(WINDOW);
	memcpy(out, &tcp, sizeof(tcp));
	memcpy(out + sizeof(tcp), syn->option, syn->option_len);
	tcp.check = dt_checksum_tcp(&syn->from.ip, &syn->to.ip, out, len);
	memcpy(out, &tcp, sizeof(tcp));
	return len;
}

int dt_syn_send(int fd, const struct dt_syn *syn, int ttl)
{
	bool v4 = dt_ip_is_v4(&syn->to.ip);
	int hops = ttl ? ttl : -1; /* the default */
	uint8_t out[DT_SYN_LEN_MAX];
	size_t len = dt_syn_write(out, syn);

	if (setsockopt(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TTL : IPV6_UNICAST_HOPS, &hops, sizeof(hops)) < 0)
		return -errno;
	return send(fd, out, len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}
