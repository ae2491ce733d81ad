/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "bpf/story.h"

#include <criterion/criterion.h>
#include <linux/pkt_cls.h>
#include <string.h>

#include "bpf/fixture.h"

static void packet_check(const char *row, const struct step *st, const struct packet_spec *in, const uint8_t *frame,
			 size_t len)
{
	unsigned family = in->family;
	bool is_up = st->kind != FROM_SERVER, tunnelled = scene.config.tunnel_ifindex != 0;
	uint8_t original[2048];
	struct packet_seen out, was;
	uint16_t mss = in->mss;

	packet_read(original, packet_build(in, original), &was);
	cr_assert(packet_read(frame, len, &out), "%s: no TCP comes out", row);
	cr_assert_str_eq(out.src, tunnelled && !is_up ? scene_server(family) : scene_relay(family), "%s: from %s", row,
			 out.src);
	cr_assert_str_eq(out.dst, is_up ? scene_server(family) : scene_client(family), "%s: to %s", row, out.dst);
	if (is_up)
		cr_assert(out.sport >= scene.config.source_min && out.sport <= scene.config.source_max, "%s: port %u",
			  row, out.sport);
	else
		cr_assert_eq(out.sport, tunnelled ? SCENE_RPT : SCENE_DPT, "%s: port %u", row, out.sport);
	cr_assert_eq(out.dport, is_up ? SCENE_RPT : SCENE_SPORT, "%s: to port %u", row, out.dport);
	cr_assert_eq(out.hops, in->hops - 1, "%s: hops %u", row, out.hops);
	cr_assert_eq(out.flags, in->flags, "%s: flags", row);
	cr_assert(out.ip_sum_ok, "%s: IP checksum", row);
	cr_assert(out.tcp_sum_ok, "%s: TCP checksum", row);
	cr_assert(out.payload == was.payload && out.payload_hash == was.payload_hash, "%s: payload", row);
	if (st->mss_fits)
		mss = (uint16_t)(st->mss_fits - (family == 4 ? 40 : 60));
	if (out.mss)
		cr_assert_eq(out.mss, mss, "%s: MSS %u, not %u", row, out.mss, mss);
}

/* The sequence numbers of both ends, by enum dt_flow_dir of what they send. */
static struct {
	uint32_t first, next;
} ends[2];

static void ends_reset(void)
{
	ends[DT_DIR_UP].first = ends[DT_DIR_UP].next = 0xfffffffaU;
	ends[DT_DIR_DOWN].first = ends[DT_DIR_DOWN].next = 0x7ffffff0U;
}

static struct packet_spec spec_of(const struct step *st, unsigned family)
{
	bool is_down = st->kind == FROM_SERVER || st->kind == ERROR_TO_SERVER;
	bool tunnelled = scene.config.tunnel_ifindex != 0;
	struct packet_spec spec = {
		.family = family,
		.src = !is_down ? scene_client(family) : scene_server(family),
		.dst = st->kind == FROM_TUNNEL ? scene_server(family) : scene_relay(family),
		.sport = !is_down ? (st->client_port ? st->client_port : SCENE_SPORT) : SCENE_RPT,
		.dport = st->kind == FROM_TUNNEL   ? SCENE_RPT
			 : st->kind == FROM_CLIENT ? (st->lease_port ? st->lease_port : SCENE_DPT)
						   : SCENE_SOURCE,
		.flags = st->flags,
		.options = st->options,
		.mss = st->mss	     ? st->mss
		       : family == 4 ? 1460
				     : 1440,
		.hops = st->hops ? st->hops : 64,
		.payload = st->payload,
		.window = st->window ? st->window : 0xff00,
	};
	struct dt_flow f;

	spec.seq = (st->flags & SYN ? ends[is_down].first : ends[is_down].next) + (uint32_t)st->seq_add;
	if (st->flags & ACK)
		spec.ack = ends[!is_down].next + (uint32_t)st->ack_add;
	/* with several source ports the answer goes to the one that the flow has */
	if (st->kind == FROM_SERVER && scene_flow(&scene, DT_DIR_UP, &f))
		spec.dport = (uint16_t)(f.new_sport_be16 << 8 | f.new_sport_be16 >> 8);
	/* an error quotes the packet as it was rewritten */
	if (st->kind == ERROR_TO_CLIENT) {
		spec.src = scene_relay(family);
		spec.dst = scene_server(family);
		spec.sport = SCENE_SOURCE;
		spec.dport = SCENE_RPT;
	} else if (st->kind == ERROR_TO_SERVER) {
		spec.src = tunnelled ? scene_server(family) : scene_relay(family);
		spec.dst = scene_client(family);
		spec.sport = tunnelled ? SCENE_RPT : SCENE_DPT;
		spec.dport = SCENE_SPORT;
	}
	return spec;
}

