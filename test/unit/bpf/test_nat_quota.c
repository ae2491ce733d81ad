/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. How many flows, how many new ones, how many bytes a second. */
#include <criterion/criterion.h>
#include <linux/pkt_cls.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bpf/fixture.h"
#include "bpf/story.h"
#include "relay/rate_grant.h"

/* clang-format off */
static void relay_max_flows_0(struct scene *s, unsigned family)
{
	s->config.max_flows = 0;
	scene_config_store(s);
}
static void half_open_1(struct scene *s, unsigned family)
{
	s->limits.max_half_open = 1;
	s->config.source_max = SCENE_SOURCE + 9;
	scene_config_store(s);
	scene_limits_store(s);
}
static void new_flows_1(struct scene *s, unsigned family)
{
	s->limits.max_new_flows = 1;
	s->config.source_max = SCENE_SOURCE + 9;
	scene_config_store(s);
	scene_limits_store(s);
}
static void new_flows_0(struct scene *s, unsigned family)
{
	s->limits.max_new_flows = 0;
	scene_limits_store(s);
}
static void buckets_full(struct scene *s, unsigned family)
{
	struct dt_client_usage u;
	uint64_t ids[] = {0, SCENE_CLIENT_ID};

	for (int i = 0; i < 2; i++) {
		bpf_map__lookup_elem(s->skel->maps.usage, &ids[i], sizeof(ids[i]), &u, sizeof(u), 0);
		memset(u.rate_ns, 0, sizeof(u.rate_ns));
		bpf_map__update_elem(s->skel->maps.usage, &ids[i], sizeof(ids[i]), &u, sizeof(u), 0);
	}
	no_credit(s);
}
/* At one byte per second the bucket does not refill while the test runs. */
static void bucket_of(struct scene *s, uint64_t bytes)
{
	s->limits.rate = 1;
	s->limits.bucket_ns = bytes * DT_SEC;
	scene_limits_store(s);
	buckets_full(s, 0);
}
static void bucket_of_2500(struct scene *s, unsigned family) { bucket_of(s, 2500); }
static void bucket_of_500(struct scene *s, unsigned family) { bucket_of(s, 500); }
/* A byte costs 500 ns, so 1,953 bytes a millisecond. Time that passes in the test does not change what is in use. */
static uint64_t half_used_until_ns, half_used_bytes;
static void bucket_half_used(struct scene *s, unsigned family)
{
	uint64_t id = SCENE_CLIENT_ID;
	struct dt_client_usage u;
	struct dt_flow f;

	s->limits.rate = 2000000;
	s->limits.bucket_ns = 1000 * DT_SEC;
	scene_limits_store(s);
	buckets_full(s, 0);
	cr_assert(scene_flow(s, DT_DIR_UP, &f));
	half_used_bytes = f.bytes;
	bpf_map__lookup_elem(s->skel->maps.usage, &id, sizeof(id), &u, sizeof(u), 0);
	u.rate_ns[DT_DIR_UP] = half_used_until_ns = dt_now_ns() + 400 * DT_SEC;
	bpf_map__update_elem(s->skel->maps.usage, &id, sizeof(id), &u, sizeof(u), 0);
}
/* The bucket must have given what was forwarded, and the credit that the flow still has. */
static void paid_what_passed(struct scene *s, unsigned family)
{
	uint64_t id = SCENE_CLIENT_ID;
	struct dt_client_usage u;
	struct dt_flow f;

	cr_assert(scene_flow(s, DT_DIR_UP, &f));
	bpf_map__lookup_elem(s->skel->maps.usage, &id, sizeof(id), &u, sizeof(u), 0);
	cr_assert_eq(u.rate_ns[DT_DIR_UP] - half_used_until_ns, (f.bytes - half_used_bytes + f.credit) * 500,
		     "%llu bytes paid, %llu passed, %u left", (unsigned long long)(u.rate_ns[DT_DIR_UP] - half_used_until_ns) / 500,
		     (unsigned long long)(f.bytes - half_used_bytes), f.credit);
}
static void relay_rate_of_nothing(struct scene *s, unsigned family)
{
	s->config.rate = 0;
	scene_config_store(s);
	no_credit(s);
}
static void revoked_without_credit(struct scene *s, unsigned family)
{
	revoked(s, family);
	no_credit(s);
}

