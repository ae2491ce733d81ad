/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. How many flows, how many new ones, how many bytes a second. */
#include <criterion/criterion.h>
#include <linux/pkt_cls.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bpf/fixture.h"
#include "bpf/story.h"

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
/* At a byte a second nothing flows back while the test runs. */
static void bucket_of(struct scene *s, uint64_t bytes)
{
	s->limits.rate = 1;
	s->limits.bucket_ns = bytes * DT_SEC;
	scene_limits_store(s);
	buckets_full(s, 0);
}
static void bucket_of_2500(struct scene *s, unsigned family) { bucket_of(s, 2500); }
static void bucket_of_500(struct scene *s, unsigned family) { bucket_of(s, 500); }
/* 500 ns a byte, so that a millisecond is worth 1,953 of them; time as it goes by fills none of it. */
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
/* Was taken from the bucket what went through and what the flow still has? */
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
	{"max-flows", {call(max_flows_1), JOINED, up(SYN, OPT_JOIN_SYN, drop(MAX_FLOWS), .sport = 2000)}, 2},
	{"max-flows counts the half-open", {call(max_flows_1), up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, drop(MAX_FLOWS), .sport = 2000)}, 2},
	{"the relay's max-flows", {call(relay_max_flows_0), up(SYN, OPT_JOIN_SYN, drop(MAX_FLOWS))}, 0},
	{"half-open flows", {call(half_open_1), up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, drop(HALF_OPEN), .sport = 2000)}, 2},
	{"an established one is not half open", {call(half_open_1), JOINED, up(SYN, OPT_JOIN_SYN, forward, .sport = 2000)}, 4},
	{"max-new-flows", {call(new_flows_1), up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, drop(NEW_FLOWS), .sport = 2000)}, 2},
	{"max-new-flows of 0", {call(new_flows_0), up(SYN, OPT_JOIN_SYN, drop(NEW_FLOWS))}, 0},
	{"a SYN again costs nothing", {call(new_flows_1), up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"source ports run out", {up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, drop(NO_PORT), .sport = 2000), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	/* rates */
	{"max-rate of the client", {JOINED, call(rate_of_nothing), up(ACK, OPT_NONE, drop(RATE), .payload = 1000), down(ACK, OPT_NONE, drop(RATE), .payload = 1000)}, 2},
	{"max-rate of the relay", {JOINED, call(relay_rate_of_nothing), up(ACK, OPT_NONE, drop(RATE), .payload = 1000), down(ACK, OPT_NONE, drop(RATE), .payload = 1000)}, 2},
	{"a bucket of two packets", {JOINED, call(bucket_of_2500), up(ACK, OPT_NONE, forward, .payload = 1000), up(ACK, OPT_NONE, forward, .payload = 1000), up(ACK, OPT_NONE, drop(RATE), .payload = 1000), down(ACK, OPT_NONE, forward, .payload = 1000), call(buckets_full), up(ACK, OPT_NONE, forward, .payload = 1000)}, 2},
	{"a packet larger than the bucket", {JOINED, call(bucket_of_500), up(ACK, OPT_NONE, forward, .payload = 1000), up(ACK, OPT_NONE, drop(RATE), .payload = 100)}, 2},
	{"what was taken in advance and not used comes back", {JOINED, call(bucket_half_used), up(ACK, OPT_NONE, forward, .payload = 948), up(ACK, OPT_NONE, forward, .payload = 100), call(paid_what_passed), call(credit_old), up(ACK, OPT_NONE, forward, .payload = 948), call(paid_what_passed), up(ACK, OPT_NONE, forward, .payload = 948), call(paid_what_passed)}, 2},
	{"revoked in mid-flow", {JOINED, call(revoked_without_credit), up(ACK, OPT_NONE, drop(REVOKED), .payload = 1000)}, 2},
	{NULL},
};
/* clang-format on */

/* 40 joins at once, for 32 source ports: each flow gets one of its own, and the last eight joins none. */
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

/* Of 40 joins from this port on. */
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
