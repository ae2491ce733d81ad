/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. Segments that cannot be of the flow: outside its windows. */
#include "bpf/story.h"

/* clang-format off */
const struct row window_rows[] = {
	{"a RST beyond the window", {JOINED, down(RST, OPT_NONE, drop(WINDOW), .seq_add = 0x10000000), call(flow_is_established)}, 2},
	{"a RST before the window", {JOINED, up(RST | ACK, OPT_NONE, drop(WINDOW), .seq_add = -0x10000000), call(flow_is_established)}, 2},
	{"a RST within the window ends nothing", {JOINED, down(RST, OPT_NONE, forward, .seq_add = 1), call(flow_is_established), up(RST, OPT_NONE, forward, .seq_add = 5000), call(flow_is_established)}, 2},
	{"a RST answers a segment", {JOINED, up(ACK, OPT_NONE, forward, .payload = 900), down(ACK, OPT_NONE, forward), up(ACK, OPT_NONE, forward, .payload = 900), up(RST, OPT_NONE, forward, .seq_add = -900), call(flow_is_closing)}, 2},
	{"a RST answers another SYN", {up(SYN, OPT_JOIN_SYN, forward), down(RST | ACK, OPT_NONE, drop(WINDOW), .ack_add = 1), down(RST, OPT_NONE, drop(WINDOW)), call(flow_is_half_open)}, 2},
	{"the client resets its SYN", {up(SYN, OPT_JOIN_SYN, forward), up(RST, OPT_NONE, drop(WINDOW), .seq_add = 2), up(RST, OPT_NONE, forward), call(flow_is_closing)}, 2},
	{"a SYN-ACK for another SYN", {up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_JOIN_SYNACK, drop(WINDOW), .ack_add = 1), down(SYN | ACK, OPT_MSS, drop(WINDOW), .ack_add = -1), call(flow_is_half_open), down(SYN | ACK, OPT_JOIN_SYNACK, forward)}, 2},
	{"FIN beyond the window", {JOINED, up(FIN | ACK, OPT_NONE, drop(WINDOW), .seq_add = 0x20000000), down(FIN | ACK, OPT_NONE, drop(WINDOW), .seq_add = 0x20000000), up(ACK, OPT_NONE, forward), call(flow_is_established)}, 2},
	{"FIN within the window, but not the next", {JOINED, up(FIN | ACK, OPT_NONE, forward, .seq_add = 3000), down(FIN | ACK, OPT_NONE, forward, .seq_add = 3000, .ack_add = -3001), up(ACK, OPT_NONE, forward, .seq_add = -3001, .ack_add = -3001), call(flow_is_established)}, 2},
	{"data beyond the window", {JOINED, up(ACK, OPT_NONE, drop(WINDOW), .payload = 100, .seq_add = 0x4000000), down(ACK, OPT_NONE, drop(WINDOW), .payload = 100, .seq_add = 0x4000000)}, 2},
	{"data before the window", {JOINED, up(ACK, OPT_NONE, drop(WINDOW), .payload = 100, .seq_add = -0x4000000)}, 2},
	{"an acknowledgement of what was not sent", {JOINED, up(ACK, OPT_NONE, drop(WINDOW), .ack_add = 1), down(ACK, OPT_NONE, drop(WINDOW), .ack_add = 1)}, 2},
	{"an acknowledgement of long ago", {JOINED, up(ACK, OPT_NONE, drop(WINDOW), .ack_add = -0x10000000)}, 2},
	{"a keep-alive", {JOINED, up(ACK, OPT_NONE, forward, .seq_add = -1), down(ACK, OPT_NONE, forward, .seq_add = -1)}, 2},
	{"a retransmission", {JOINED, down(ACK, OPT_NONE, forward, .payload = 1400), down(ACK, OPT_NONE, forward, .payload = 1400), down(ACK, OPT_NONE, forward, .payload = 1400, .seq_add = -2800), down(ACK, OPT_NONE, forward, .payload = 1400)}, 2},
	{"a segment that overtakes", {JOINED, down(ACK, OPT_NONE, forward, .payload = 1400, .seq_add = 60000), down(ACK, OPT_NONE, forward, .payload = 1400, .seq_add = -61400)}, 2},
	{"a subflow may use the window of the others", {JOINED, down(ACK, OPT_NONE, forward, .payload = 1000, .seq_add = 300000)}, 2},
	{"plain TCP may not", {call(plain_tcp), up(SYN, OPT_MSS, forward, .window = 4000), down(SYN | ACK, OPT_MSS, forward), up(ACK, OPT_NONE, forward, .window = 4000), down(ACK, OPT_NONE, drop(WINDOW), .payload = 100, .seq_add = 4001), down(ACK, OPT_NONE, forward, .payload = 100, .seq_add = 4000)}, 2},
	{"without window scaling", {call(plain_tcp), up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_MSS, forward), up(ACK, OPT_NONE, forward), down(ACK, OPT_NONE, drop(WINDOW), .payload = 100, .seq_add = 70000)}, 2},
	{"with window scaling", {call(plain_tcp), up(SYN, OPT_JOIN_SYN, forward), down(SYN | ACK, OPT_JOIN_SYNACK, forward), up(ACK, OPT_NONE, forward), down(ACK, OPT_NONE, forward, .payload = 100, .seq_add = 70000)}, 2},
	{"a forged SYN changes nothing", {JOINED, up(SYN, OPT_JOIN_SYN, forward, .seq_add = 0x30000000), call(flow_is_established), up(ACK, OPT_NONE, forward, .payload = 100)}, 2},
	{"a forged SYN-ACK", {JOINED, down(SYN | ACK, OPT_JOIN_SYNACK, drop(WINDOW), .seq_add = 0x30000000)}, 2},
	{"both closed, the last acknowledgement lost, for 239 s", {JOINED, up(FIN | ACK, OPT_NONE, forward), down(FIN | ACK, OPT_NONE, forward), call(age_239), up(ACK, OPT_NONE, forward)}, 2},
	{"both closed, the last acknowledgement lost, for 241 s", {JOINED, up(FIN | ACK, OPT_NONE, forward), down(FIN | ACK, OPT_NONE, forward), call(age_241), up(ACK, OPT_NONE, pass(EXPIRED))}, 2},
	{NULL},
};
/* clang-format on */