const struct row quota_rows[] = {
	/* quotas */
	{"max-flows", {call(max_flows_1), JOINED, from_client(SYN, OPT_JOIN_SYN, dropped(MAX_FLOWS), .client_port = 2000)}, .flows_left = 1},
	{"max-flows counts half-open flows", {call(max_flows_1), from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, dropped(MAX_FLOWS), .client_port = 2000)}, .flows_left = 1},
	{"the relay's max-flows", {call(relay_max_flows_0), from_client(SYN, OPT_JOIN_SYN, dropped(MAX_FLOWS))}, .flows_left = 0},
	{"half-open flows", {call(half_open_1), from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, dropped(HALF_OPEN), .client_port = 2000)}, .flows_left = 1},
	{"an established flow is not half open", {call(half_open_1), JOINED, from_client(SYN, OPT_JOIN_SYN, forwarded, .client_port = 2000)}, .flows_left = 2},
	{"max-new-flows", {call(new_flows_1), from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, dropped(NEW_FLOWS), .client_port = 2000)}, .flows_left = 1},
	{"max-new-flows of 0", {call(new_flows_0), from_client(SYN, OPT_JOIN_SYN, dropped(NEW_FLOWS))}, .flows_left = 0},
	{"a repeated SYN costs nothing", {call(new_flows_1), from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{"source ports run out", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, dropped(NO_PORT), .client_port = 2000), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	/* rates */
	{"max-rate of the client", {JOINED, call(rate_of_nothing), from_client(ACK, OPT_NONE, dropped(RATE), .payload = 1000), from_server(ACK, OPT_NONE, dropped(RATE), .payload = 1000)}, .flows_left = 1},
	{"a SYN of an established flow costs no rate", {JOINED, call(rate_of_nothing), from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, dropped(WINDOW)), from_client(ACK, OPT_NONE, dropped(RATE), .payload = 1000)}, .flows_left = 1},
	{"max-rate of the relay", {JOINED, call(relay_rate_of_nothing), from_client(ACK, OPT_NONE, dropped(RATE), .payload = 1000), from_server(ACK, OPT_NONE, dropped(RATE), .payload = 1000)}, .flows_left = 1},
	{"a bucket of two packets", {JOINED, call(bucket_of_2500), from_client(ACK, OPT_NONE, forwarded, .payload = 1000), from_client(ACK, OPT_NONE, forwarded, .payload = 1000), from_client(ACK, OPT_NONE, dropped(RATE), .payload = 1000), from_server(ACK, OPT_NONE, forwarded, .payload = 1000), call(buckets_full), from_client(ACK, OPT_NONE, forwarded, .payload = 1000)}, .flows_left = 1},
	{"a packet larger than the bucket", {JOINED, call(bucket_of_500), from_client(ACK, OPT_NONE, forwarded, .payload = 1000), from_client(ACK, OPT_NONE, dropped(RATE), .payload = 100)}, .flows_left = 1},
	{"what was taken in advance and not used comes back", {JOINED, call(bucket_half_used), from_client(ACK, OPT_NONE, forwarded, .payload = 948), from_client(ACK, OPT_NONE, forwarded, .payload = 100), call(paid_what_passed), call(credit_old), from_client(ACK, OPT_NONE, forwarded, .payload = 948), call(paid_what_passed), from_client(ACK, OPT_NONE, forwarded, .payload = 948), call(paid_what_passed)}, .flows_left = 1},
	{"revoked in mid-flow", {JOINED, call(revoked_without_credit), from_client(ACK, OPT_NONE, dropped(REVOKED), .payload = 1000)}, .flows_left = 1},
	{NULL},
};
/* clang-format on */

