/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat.bpf in user space: packets of a client, a server and anybody, one after the other. What must hold: no byte of data
 * goes to the server before it has answered the client's SYN by a SYN-ACK with MP_JOIN; a packet that is forwarded goes
 * to the client or the server of the lease, and its checksums are as right as they were.
 */
#include <arpa/inet.h>

#include "bpf/packet.h"
#include "fuzz.h"

/* the program, whose functions are not called from anywhere else */
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wmissing-prototypes"
#pragma clang diagnostic ignored "-Wshadow"
#pragma clang diagnostic ignored "-Wsign-compare"
#define send nat_send /* libc has one too */
#include "nat.bpf.c"
#undef send
#pragma clang diagnostic pop

#include "fuzz_nat_kernel.h"

#define STEPS_MAX 48
#define FRAME_MAX 2048
#define SECOND 1000000000ULL
#define CLIENT_ID 7
#define DPT 50000
#define RPT 443
#define SPORT 51515
#define SOURCE_PORT 40000
#define UPLINK 1
#define ISN 1000
#define SERVER_ISN 5000

static const char *const client_text[] = {"192.0.2.2", "2001:db8:c::2"};
static const char *const relay_text[] = {"198.51.100.18", "2001:db8:a1::2"};
static const char *const server_text[] = {"203.0.113.2", "2001:db8:5::2"};

struct scene {
	/* of each family: the flow that "is_answered" is about */
	uint64_t started_ns[2];
	uint16_t sport[2];
	bool is_answered[2];
};

static struct dt_ip ip_of(const char *text)
{
	struct dt_ip ip = {0};

	if (inet_pton(AF_INET6, text, ip.b) == 1)
		return ip;
	ip.b[10] = ip.b[11] = 0xff;
	fuzz_check(inet_pton(AF_INET, text, ip.b + 12) == 1);
	return ip;
}

static void lease_put(int v6)
{
	struct dt_lease_key key = {
		.client = ip_of(client_text[v6]), .relay = ip_of(relay_text[v6]), .dpt_be16 = bpf_htons(DPT)};
	struct dt_lease lease = {.client_id = CLIENT_ID,
				 .expires_ns = clock_ns + 300 * SECOND,
				 .server = ip_of(server_text[v6]),
				 .rpt_be16 = bpf_htons(RPT)};
	/* the next port leads to a converter */
	struct dt_converter_key at = {.relay = key.relay, .dpt_be16 = bpf_htons(DPT + 1)};
	struct dt_converter converter = {.client = key.client,
					 .client_id = CLIENT_ID,
					 .expires_ns = clock_ns + 300 * SECOND,
					 .server = lease.server,
					 .rpt_be16 = bpf_htons(RPT)};
	struct dt_route_key to = {.prefixlen = DT_ROUTE_PREFIX_BASE + (v6 ? 0 : 96), .family = v6 ? 6 : 4};
	struct dt_route route = {.oif = UPLINK, .mtu = 1500};
	uint32_t one = 1;

	to.ip = ip_of(v6 ? "::" : "0.0.0.0");
	bpf_map_update_elem(&leases, &key, &lease, BPF_ANY);
	bpf_map_update_elem(&converters, &at, &converter, BPF_ANY);
	bpf_map_update_elem(&addresses, &key.relay, &one, BPF_ANY);
	bpf_map_update_elem(&routes, &to, &route, BPF_ANY);
}

