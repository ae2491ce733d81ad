/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. The handshake, and that a lease admits only joins. */
#include "base/clock.h"
#include "bpf/story.h"

/* clang-format off */
static void age_9(struct scene *s, unsigned family) { scene_flows_age(s, 9 * DT_SEC); }
static void converter(struct scene *s, unsigned family) { scene_converter_put(s, family, dt_now_ns() + 300 * DT_SEC, false); }
static void converter_over(struct scene *s, unsigned family) { scene_converter_put(s, family, 0, false); }
static void converter_of_other(struct scene *s, unsigned family) { scene_converter_put(s, family, dt_now_ns() + 300 * DT_SEC, true); }
static void converter_closes(struct scene *s, unsigned family) { scene_converter_close(s, family); }
static void age_2(struct scene *s, unsigned family) { scene_flows_age(s, 2 * DT_SEC); }

const struct row gate_rows[] = {
	{"a join is forwarded", {from_client(SYN, OPT_JOIN_SYN, forwarded), call(flow_is_half_open)}, .flows_left = 1},
	{"the whole handshake", {JOINED, call(flow_is_established)}, .flows_left = 1},
	{"data both ways", {JOINED, from_client(ACK | PSH, OPT_NONE, forwarded, .payload = 1000), from_server(ACK | PSH, OPT_NONE, forwarded, .payload = 1400)}, .flows_left = 1},
	{"odd payload", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 333), from_server(ACK, OPT_NONE, forwarded, .payload = 1)}, .flows_left = 1},
	{"a repeated SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{"a repeated SYN-ACK", {JOINED, from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded)}, .flows_left = 1},
	{"a join without MSS", {from_client(SYN, OPT_JOIN_NO_MSS, forwarded)}, .flows_left = 1},
	{"a plain SYN", {from_client(SYN, OPT_MSS, dropped(GATE_SYN))}, .flows_left = 0},
	{"a bare SYN", {from_client(SYN, OPT_NONE, dropped(GATE_SYN))}, .flows_left = 0},
	{"MP_CAPABLE", {from_client(SYN, OPT_CAPABLE, dropped(GATE_SYN))}, .flows_left = 0},
	{"MP_JOIN of a wrong length", {from_client(SYN, OPT_JOIN_SHORT, dropped(GATE_SYN))}, .flows_left = 0},
	{"MP_JOIN of a SYN-ACK's length in a SYN", {from_client(SYN, OPT_JOIN_SYNACK, dropped(GATE_SYN))}, .flows_left = 0},
	{"MP_JOIN behind the end of options", {from_client(SYN, OPT_JOIN_LAST, dropped(GATE_SYN))}, .flows_left = 0},
	{"MP_JOIN beyond the header", {from_client(SYN, OPT_JOIN_CUT, dropped(GATE_SYN))}, .flows_left = 0},
	{"an option of length 0", {from_client(SYN, OPT_ZERO_LEN, dropped(GATE_SYN))}, .flows_left = 0},
	{"a plain SYN in a join's flow", {JOINED, from_client(SYN, OPT_MSS, dropped(GATE_SYN))}, .flows_left = 1},
	{"SYN and FIN", {from_client(SYN | FIN, OPT_JOIN_SYN, passed(NO_FLOW))}, .flows_left = 0},
	{"SYN and RST", {from_client(SYN | RST, OPT_JOIN_SYN, passed(NO_FLOW))}, .flows_left = 0},
	{"SYN-ACK from the client", {from_client(SYN | ACK, OPT_JOIN_SYN, passed(NO_FLOW))}, .flows_left = 0},
	{"SYN-ACK from the client in a flow", {JOINED, from_client(SYN | ACK, OPT_JOIN_SYN, dropped(GATE_STATE))}, .flows_left = 1},
	{"SYN and FIN in a flow", {JOINED, from_client(SYN | FIN, OPT_JOIN_SYN, dropped(GATE_STATE))}, .flows_left = 1},
	{"SYN from the server", {JOINED, from_server(SYN, OPT_JOIN_SYN, dropped(GATE_STATE))}, .flows_left = 1},
	{"SYN, ACK and FIN from the server", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK | FIN, OPT_JOIN_SYNACK, dropped(GATE_STATE))}, .flows_left = 1},
	{"an ACK before the SYN-ACK", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(ACK, OPT_NONE, dropped(GATE_STATE))}, .flows_left = 1},
	{"data before the SYN-ACK", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(ACK | PSH, OPT_NONE, dropped(GATE_STATE), .payload = 100)}, .flows_left = 1},
	{"data from the server before its SYN-ACK", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(ACK, OPT_NONE, dropped(GATE_STATE), .payload = 100)}, .flows_left = 1},
	{"a SYN-ACK without MP_JOIN goes to the host", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_MSS, passed(REFUSED)), from_client(ACK, OPT_NONE, passed(REFUSED)), from_server(ACK, OPT_NONE, passed(NO_FLOW))}, .refused_left = 1},
	{"a SYN-ACK with MP_CAPABLE goes to the host", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_CAPABLE, passed(REFUSED))}, .refused_left = 1},
	{"a SYN-ACK with a SYN's MP_JOIN goes to the host", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_JOIN_SYN, passed(REFUSED))}, .refused_left = 1},
	{"no second attempt while refused", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_MSS, passed(REFUSED)), from_client(SYN, OPT_JOIN_SYN, passed(REFUSED))}, .refused_left = 1},
	{"a refused flow's source port is free at once", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_MSS, passed(REFUSED)), from_client(SYN, OPT_JOIN_SYN, forwarded, .client_port = 2000)}, .flows_left = 1, .refused_left = 1},
	{"a refused flow ends after ten seconds", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_MSS, passed(REFUSED)), call(age_9), from_client(SYN, OPT_JOIN_SYN, passed(REFUSED)), from_client(ACK, OPT_NONE, passed(REFUSED)), call(age_2), from_client(SYN, OPT_JOIN_SYN, dropped(STALE)), from_client(ACK, OPT_NONE, passed(EXPIRED))}, .refused_left = 1},
	{"a later SYN-ACK without MP_JOIN", {JOINED, from_server(SYN | ACK, OPT_MSS, dropped(GATE_STATE))}, .flows_left = 1},
	{"a RST answers the SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(RST | ACK, OPT_NONE, forwarded), call(flow_is_closing)}, .flows_left = 1},
	{"nothing after a RST answers the SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(RST | ACK, OPT_NONE, forwarded), from_client(ACK, OPT_NONE, dropped(GATE_STATE)), from_server(ACK, OPT_NONE, dropped(GATE_STATE)), from_server(SYN | ACK, OPT_JOIN_SYNACK, dropped(GATE_STATE))}, .flows_left = 1},
	{"nothing after the client resets its SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(RST, OPT_NONE, forwarded), from_server(ACK, OPT_NONE, dropped(GATE_STATE)), from_client(PSH, OPT_NONE, dropped(GATE_STATE), .payload = 100)}, .flows_left = 1},
	{"a new join after the client resets its SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(RST, OPT_NONE, forwarded), JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 100)}, .flows_left = 1},
	{"plain TCP where it is allowed", {call(plain_tcp), from_client(SYN, OPT_MSS, forwarded), from_server(SYN | ACK, OPT_MSS, forwarded), from_client(ACK, OPT_NONE, forwarded, .payload = 10)}, .flows_left = 1},
	{"MP_CAPABLE where plain TCP is allowed", {call(plain_tcp), from_client(SYN, OPT_CAPABLE, forwarded), from_server(SYN | ACK, OPT_CAPABLE, forwarded)}, .flows_left = 1},
	{"data in a join's SYN", {from_client(SYN, OPT_JOIN_SYN, dropped(SYN_DATA), .payload = 100)}, .flows_left = 0},
	{"data in a plain SYN", {from_client(SYN, OPT_MSS, dropped(GATE_SYN), .payload = 100)}, .flows_left = 0},
	{"data in a repeated SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, dropped(SYN_DATA), .payload = 1), from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded)}, .flows_left = 1},
	{"data in a SYN of an established flow", {JOINED, from_client(SYN, OPT_JOIN_SYN, dropped(SYN_DATA), .payload = 1400)}, .flows_left = 1},
	{"data in a SYN that would start the flow again", {JOINED, from_server(RST, OPT_NONE, forwarded), from_client(SYN, OPT_JOIN_SYN, dropped(SYN_DATA), .payload = 100)}, .flows_left = 1},
	{"data in a SYN where plain TCP is allowed", {call(plain_tcp), from_client(SYN, OPT_MSS, dropped(SYN_DATA), .payload = 100)}, .flows_left = 0},
	{"data in a SYN from a tunnel", {call(interface_is_tunnel), from_tunnel(SYN, OPT_JOIN_SYN, dropped(SYN_DATA), .payload = 100)}, .flows_left = 0},
	{"data in a RST before the SYN-ACK", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(RST, OPT_NONE, dropped(SYN_DATA), .payload = 10), call(flow_is_half_open), from_client(RST, OPT_NONE, forwarded)}, .flows_left = 1},
	{"data in a SYN without a lease", {call(lease_gone), from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE), .payload = 100)}, .flows_left = 0},
	{"a converter's client connects", {call(converter), from_client(SYN, OPT_CAPABLE, passed(CONVERTED)), from_client(SYN, OPT_MSS, passed(CONVERTED)), from_client(ACK, OPT_NONE, passed(NO_FLOW), .payload = 100)}, .flows_left = 0},
	{"and joins", {call(converter), from_client(SYN, OPT_JOIN_SYN, passed(CONVERTED)), from_client(ACK, OPT_JOIN_ACK, passed(NO_FLOW))}, .flows_left = 0},
	{"another joins, but does not connect", {call(converter_of_other), from_client(SYN, OPT_JOIN_SYN, passed(CONVERTED)), from_client(SYN, OPT_CAPABLE, dropped(NO_LEASE)), from_client(SYN, OPT_MSS, dropped(NO_LEASE)), from_client(SYN, OPT_NONE, dropped(NO_LEASE))}, .flows_left = 0},
	{"MP_JOIN of a wrong length to a converter", {call(converter), from_client(SYN, OPT_JOIN_SHORT, dropped(NO_LEASE)), from_client(SYN, OPT_JOIN_SYNACK, dropped(NO_LEASE))}, .flows_left = 0},
	{"a converter whose lease is over takes joins only", {call(converter_over), from_client(SYN, OPT_CAPABLE, dropped(NO_LEASE)), from_client(SYN, OPT_MSS, dropped(NO_LEASE)), from_client(SYN, OPT_JOIN_SYN, passed(CONVERTED))}, .flows_left = 0},
	{"a closed converter answers its client, revoked or not", {call(converter), call(converter_closes), from_client(SYN, OPT_CAPABLE, passed(CONVERTED)), from_client(SYN, OPT_MSS, passed(CONVERTED)), call(revoked), from_client(SYN, OPT_CAPABLE, passed(CONVERTED))}, .flows_left = 0},
	{"and no stranger, not even one that joins", {call(converter_of_other), call(converter_closes), from_client(SYN, OPT_CAPABLE, dropped(NO_LEASE)), from_client(SYN, OPT_MSS, dropped(NO_LEASE)), from_client(SYN, OPT_JOIN_SYN, dropped(NO_LEASE))}, .flows_left = 0},
	{"a converter of a revoked client", {call(converter), call(revoked), from_client(SYN, OPT_CAPABLE, dropped(REVOKED))}, .flows_left = 0},
	{"a converter without a daemon", {call(converter), call(daemon_away), from_client(SYN, OPT_CAPABLE, dropped(NO_DAEMON)), from_client(SYN, OPT_JOIN_SYN, dropped(NO_DAEMON))}, .flows_left = 0},
	{"another port than the converter's", {call(converter), from_client(SYN, OPT_CAPABLE, dropped(NO_LEASE), .lease_port = SCENE_DPT + 1)}, .flows_left = 0},
	{NULL},
};
/* clang-format on */