/* 40 joins and 32 source ports: each flow has a port of its own, and eight joins get none. */
Test(nat, source_ports_are_claimed_once)
{
	bool taken[32] = {false};
	unsigned got = 0;

	scene_reset(&scene);
	scene.config.source_max = SCENE_SOURCE + 31;
	scene_config_store(&scene);
	for (unsigned i = 0; i < 40; i++) {
		struct packet_seen out;

		if (story_join(4, (uint16_t)(1024 + i), 64, &out) != TC_ACT_REDIRECT)
			continue;
		got++;
		cr_assert(out.sport >= SCENE_SOURCE && out.sport < SCENE_SOURCE + 32);
		cr_assert(!taken[out.sport - SCENE_SOURCE], "port %u twice", out.sport);
		taken[out.sport - SCENE_SOURCE] = true;
	}
	cr_assert_eq(got, 32, "%u flows", got);
}

/* How many of 40 joins, from this client port on, make a flow. */
static unsigned flows_made(unsigned sport)
{
	struct packet_seen out;
	unsigned made = 0;

	for (unsigned i = 0; i < 40; i++)
		made += story_join(6, (uint16_t)(sport + i), 64, &out) == TC_ACT_REDIRECT;
	return made;
}

/* The new-flow bucket refills at its rate. */
Test(nat, new_flows_refill)
{
	unsigned made;

	scene_reset(&scene);
	scene.config.source_max = SCENE_SOURCE + 999;
	scene.limits.max_new_flows = 20;
	scene_config_store(&scene);
	scene_limits_store(&scene);
	made = flows_made(1024);
	cr_assert(made >= 20 && made <= 24, "%u flows at once", made);
	usleep(300000);
	made += flows_made(2024);
	cr_assert(made >= 25, "%u flows after 0.3 s", made);
}

#define SECOND_CLIENT_ID (SCENE_CLIENT_ID + 1)

/* Makes the scene's lease this client's, who shares 20 of 40 source ports and has ten to himself, from first on. */
static void lease_is_of(uint64_t id, uint16_t first)
{
	struct dt_lease_key key = {.dpt_be16 = (uint16_t)(SCENE_DPT >> 8 | (SCENE_DPT & 0xff) << 8)};
	struct dt_port_share share = {.common = 20, .first = first, .own = 10};
	struct dt_client_usage usage = {0};
	struct dt_client_ended ended = {0};
	struct dt_lease lease;

	dt_ip_parse(&key.client, scene_client(4));
	dt_ip_parse(&key.relay, scene_relay(4));
	cr_assert_eq(bpf_map__lookup_elem(scene.skel->maps.leases, &key, sizeof(key), &lease, sizeof(lease), 0), 0);
	lease.client_id = id;
	bpf_map__update_elem(scene.skel->maps.leases, &key, sizeof(key), &lease, sizeof(lease), 0);
	bpf_map__update_elem(scene.skel->maps.clients, &id, sizeof(id), &scene.limits, sizeof(scene.limits), 0);
	bpf_map__update_elem(scene.skel->maps.shares, &id, sizeof(id), &share, sizeof(share), 0);
	bpf_map__update_elem(scene.skel->maps.usage, &id, sizeof(id), &usage, sizeof(usage), 0);
	bpf_map__update_elem(scene.skel->maps.ended, &id, sizeof(id), &ended, sizeof(ended), 0);
}

/* How many of 40 joins, from this client port on, make a flow; each has a port that is common or in the ten from first on. */
static unsigned flows_in_share(unsigned sport, unsigned first)
{
	struct packet_seen out;
	unsigned made = 0;

	for (unsigned i = 0; i < 40; i++) {
		if (story_join(4, (uint16_t)(sport + i), 64, &out) != TC_ACT_REDIRECT)
			continue;
		cr_assert(out.sport < SCENE_SOURCE + 20 ||
				  (out.sport >= SCENE_SOURCE + first && out.sport < SCENE_SOURCE + first + 10),
			  "port %u", out.sport);
		made++;
	}
	return made;
}