static void scene_make(void)
{
	struct dt_client_limits limits = {
		.max_flows = 4, .max_half_open = 4, .max_new_flows = 100, .rate = 1250000000, .bucket_ns = SECOND / 5};
	struct dt_client_usage used = {0};
	struct dt_client_ended over = {0};
	struct dt_nat_config cfg;
	uint64_t all = 0, id = CLIENT_ID;
	uint32_t zero = 0;

	if (!packet_memory) {
		packet_memory_make();
		MAP_ADD(icmp_answers);
		MAP_ADD(icmp_limit);
		MAP_ADD(icmp_errors);
		MAP_ADD(leases);
		MAP_ADD(converters);
		MAP_ADD(flows);
		MAP_ADD(clients);
		MAP_ADD(shares);
		MAP_ADD(usage);
		MAP_ADD(ended);
		MAP_ADD(policy);
		MAP_ADD(routes);
		MAP_ADD(addresses);
		MAP_ADD(config);
		MAP_ADD(counters);
		MAP_ADD(scratch);
	}
	maps_clear();
	clock_ns = 1000 * SECOND;
	random_state = 1;
	cfg = (struct dt_nat_config){
		.layout = DT_MAPS_LAYOUT,
		.policy_generation = 1,
		.route_generation = 1,
		.alive_until_ns = clock_ns + 600 * SECOND,
		.dead_after_ns = clock_ns + 900 * SECOND,
		.dead_awake_ns = clock_ns + 900 * SECOND,
		.half_open_ns = 10 * SECOND,
		.idle_ns = 7440 * SECOND,
		.closing_ns = 240 * SECOND,
		.max_flows = 10,
		.rate = 5000000000,
		.bucket_ns = SECOND / 5,
		.port_min = 50000,
		.port_max = 50010,
		.source_min = SOURCE_PORT,
		.source_max = SOURCE_PORT,
	};
	bpf_map_update_elem(&config, &zero, &cfg, BPF_ANY);
	bpf_map_update_elem(&clients, &id, &limits, BPF_ANY);
	bpf_map_update_elem(&usage, &id, &used, BPF_ANY);
	bpf_map_update_elem(&usage, &all, &used, BPF_ANY);
	bpf_map_update_elem(&ended, &id, &over, BPF_ANY);
	bpf_map_update_elem(&ended, &all, &over, BPF_ANY);
	lease_put(0);
	lease_put(1);
}

/* --- reading frames, by other code than the program's ------------------------------------------ */

struct seen {
	bool v6, is_sum_right;
	struct dt_ip src, dst;
	uint16_t sport, dport;
	uint8_t flags;
	size_t l4, end; /* offsets of the TCP header and of the packet's end */
	size_t payload;
};

static uint32_t sum_add(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return sum;
}

/* False: no whole TCP segment. */
static bool frame_read(const uint8_t *frame, size_t len, struct seen *out)
{
	size_t l3 = ETH_HLEN, ips, header;
	uint8_t v4[16] = {[10] = 0xff, [11] = 0xff};
	uint32_t sum;

	*out = (struct seen){.v6 = len > 13 && frame[12] == 0x86 && frame[13] == 0xdd};
	out->l4 = l3 + (out->v6 ? 40 : 20);
	if (len < out->l4 + 20 || (!out->v6 && (frame[12] != 8 || frame[13] != 0 || frame[l3] != 0x45)) ||
	    (out->v6 && frame[l3] >> 4 != 6) || frame[l3 + (out->v6 ? 6 : 9)] != IPPROTO_TCP)
		return false;
	out->end = out->v6 ? out->l4 + (size_t)(frame[l3 + 4] << 8 | frame[l3 + 5])
			   : l3 + (size_t)(frame[l3 + 2] << 8 | frame[l3 + 3]);
	header = (size_t)(frame[out->l4 + 12] >> 4) * 4;
	if (out->end > len || header < 20 || out->l4 + header > out->end)
		return false;
	out->payload = out->end - out->l4 - header;
	ips = l3 + (out->v6 ? 8 : 12);
	memcpy(out->src.b, v4, sizeof(v4));
	memcpy(out->dst.b, v4, sizeof(v4));
	memcpy(out->src.b + (out->v6 ? 0 : 12), frame + ips, out->v6 ? 16 : 4);
	memcpy(out->dst.b + (out->v6 ? 0 : 12), frame + ips + (out->v6 ? 16 : 4), out->v6 ? 16 : 4);
	out->sport = (uint16_t)(frame[out->l4] << 8 | frame[out->l4 + 1]);
	out->dport = (uint16_t)(frame[out->l4 + 2] << 8 | frame[out->l4 + 3]);
	out->flags = frame[out->l4 + 13];
	sum = IPPROTO_TCP + (uint32_t)(out->end - out->l4);
	sum = sum_add(sum, frame + ips, out->v6 ? 32 : 8);
	sum = sum_add(sum, frame + out->l4, out->end - out->l4);
	out->is_sum_right = sum_fold(sum) == 0xffff &&
			    (out->v6 || sum_fold(sum_add(0, frame + l3, sizeof(struct iphdr))) == 0xffff);
	return true;
}

