/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. What time does to flows: the daemon's absence, time-outs, ends, new beginnings. */
#include <criterion/criterion.h>
#include <linux/pkt_cls.h>

#include "base/clock.h"
#include "bpf/fixture.h"
#include "bpf/story.h"

/* clang-format off */
static void lease_back(struct scene *s, unsigned family) { scene_lease_put(s, family, dt_now_ns() + DT_SEC * 100); }
static void daemon_back(struct scene *s, unsigned family)
{
	s->config.alive_until_ns = dt_now_ns() + 60 * DT_SEC;
	s->config.dead_after_ns = dt_now_ns() + 660 * DT_SEC;
	scene_config_store(s);
}
static void age_9(struct scene *s, unsigned family) { scene_flows_age(s, 9 * DT_SEC); }
static void age_11(struct scene *s, unsigned family) { scene_flows_age(s, 11 * DT_SEC); }
static void age_60(struct scene *s, unsigned family) { scene_flows_age(s, 60 * DT_SEC); }
static void age_7439(struct scene *s, unsigned family) { scene_flows_age(s, 7439 * DT_SEC); }
static void age_7441(struct scene *s, unsigned family) { scene_flows_age(s, 7441 * DT_SEC); }
static void age_7460(struct scene *s, unsigned family) { scene_flows_age(s, 7460 * DT_SEC); }

const struct row state_rows[] = {
	/* the daemon's absence */
	{"60 s without a daemon: no new flow", {call(daemon_away), up(SYN, OPT_JOIN_SYN, drop(NO_DAEMON))}, 0},
	{"60 s without a daemon: flows go on", {JOINED, call(daemon_away), up(ACK, OPT_NONE, forward), down(ACK, OPT_NONE, forward)}, 2},
	{"660 s without a daemon: nothing passes", {JOINED, call(daemon_dead), up(ACK, OPT_NONE, pass(DEAD)), down(ACK, OPT_NONE, pass(DEAD)), up(SYN, OPT_JOIN_SYN, pass(DEAD), .sport = 2000)}, 2},
	{"the daemon is back", {JOINED, call(daemon_dead), up(ACK, OPT_NONE, pass(DEAD)), call(daemon_back), up(ACK, OPT_NONE, forward)}, 2},
	/* time */
	{"half open for 9 s", {up(SYN, OPT_JOIN_SYN, forward), call(age_9), down(SYN | ACK, OPT_JOIN_SYNACK, forward)}, 2},
	{"half open for 11 s", {up(SYN, OPT_JOIN_SYN, forward), call(age_11), down(SYN | ACK, OPT_JOIN_SYNACK, pass(EXPIRED))}, 2},
	{"half open for 11 s, then a SYN begins anew", {up(SYN, OPT_JOIN_SYN, forward), call(age_11), up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_JOIN_SYNACK, forward), call(flow_is_established)}, 2},
	{"half open for 60 s: the sweep's", {up(SYN, OPT_JOIN_SYN, forward), call(age_60), up(SYN, OPT_JOIN_SYN, drop(STALE))}, 2},
	{"idle for 7439 s", {JOINED, call(age_7439), up(ACK, OPT_NONE, forward), down(ACK, OPT_NONE, forward)}, 2},
	{"idle for 7441 s", {JOINED, call(age_7441), up(ACK, OPT_NONE, pass(EXPIRED)), down(ACK, OPT_NONE, pass(EXPIRED))}, 2},
	{"one direction keeps a flow alive", {JOINED, call(age_7439), down(ACK, OPT_NONE, forward), call(age_60), up(ACK, OPT_NONE, forward)}, 2},
	{"idle for 7441 s, then a join begins anew", {JOINED, call(age_7441), up(SYN, OPT_JOIN_SYN, forward), call(flow_is_half_open)}, 2},
	{"idle for 7460 s: the sweep's", {JOINED, call(age_7460), up(SYN, OPT_JOIN_SYN, drop(STALE))}, 2},
	{"FIN both ways, acknowledged, closes", {JOINED, up(FIN | ACK, OPT_NONE, forward), call(flow_is_established), down(FIN | ACK, OPT_NONE, forward), call(flow_is_established), up(ACK, OPT_NONE, forward), call(flow_is_closing), up(ACK, OPT_NONE, forward)}, 2},
	{"FIN one way leaves it open", {JOINED, up(FIN | ACK, OPT_NONE, forward), down(ACK, OPT_NONE, forward, .payload = 500), call(flow_is_established)}, 2},
	{"FIN twice is one", {JOINED, up(FIN | ACK, OPT_NONE, forward), up(FIN | ACK, OPT_NONE, forward), call(flow_is_established)}, 2},
	{"RST closes", {JOINED, up(RST, OPT_NONE, forward), call(flow_is_closing), down(ACK, OPT_NONE, forward)}, 2},
	{"RST from the server closes", {JOINED, down(RST | ACK, OPT_NONE, forward), call(flow_is_closing)}, 2},
	{"closing for 239 s", {JOINED, down(RST, OPT_NONE, forward), call(age_239), up(ACK, OPT_NONE, forward)}, 2},
	{"closing for 241 s", {JOINED, down(RST, OPT_NONE, forward), call(age_241), up(ACK, OPT_NONE, pass(EXPIRED))}, 2},
	{"a new join on a closing four-tuple", {JOINED, down(RST, OPT_NONE, forward), up(SYN, OPT_JOIN_SYN, forward), call(flow_is_half_open), down(SYN | ACK, OPT_JOIN_SYNACK, forward), call(flow_is_established)}, 2},
	{"a new join needs a lease again", {JOINED, down(RST, OPT_NONE, forward), call(lease_gone), up(SYN, OPT_JOIN_SYN, drop(NO_LEASE)), call(lease_back), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"a plain SYN on a closing four-tuple", {JOINED, down(RST, OPT_NONE, forward), up(SYN, OPT_MSS, drop(GATE_SYN))}, 2},
	{"restarts do not eat the quota", {call(max_flows_1), JOINED, down(RST, OPT_NONE, forward), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{NULL},
};
/* clang-format on */

/* A SYN on an established flow may be anybody's. */
Test(nat, a_syn_keeps_no_flow_alive)
{
	struct dt_flow before, after;
	struct row row = {"joined", {JOINED}, 2};
	struct packet_seen out;

	row_run(&row, 4);
	cr_assert(scene_flow(&scene, DT_DIR_UP, &before));
	cr_assert_eq(story_join(4, SCENE_SPORT, 64, &out), TC_ACT_REDIRECT);
	cr_assert(scene_flow(&scene, DT_DIR_UP, &after));
	cr_assert_eq(after.packets, before.packets + 1);
	cr_assert_eq(after.seen_ns, before.seen_ns);
}