static void ends_advance(const struct step *st, const struct packet_spec *spec)
{
	bool is_down = st->kind == FROM_SERVER;
	uint32_t end = spec->seq + spec->payload + !!(spec->flags & SYN) + !!(spec->flags & FIN);

	if (st->client_port || (spec->flags & SYN && st->seq_add))
		return;
	if (spec->flags & SYN && !(spec->flags & ACK))
		ends[0].next = end;
	else if ((int32_t)(end - ends[is_down].next) > 0)
		ends[is_down].next = end;
}

static uint8_t icmp_type(unsigned family, uint8_t type, uint8_t code)
{
	if (family == 4 || type == ICMPV6_ECHO_REQUEST)
		return type;
	if (type == ICMP_TIME_EXCEEDED)
		return ICMPV6_TIME_EXCEED;
	return code == ICMP_FRAG_NEEDED ? ICMPV6_PKT_TOOBIG : ICMPV6_DEST_UNREACH;
}

static struct icmp_spec error_of(const struct step *st, const struct packet_spec *quoted)
{
	unsigned family = quoted->family;
	bool is_big = st->icmp.type == ICMP_DEST_UNREACH && st->icmp.code == ICMP_FRAG_NEEDED;

	return (struct icmp_spec){
		.src = family == 4 ? "192.0.2.77" : "2001:db8:77::77",
		.dst = st->icmp.elsewhere ? scene_client(family) : quoted->src,
		.type = icmp_type(family, st->icmp.type, st->icmp.code),
		.code = family == 6 ? 0 : st->icmp.code,
		.rest = is_big ? st->icmp.mtu : 0,
		.hops = st->hops ? st->hops : 64,
		.quoted = *quoted,
		.quoted_tcp = st->icmp.quoted_tcp ? st->icmp.quoted_tcp : (uint16_t)(20 + quoted->payload),
	};
}

/* A translated error: from the relay to the sender of the quoted packet, which is quoted as it was sent. */
static void error_check(const char *row, const struct step *st, const struct icmp_spec *in, const uint8_t *frame,
			size_t len)
{
	unsigned family = in->quoted.family;
	bool tunnelled = scene.config.tunnel_ifindex != 0;
	const char *client = scene_client(family), *relay = scene_relay(family), *server = scene_server(family);
	struct icmp_seen out;

	cr_assert(icmp_read(frame, len, &out), "%s: no ICMP error comes out", row);
	cr_assert_str_eq(out.src, relay, "%s: from %s", row, out.src);
	cr_assert_str_eq(out.dst, st->kind == ERROR_TO_CLIENT ? client : server, "%s: to %s", row, out.dst);
	cr_assert(out.type == in->type && out.code == in->code && out.rest == in->rest, "%s: other ICMP", row);
	cr_assert_eq(out.hops, in->hops - 1, "%s: hops", row);
	cr_assert(out.ip_sum_ok, "%s: IP checksum", row);
	cr_assert(out.icmp_sum_ok, "%s: ICMP checksum", row);
	cr_assert(out.quoted.ip_sum_ok, "%s: quoted IP checksum", row);
	if (in->quoted_tcp == 20 + in->quoted.payload && in->quoted.options == OPT_NONE)
		cr_assert(out.quoted.tcp_sum_ok, "%s: quoted TCP checksum", row);
	cr_assert_eq(out.quoted_seq, in->quoted.seq, "%s: quoted sequence number", row);
	if (st->kind == ERROR_TO_CLIENT) {
		cr_assert_str_eq(out.quoted.src, client, "%s: quotes one from %s", row, out.quoted.src);
		cr_assert_str_eq(out.quoted.dst, tunnelled ? server : relay, "%s: quotes one to %s", row,
				 out.quoted.dst);
		cr_assert_eq(out.quoted.sport, SCENE_SPORT, "%s: quoted port", row);
		cr_assert_eq(out.quoted.dport, tunnelled ? SCENE_RPT : SCENE_DPT, "%s: quoted port", row);
	} else {
		cr_assert_str_eq(out.quoted.src, server, "%s: quotes one from %s", row, out.quoted.src);
		cr_assert_str_eq(out.quoted.dst, relay, "%s: quotes one to %s", row, out.quoted.dst);
		cr_assert_eq(out.quoted.sport, SCENE_RPT, "%s: quoted port", row);
		cr_assert_eq(out.quoted.dport, SCENE_SOURCE, "%s: quoted port", row);
	}
}

