/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. Flows over time: the daemon's absence, time-outs, ends, new starts. */
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
	s->config.dead_awake_ns = dt_awake_ns() + 660 * DT_SEC;
	scene_config_store(s);
}
/* As the map is when the host wakes after 15 minutes. */
static void host_slept(struct scene *s, unsigned family)
{
	s->config.alive_until_ns = dt_now_ns() - 840 * DT_SEC;
	s->config.dead_after_ns = dt_now_ns() - 240 * DT_SEC;
	s->config.dead_awake_ns = dt_awake_ns() + 660 * DT_SEC;
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
	{"60 s without a daemon: no new flow", {call(daemon_away), from_client(SYN, OPT_JOIN_SYN, dropped(NO_DAEMON))}, .flows_left = 0},
	{"60 s without a daemon: flows go on", {JOINED, call(daemon_away), from_client(ACK, OPT_NONE, forwarded), from_server(ACK, OPT_NONE, forwarded)}, .flows_left = 1},
	{"660 s without a daemon: nothing passes", {JOINED, call(daemon_dead), from_client(ACK, OPT_NONE, passed(DEAD)), from_server(ACK, OPT_NONE, passed(DEAD)), from_client(SYN, OPT_JOIN_SYN, passed(DEAD), .client_port = 2000)}, .flows_left = 1},
	{"the daemon is back", {JOINED, call(daemon_dead), from_client(ACK, OPT_NONE, passed(DEAD)), call(daemon_back), from_client(ACK, OPT_NONE, forwarded)}, .flows_left = 1},
	{"the host slept for 15 minutes: flows go on before the daemon is back", {JOINED, call(host_slept), from_client(ACK, OPT_NONE, forwarded), from_server(ACK, OPT_NONE, forwarded), from_client(SYN, OPT_JOIN_SYN, dropped(NO_DAEMON), .client_port = 2000)}, .flows_left = 1},
	/* time */
	{"half open for 9 s", {from_client(SYN, OPT_JOIN_SYN, forwarded), call(age_9), from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded)}, .flows_left = 1},
	{"half open for 11 s", {from_client(SYN, OPT_JOIN_SYN, forwarded), call(age_11), from_server(SYN | ACK, OPT_JOIN_SYNACK, passed(EXPIRED))}, .flows_left = 1},
	{"half open for 11 s, then a SYN starts again", {from_client(SYN, OPT_JOIN_SYN, forwarded), call(age_11), from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded), call(flow_is_established)}, .flows_left = 1},
	{"half open for 60 s: left to the sweep", {from_client(SYN, OPT_JOIN_SYN, forwarded), call(age_60), from_client(SYN, OPT_JOIN_SYN, dropped(STALE))}, .flows_left = 1},
	{"idle for 7439 s", {JOINED, call(age_7439), from_client(ACK, OPT_NONE, forwarded), from_server(ACK, OPT_NONE, forwarded)}, .flows_left = 1},
	{"idle for 7441 s", {JOINED, call(age_7441), from_client(ACK, OPT_NONE, passed(EXPIRED)), from_server(ACK, OPT_NONE, passed(EXPIRED))}, .flows_left = 1},
	{"one direction keeps a flow alive", {JOINED, call(age_7439), from_server(ACK, OPT_NONE, forwarded), call(age_60), from_client(ACK, OPT_NONE, forwarded)}, .flows_left = 1},
	{"idle for 7441 s, then a join starts again", {JOINED, call(age_7441), from_client(SYN, OPT_JOIN_SYN, forwarded), call(flow_is_half_open)}, .flows_left = 1},
	{"idle for 7460 s: left to the sweep", {JOINED, call(age_7460), from_client(SYN, OPT_JOIN_SYN, dropped(STALE))}, .flows_left = 1},
	{"FIN both ways, acknowledged, closes", {JOINED, from_client(FIN | ACK, OPT_NONE, forwarded), call(flow_is_established), from_server(FIN | ACK, OPT_NONE, forwarded), call(flow_is_established), from_client(ACK, OPT_NONE, forwarded), call(flow_is_closing), from_client(ACK, OPT_NONE, forwarded)}, .flows_left = 1},
	{"FIN one way leaves it open", {JOINED, from_client(FIN | ACK, OPT_NONE, forwarded), from_server(ACK, OPT_NONE, forwarded, .payload = 500), call(flow_is_established)}, .flows_left = 1},
	{"a repeated FIN", {JOINED, from_client(FIN | ACK, OPT_NONE, forwarded), from_client(FIN | ACK, OPT_NONE, forwarded), call(flow_is_established)}, .flows_left = 1},
	{"RST closes", {JOINED, from_client(RST, OPT_NONE, forwarded), call(flow_is_closing), from_server(ACK, OPT_NONE, forwarded)}, .flows_left = 1},
	{"RST from the server closes", {JOINED, from_server(RST | ACK, OPT_NONE, forwarded), call(flow_is_closing)}, .flows_left = 1},
	{"closing for 239 s", {JOINED, from_server(RST, OPT_NONE, forwarded), call(age_239), from_client(ACK, OPT_NONE, forwarded)}, .flows_left = 1},
	{"closing for 241 s", {JOINED, from_server(RST, OPT_NONE, forwarded), call(age_241), from_client(ACK, OPT_NONE, passed(EXPIRED))}, .flows_left = 1},
	{"a new join on a closing four-tuple", {JOINED, from_server(RST, OPT_NONE, forwarded), from_client(SYN, OPT_JOIN_SYN, forwarded), call(flow_is_half_open), from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded), call(flow_is_established)}, .flows_left = 1},
	{"a new join needs a lease again", {JOINED, from_server(RST, OPT_NONE, forwarded), call(lease_gone), from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE)), call(lease_back), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{"a plain SYN on a closing four-tuple", {JOINED, from_server(RST, OPT_NONE, forwarded), from_client(SYN, OPT_MSS, dropped(GATE_SYN))}, .flows_left = 1},
	{"restarts do not eat the quota", {call(max_flows_1), JOINED, from_server(RST, OPT_NONE, forwarded), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{NULL},
};
/* clang-format on */

/* Anyone can send a SYN to an established flow. */
Test(nat, a_syn_keeps_no_flow_alive)
{
	struct dt_flow before, after;
	struct row row = {"joined", {JOINED}, .flows_left = 1};
	struct packet_seen out;

	row_run(&row, 4);
	cr_assert(scene_flow(&scene, DT_DIR_UP, &before));
	cr_assert_eq(story_join(4, SCENE_SPORT, 64, &out), TC_ACT_REDIRECT);
	cr_assert(scene_flow(&scene, DT_DIR_UP, &after));
	cr_assert_eq(after.packets, before.packets + 1);
	cr_assert_eq(after.seen_ns, before.seen_ns);
}