/* A client that takes all the ports it gets leaves others theirs. */
Test(nat, each_client_has_its_share_of_source_ports)
{
	scene_reset(&scene);
	scene.config.source_max = SCENE_SOURCE + 39;
	scene_config_store(&scene);
	lease_is_of(SCENE_CLIENT_ID, 20);
	cr_assert_eq(flows_in_share(1024, 20), 30);
	cr_assert_eq(scene_counter(&scene, DT_NAT_DROP_NO_PORT), 10);
	lease_is_of(SECOND_CLIENT_ID, 30);
	cr_assert_eq(flows_in_share(2024, 30), 10);
}

/* The buckets of the scene's client and of the relay: so many bytes are in use. At these rates time changes nothing. */
static void in_use(uint64_t own, uint64_t relay)
{
	uint64_t ids[] = {0, SCENE_CLIENT_ID}, bytes[] = {relay, own};
	struct dt_client_usage u;

	for (int i = 0; i < 2; i++) {
		bpf_map__lookup_elem(scene.skel->maps.usage, &ids[i], sizeof(ids[i]), &u, sizeof(u), 0);
		u.rate_ns[DT_DIR_UP] = u.rate_ns[DT_DIR_DOWN] = dt_now_ns() + bytes[i] * DT_SEC / 1000;
		bpf_map__update_elem(scene.skel->maps.usage, &ids[i], sizeof(ids[i]), &u, sizeof(u), 0);
	}
}

static uint64_t owed(uint64_t id)
{
	struct dt_client_usage u;

	bpf_map__lookup_elem(scene.skel->maps.usage, &id, sizeof(id), &u, sizeof(u), 0);
	return u.rate_ns[DT_DIR_UP] > dt_now_ns() ? (u.rate_ns[DT_DIR_UP] - dt_now_ns()) / (DT_SEC / 1000) : 0;
}

static uint32_t grant(struct dt_rate_reserve *reserve, uint64_t bytes)
{
	return dt_rate_grant(bpf_program__fd(scene.skel->progs.rate_grant), SCENE_CLIENT_ID, 1000, reserve, DT_DIR_UP,
			     bytes, dt_now_ns());
}

/* What is copied takes max-rate from the buckets of flows: all that they leave, else what is reserved for it. */
Test(nat, copied_bytes_share_the_buckets)
{
	struct dt_rate_reserve reserve = {0}, used_up = {{UINT64_MAX / 2, UINT64_MAX / 2}};

	scene_reset(&scene);
	scene.limits.rate = scene.config.rate = 1000;
	scene.limits.bucket_ns = scene.config.bucket_ns = 1000 * DT_SEC; /* a megabyte */
	scene_config_store(&scene);
	scene_limits_store(&scene);
	in_use(0, 0);
	cr_assert_eq(grant(&reserve, 100000), 100000);
	cr_assert_float_eq((double)owed(SCENE_CLIENT_ID), 100000, 2000);
	cr_assert_float_eq((double)owed(0), 100000, 2000);
	cr_assert_eq(grant(&reserve, 0), 0);
	/* flows use much: half of the rate is reserved, 16 kB at once */
	in_use(600000, 600000);
	reserve = (struct dt_rate_reserve){0};
	cr_assert_eq(grant(&reserve, 100000), 16384);
	cr_assert_float_eq((double)owed(SCENE_CLIENT_ID), 616384, 2000);
	cr_assert_eq(grant(&reserve, 100000), 0);
	cr_assert_eq(grant(&used_up, 100000), 0);
	/* the relay's bucket counts as well */
	in_use(0, 300000);
	cr_assert_eq(grant(&used_up, 100000), 0);
	/* and an empty one gives nothing */
	reserve = (struct dt_rate_reserve){0};
	in_use(1000500, 0);
	cr_assert_eq(grant(&reserve, 100000), 0);
	scene.limits.rate = 0;
	scene_limits_store(&scene);
	in_use(0, 0);
	cr_assert_eq(grant(&reserve, 100000), 0);
}