/* --- what must hold ---------------------------------------------------------------------------- */

/* When the client's flow from this port began; 0: there is none. */
static uint64_t flow_started(int v6, uint16_t sport)
{
	struct dt_flow_key key = {.src = ip_of(client_text[v6]),
				  .dst = ip_of(relay_text[v6]),
				  .sport_be16 = bpf_htons(sport),
				  .dport_be16 = bpf_htons(DPT)};
	const struct dt_flow *f = bpf_map_lookup_elem(&flows, &key);

	return f ? f->started_ns : 0;
}

/* A SYN-ACK of a join. */
static bool is_join_answer(const uint8_t *frame, const struct seen *seen)
{
	size_t at = seen->l4 + 20, end = seen->end - seen->payload;

	if ((seen->flags & (SYN | ACK)) != (SYN | ACK))
		return false;
	while (at + 2 < end && frame[at] != 0) {
		if (frame[at] == 30 && frame[at + 1] == 16 && frame[at + 2] >> 4 == 1)
			return true;
		if (frame[at] != 1 && frame[at + 1] < 2)
			return false;
		at += frame[at] == 1 ? 1 : frame[at + 1];
	}
	return false;
}

static bool is_at(const struct dt_ip *ip, const char *text)
{
	struct dt_ip other = ip_of(text);

	return ip_equal(ip, &other);
}