/* An error that the relay made: about the packet as it came, to its sender. */
static void answer_check(const char *row, const struct step *st, const struct packet_spec *in, const uint8_t *frame,
			 size_t len)
{
	struct icmp_seen out;

	cr_assert(icmp_read(frame, len, &out), "%s: no ICMP error comes out (%zu bytes)", row, len);
	cr_assert_str_eq(out.src, scene_relay(in->family), "%s: from %s", row, out.src);
	cr_assert_str_eq(out.dst, in->src, "%s: to %s", row, out.dst);
	cr_assert_eq(out.type, icmp_type(in->family, st->icmp.type, st->icmp.code), "%s: type %u", row, out.type);
	cr_assert_eq(out.code, in->family == 4 ? st->icmp.code : 0, "%s: code %u", row, out.code);
	cr_assert_eq(out.rest, st->icmp.mtu, "%s: MTU %u", row, out.rest);
	cr_assert(out.ip_sum_ok, "%s: IP checksum", row);
	cr_assert(out.icmp_sum_ok, "%s: ICMP checksum", row);
	cr_assert_str_eq(out.quoted.src, in->src, "%s: quotes one from %s", row, out.quoted.src);
	cr_assert_str_eq(out.quoted.dst, in->dst, "%s: quotes one to %s", row, out.quoted.dst);
	cr_assert(out.quoted.sport == in->sport && out.quoted.dport == in->dport, "%s: quoted ports", row);
	cr_assert_eq(out.quoted_seq, in->seq, "%s: quoted sequence number", row);
}

static void step_run(const char *row, const struct step *st, unsigned family)
{
	static const int verdicts[] = {
		[FORWARD] = TC_ACT_REDIRECT,
		[PASS] = TC_ACT_UNSPEC,
		[DROP] = TC_ACT_SHOT,
		[ANSWER] = TC_ACT_REDIRECT,
	};
	bool is_error = st->kind == ERROR_TO_CLIENT || st->kind == ERROR_TO_SERVER;
	struct packet_spec spec = spec_of(st, family);
	struct icmp_spec error = error_of(st, &spec);
	unsigned counter = st->fate != FORWARD	     ? st->counter
			   : is_error		     ? DT_NAT_FORWARDED_ICMP
			   : st->kind != FROM_SERVER ? DT_NAT_FORWARDED_UP
						     : DT_NAT_FORWARDED_DOWN;
	uint64_t before[DT_NAT_COUNTERS];
	uint8_t frame[2048], original[2048];
	size_t len = is_error ? icmp_build(&error, frame) : packet_build(&spec, frame), original_len;
	int verdict;

	if (st->damage)
		st->damage(frame, &len, family);
	memcpy(original, frame, sizeof(original));
	original_len = len;
	for (unsigned i = 0; i < DT_NAT_COUNTERS; i++)
		before[i] = scene_counter(&scene, i);
	verdict = scene_run(&scene, frame, &len, st->gso_size, st->gso_segs);
	for (unsigned i = 0; i < DT_NAT_COUNTERS; i++)
		if (i != DT_NAT_FLOWS_STARTED)
			cr_assert_eq(scene_counter(&scene, i) - before[i], i == counter,
				     "%s (IPv%u): counter %u rose by %llu, expected %u to rise", row, family, i,
				     (unsigned long long)(scene_counter(&scene, i) - before[i]), counter);
	cr_assert_eq(verdict, verdicts[st->fate], "%s (IPv%u): verdict %d, not %d", row, family, verdict,
		     verdicts[st->fate]);
	if (st->fate == ANSWER)
		answer_check(row, st, &spec, frame, len);
	else if (st->fate != FORWARD)
		cr_assert(len == original_len && memcmp(frame, original, len) == 0,
			  "%s (IPv%u): changed, though not forwarded", row, family);
	else if (is_error)
		error_check(row, st, &error, frame, len);
	else
		packet_check(row, st, &spec, frame, len);
	if (!is_error && (st->fate == FORWARD || st->counter == DT_NAT_PASS_REFUSED))
		ends_advance(st, &spec);
}

void row_run(const struct row *row, unsigned family)
{
	scene_reset(&scene);
	ends_reset();
	for (const struct step *st = row->steps; st < row->steps + STEPS && st->kind != NO_STEP; st++) {
		if (st->kind == CALL)
			st->function(&scene, family);
		else
			step_run(row->name, st, family);
	}
	cr_assert_eq(scene_entries(&scene), 2 * row->flows_left + row->refused_left,
		     "%s (IPv%u): %u entries left, not 2 for each of %u flows, and 1 for each of %u refused ones",
		     row->name, family, scene_entries(&scene), row->flows_left, row->refused_left);
}

int story_join(unsigned family, uint16_t sport, uint8_t hops, struct packet_seen *out)
{
	struct packet_spec spec = {
		.family = family,
		.src = scene_client(family),
		.dst = scene_relay(family),
		.sport = sport,
		.dport = SCENE_DPT,
		.flags = SYN,
		.options = OPT_JOIN_SYN,
		.mss = family == 4 ? 1460 : 1440,
		.hops = hops,
	};
	uint8_t frame[2048];
	size_t len = packet_build(&spec, frame);
	int verdict = scene_run(&scene, frame, &len, 0, 0);

	packet_read(frame, len, out);
	return verdict;
}
