/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/probe/way.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/raw.h"
#include "net/segment.h"
#include "net/source.h"
#include "net/syn.h"

#define TRIES 3
#define TRY_MS 1000
#define HEARD_MS 200
#define HOPS_MAX 20
#define HOP_MS 300
/* So many routers in a row that say nothing: those behind will say nothing either. */
#define SILENT_MAX 4
#define C_FLAG 0x20
#define KEY_AT 2 /* behind subtype and flags */
#define KEY_LEN 8
#define PACKET_MAX 2048

struct packet {
	uint8_t bytes[PACKET_MAX];
	size_t len;
	struct dt_ip from;
};

int dt_probe_listen(struct dt_probe *p)
{
	int fd = dt_raw_open(&p->server.ip, IPPROTO_TCP);

	p->raw = fd >= 0;
	return fd < 0 ? -1 : fd;
}

/* The next packet before end_ns. */
static bool packet_next(int fd, uint64_t end_ns, struct packet *out)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct dt_endpoint sender;
	uint64_t now_ns;
	ssize_t got;

	do {
		got = recvfrom(fd, out->bytes, sizeof(out->bytes), MSG_DONTWAIT, (struct sockaddr *)&from, &len);
		if (got >= 0) {
			out->len = (size_t)got;
			out->from = (struct dt_ip){0};
			if (dt_endpoint_from_sockaddr(&sender, (struct sockaddr *)&from) == 0)
				out->from = sender.ip;
			return true;
		}
		now_ns = dt_now_ns();
		if (now_ns < end_ns)
			poll(&ready, 1, (int)((end_ns - now_ns) / DT_MS) + 1);
	} while (now_ns < end_ns);
	return false;
}

/* What the server sends to this port next, within so many ms. *segment points into *packet. */
static bool answer_next(int fd, const struct dt_probe *p, uint16_t port, uint64_t end_ns, struct packet *packet,
			struct dt_segment *segment)
{
	while (packet_next(fd, end_ns, packet))
		if (dt_segment_parse(segment, packet->bytes, packet->len, dt_ip_is_v4(&p->server.ip)) == 0 &&
		    segment->from == p->server.port && segment->to == port)
			return true;
	return false;
}

/* --- joins ------------------------------------------------------------------------------------- */

/* The server's token is a hash of its key (RFC 8684, 3.2). */
static uint32_t token_of(const uint8_t key[KEY_LEN])
{
	uint8_t hash[crypto_hash_sha256_BYTES];
	uint32_t token_be;

	crypto_hash_sha256(hash, key, KEY_LEN);
	memcpy(&token_be, hash, sizeof(token_be));
	return ntohl(token_be);
}

/* From the SYN-ACK; false: it was not heard. */
static bool handshake_heard(struct dt_probe *p, int fd, uint16_t port, uint32_t *token)
{
	uint64_t end_ns = dt_now_ns() + HEARD_MS * DT_MS;
	struct dt_segment segment;
	struct packet packet;
	const uint8_t *option;
	size_t len;

	while (answer_next(fd, p, port, end_ns, &packet, &segment)) {
		option = segment.syn ? dt_segment_mptcp(&segment, DT_MPTCP_CAPABLE, &len) : NULL;
		if (!option || len < KEY_AT + KEY_LEN)
			continue;
		p->c_flag = option[1] & C_FLAG;
		*token = token_of(option + KEY_AT);
		return true;
	}
	return false;
}

static enum dt_probe_joins join_once(const struct dt_probe *p, int fd, const struct dt_syn *syn)
{
	uint64_t end_ns = dt_now_ns() + TRY_MS * DT_MS;
	struct dt_segment segment;
	struct packet packet;
	size_t len;

	if (dt_syn_send(fd, syn, 0) < 0)
		return DT_PROBE_UNTRIED;
	while (answer_next(fd, p, syn->from.port, end_ns, &packet, &segment)) {
		if (segment.rst)
			return DT_PROBE_RESET;
		if (segment.syn)
			return dt_segment_mptcp(&segment, DT_MPTCP_JOIN, &len) ? DT_PROBE_TAKEN : DT_PROBE_NO_JOIN;
	}
	return DT_PROBE_UNANSWERED;
}

void dt_probe_join(struct dt_probe *p, int fd, const struct dt_endpoint *local)
{
	struct dt_endpoint from = {local->ip, 0};
	struct dt_syn syn;
	uint32_t token;

	if (!handshake_heard(p, fd, local->port, &token)) {
		p->raw = false;
		return;
	}
	p->joins = DT_PROBE_UNANSWERED;
	/* again also after a reset: the first may have overtaken the handshake's end */
	for (int i = 0; i < TRIES && (p->joins == DT_PROBE_UNANSWERED || p->joins == DT_PROBE_RESET); i++) {
		if (dt_source_port(&from) < 0)
			return;
		dt_syn_join(&syn, &from, &p->server, token);
		p->joins = join_once(p, fd, &syn);
	}
}

/* --- the way ----------------------------------------------------------------------------------- */

/* What this hop quotes. True: it answered, or the server did (*there). */
static bool hop_ask(struct dt_probe *p, int fd, int icmp, int ttl, bool *there)
{
	struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = icmp, .events = POLLIN}};
	uint64_t end_ns = dt_now_ns() + HOP_MS * DT_MS + 2 * p->rtt_us * DT_US, now_ns;
	struct dt_endpoint from = {p->source, 0};
	bool v4 = dt_ip_is_v4(&p->server.ip);
	struct dt_segment s;
	struct packet packet;
	struct dt_syn syn;
	size_t len;

	if (dt_source_port(&from) < 0)
		return false;
	dt_syn_capable(&syn, &from, &p->server);
	if (dt_syn_send(fd, &syn, ttl) < 0)
		return false;
	while ((now_ns = dt_now_ns()) < end_ns) {
		poll(ready, 2, (int)((end_ns - now_ns) / DT_MS) + 1);
		*there = answer_next(fd, p, from.port, 0, &packet, &s);
		if (*there)
			return true;
		while (packet_next(icmp, 0, &packet)) {
			if (dt_segment_quoted(&s, packet.bytes, packet.len, v4) < 0 || s.from != from.port ||
			    s.to != p->server.port)
				continue;
			p->hops = (unsigned)ttl;
			if (!dt_segment_mptcp(&s, DT_MPTCP_CAPABLE, &len) && p->stripped_hop == 0) {
				p->stripped_hop = (unsigned)ttl;
				p->stripped_at = packet.from;
			}
			return true;
		}
	}
	return false;
}

void dt_probe_trace(struct dt_probe *p, int fd)
{
	bool v4 = dt_ip_is_v4(&p->server.ip), there = false;
	int icmp = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
			  v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	int silent = 0;

	if (icmp < 0)
		return;
	for (int ttl = 1; ttl <= HOPS_MAX && silent < SILENT_MAX && !there && p->stripped_hop == 0; ttl++)
		silent = hop_ask(p, fd, icmp, ttl, &there) ? 0 : silent + 1;
	close(icmp);
}