/* An ICMP error of the relay's own to this sender. */
static bool is_error_to(const struct dt_ip *sender, int v6)
{
	const uint8_t *ip = packet_at(ETH_HLEN);

	fuzz_check(skb_now.len >= ETH_HLEN + 40);
	if (ip[v6 ? 6 : 9] != (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return false;
	fuzz_check(memcmp(ip + (v6 ? 24 : 16), sender->b + (v6 ? 0 : 12), v6 ? 16 : 4) == 0);
	return true;
}

static void forwarded_check(struct scene *scene, const uint8_t *in, const struct seen *before)
{
	struct seen after;
	int v6 = before->v6;
	uint16_t sport;

	fuzz_check(redirected_to == UPLINK);
	if (is_error_to(&before->src, v6)) {
		/* its hops ran out here, but the server did answer */
		scene->is_answered[v6] = scene->is_answered[v6] || is_join_answer(in, before);
		return;
	}
	fuzz_check(frame_read(packet_at(0), skb_now.len, &after) && after.v6 == before->v6);
	fuzz_check(after.payload == before->payload);
	fuzz_check(!before->is_sum_right || after.is_sum_right);
	sport = is_at(&before->src, server_text[v6]) ? after.dport : before->sport;
	if (sport != scene->sport[v6] || flow_started(v6, sport) != scene->started_ns[v6]) {
		scene->sport[v6] = sport;
		scene->started_ns[v6] = flow_started(v6, sport);
		scene->is_answered[v6] = false;
	}
	if (is_at(&before->src, server_text[v6])) {
		fuzz_check(is_at(&after.src, relay_text[v6]) && after.sport == DPT);
		fuzz_check(is_at(&after.dst, client_text[v6]));
		scene->is_answered[v6] = scene->is_answered[v6] || is_join_answer(in, before);
		return;
	}
	fuzz_check(is_at(&before->src, client_text[v6]));
	fuzz_check(is_at(&after.src, relay_text[v6]) && after.sport == SOURCE_PORT);
	fuzz_check(is_at(&after.dst, server_text[v6]) && after.dport == RPT);
	/* no byte to a server that has not said that it takes this join */
	fuzz_check(after.payload == 0 || scene->is_answered[v6]);
}

static void frame_run(struct scene *scene, const uint8_t *frame, size_t len, uint8_t how)
{
	struct seen before;
	bool is_tcp = frame_read(frame, len, &before);
	int verdict;

	if (len < ETH_HLEN)
		return;
	packet_put(frame, len, how & 1 ? 34 + (how >> 1) : len);
	memcpy(&skb_now.protocol, frame + 12, 2);
	skb_now.ifindex = UPLINK;
	verdict = nat_l2(&skb_now);
	fuzz_check(verdict == TC_ACT_UNSPEC || verdict == TC_ACT_SHOT || verdict == TC_ACT_REDIRECT);
	if (verdict == TC_ACT_REDIRECT && is_tcp)
		forwarded_check(scene, frame, &before);
}

/* --- packets of the input ---------------------------------------------------------------------- */

/* From the client, or from the server, or as if. */
static struct packet_spec spec_take(struct fuzz_input *in, bool is_up, int v6)
{
	static const uint8_t flags[] = {SYN, SYN | ACK, ACK, ACK | PSH, ACK | FIN, RST, RST | ACK, SYN | FIN};
	uint8_t what = fuzz_byte(in), where = fuzz_byte(in);
	struct packet_spec spec = {
		.family = v6 ? 6 : 4,
		.src = is_up ? client_text[v6] : server_text[v6],
		.dst = relay_text[v6],
		.sport = is_up ? SPORT : RPT,
		.dport = is_up ? DPT : SOURCE_PORT,
		.flags = flags[what & 7],
		.options = (enum option_kind)(what >> 3) % (OPT_JOIN_NO_MSS + 1),
		.mss = 1460,
		.hops = where & 0x80 ? 1 : 64,
		.payload = fuzz_byte(in),
		.window = 1000,
	};

	spec.seq = (is_up ? ISN : SERVER_ISN) + (where & 15);
	spec.ack = spec.flags & ACK ? (is_up ? SERVER_ISN : ISN) + (where >> 4 & 7) : 0;
	return spec;
}

static size_t frame_take(struct fuzz_input *in, uint8_t kind, uint8_t frame[FRAME_MAX])
{
	int v6 = kind >> 2 & 1;
	bool is_up = kind & 8;
	struct icmp_spec icmp;
	const uint8_t *raw;
	size_t len;

	switch (kind & 3) {
	case 0:
		raw = fuzz_bytes(in, FRAME_MAX, &len);
		memcpy(frame, raw, len);
		return len;
	case 1: { /* an ICMP error about a packet that the relay sent */
		icmp = (struct icmp_spec){.src = is_up ? client_text[v6] : server_text[v6],
					  .dst = relay_text[v6],
					  .type = fuzz_byte(in),
					  .code = fuzz_byte(in),
					  .rest = fuzz_byte(in) * 16U,
					  .hops = 64,
					  .quoted_tcp = 8 + fuzz_byte(in) % 13};
		icmp.quoted = spec_take(in, is_up, v6);
		icmp.quoted.src = relay_text[v6];
		icmp.quoted.dst = icmp.src;
		icmp.quoted.sport = is_up ? DPT : SOURCE_PORT;
		icmp.quoted.dport = is_up ? SPORT : RPT;
		return icmp_build(&icmp, frame);
	}
	default: {
		struct packet_spec spec = spec_take(in, is_up, v6);

		return packet_build(&spec, frame);
	}
	}
}

/* kind: 3 the sort of packet; 4 IPv6; 8 the client's; 0x10 some bytes are changed; 0xe0 how much later. */
static void step(struct scene *scene, struct fuzz_input *in)
{
	static const uint64_t later_ns[] = {0, 0, 0, SECOND / 1000, SECOND, 11 * SECOND, 241 * SECOND, 7500 * SECOND};
	uint8_t kind = fuzz_byte(in), how = fuzz_byte(in), frame[FRAME_MAX] = {0};
	size_t len;

	clock_ns += later_ns[kind >> 5];
	len = frame_take(in, kind, frame);
	if (kind & 0x10 && len)
		for (int i = fuzz_byte(in) & 3; i >= 0; i--) {
			size_t at = fuzz_byte(in) % len;

			frame[at] = fuzz_byte(in);
		}
	frame_run(scene, frame, len, how);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	struct scene scene = {0};

	scene_make();
	for (int i = 0; in.left && i < STEPS_MAX; i++)
		step(&scene, &in);
	return 0;
}
