/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. The handshake, and what a lease lets through: joins alone. */
#include "bpf/story.h"

/* clang-format off */
const struct row gate_rows[] = {
	{"a join is forwarded", {up(SYN, OPT_JOIN_SYN, forward), call(flow_is_half_open)}, 2},
	{"the whole handshake", {JOINED, call(flow_is_established)}, 2},
	{"data both ways", {JOINED, up(ACK | PSH, OPT_NONE, forward, .payload = 1000), down(ACK | PSH, OPT_NONE, forward, .payload = 1400)}, 2},
	{"odd payload", {JOINED, up(ACK, OPT_NONE, forward, .payload = 333), down(ACK, OPT_NONE, forward, .payload = 1)}, 2},
	{"a SYN again", {up(SYN, OPT_JOIN_SYN, forward), up(SYN, OPT_JOIN_SYN, forward)}, 2},
	{"a SYN-ACK again", {JOINED, down(SYN | ACK, OPT_JOIN_SYNACK, forward)}, 2},
	{"a join without MSS", {up(SYN, OPT_JOIN_NO_MSS, forward)}, 2},
	{"a plain SYN", {up(SYN, OPT_MSS, drop(GATE_SYN))}, 0},
	{"a bare SYN", {up(SYN, OPT_NONE, drop(GATE_SYN))}, 0},
	{"MP_CAPABLE", {up(SYN, OPT_CAPABLE, drop(GATE_SYN))}, 0},
	{"MP_JOIN of a wrong length", {up(SYN, OPT_JOIN_SHORT, drop(GATE_SYN))}, 0},
	{"MP_JOIN of a SYN-ACK's length in a SYN", {up(SYN, OPT_JOIN_SYNACK, drop(GATE_SYN))}, 0},
	{"MP_JOIN behind the end of options", {up(SYN, OPT_JOIN_LAST, drop(GATE_SYN))}, 0},
	{"MP_JOIN beyond the header", {up(SYN, OPT_JOIN_CUT, drop(GATE_SYN))}, 0},
	{"an option of length 0", {up(SYN, OPT_ZERO_LEN, drop(GATE_SYN))}, 0},
	{"a plain SYN in a join's flow", {JOINED, up(SYN, OPT_MSS, drop(GATE_SYN))}, 2},
	{"SYN and FIN", {up(SYN | FIN, OPT_JOIN_SYN, pass(NO_FLOW))}, 0},
	{"SYN and RST", {up(SYN | RST, OPT_JOIN_SYN, pass(NO_FLOW))}, 0},
	{"SYN-ACK from the client", {up(SYN | ACK, OPT_JOIN_SYN, pass(NO_FLOW))}, 0},
	{"SYN-ACK from the client in a flow", {JOINED, up(SYN | ACK, OPT_JOIN_SYN, drop(GATE_STATE))}, 2},
	{"SYN and FIN in a flow", {JOINED, up(SYN | FIN, OPT_JOIN_SYN, drop(GATE_STATE))}, 2},
	{"SYN from the server", {JOINED, down(SYN, OPT_JOIN_SYN, drop(GATE_STATE))}, 2},
	{"SYN, ACK and FIN from the server", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK | FIN, OPT_JOIN_SYNACK, drop(GATE_STATE))}, 2},
	{"an ACK before the SYN-ACK", {up(SYN, OPT_JOIN_SYN, forward), up(ACK, OPT_NONE, drop(GATE_STATE))}, 2},
	{"data before the SYN-ACK", {up(SYN, OPT_JOIN_SYN, forward), up(ACK | PSH, OPT_NONE, drop(GATE_STATE), .payload = 100)}, 2},
	{"data from the server before its SYN-ACK", {up(SYN, OPT_JOIN_SYN, forward), down(ACK, OPT_NONE, drop(GATE_STATE), .payload = 100)}, 2},
	{"a SYN-ACK without MP_JOIN goes to the host", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_MSS, pass(REFUSED)), up(ACK, OPT_NONE, pass(REFUSED)), down(ACK, OPT_NONE, pass(REFUSED))}, 2},
	{"a SYN-ACK with MP_CAPABLE goes to the host", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_CAPABLE, pass(REFUSED))}, 2},
	{"a SYN-ACK with a SYN's MP_JOIN goes to the host", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_JOIN_SYN, pass(REFUSED))}, 2},
	{"no second attempt while refused", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_MSS, pass(REFUSED)), up(SYN, OPT_JOIN_SYN, pass(REFUSED))}, 2},
	{"a later SYN-ACK without MP_JOIN", {JOINED, down(SYN | ACK, OPT_MSS, drop(GATE_STATE))}, 2},
	{"a RST answers the SYN", {up(SYN, OPT_JOIN_SYN, forward), down(RST | ACK, OPT_NONE, forward), call(flow_is_closing)}, 2},
	{"plain TCP where it is allowed", {call(plain_tcp), up(SYN, OPT_MSS, forward), down(SYN | ACK, OPT_MSS, forward), up(ACK, OPT_NONE, forward, .payload = 10)}, 2},
	{"MP_CAPABLE where plain TCP is allowed", {call(plain_tcp), up(SYN, OPT_CAPABLE, forward), down(SYN | ACK, OPT_CAPABLE, forward)}, 2},
	{NULL},
};
/* clang-format on */
