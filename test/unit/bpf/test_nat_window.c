/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat.bpf, packet by packet. Segments that cannot belong to the flow: outside its windows. */
#include "base/clock.h"
#include "bpf/story.h"

/* clang-format off */
static void age_1(struct scene *s, unsigned family) { scene_flows_age(s, DT_SEC); }

const struct row window_rows[] = {
	{"a RST beyond the window", {JOINED, from_server(RST, OPT_NONE, dropped(WINDOW), .seq_add = 0x10000000), call(flow_is_established)}, .flows_left = 1},
	{"a RST before the window", {JOINED, from_client(RST | ACK, OPT_NONE, dropped(WINDOW), .seq_add = -0x10000000), call(flow_is_established)}, .flows_left = 1},
	{"a RST within the window does not end the flow", {JOINED, from_server(RST, OPT_NONE, forwarded, .seq_add = 1), call(flow_is_established), from_client(RST, OPT_NONE, forwarded, .seq_add = 5000), call(flow_is_established)}, .flows_left = 1},
	{"a RST answers a segment", {JOINED, from_client(ACK, OPT_NONE, forwarded, .payload = 900), from_server(ACK, OPT_NONE, forwarded), from_client(ACK, OPT_NONE, forwarded, .payload = 900), from_client(RST, OPT_NONE, forwarded, .seq_add = -900), call(flow_is_closing)}, .flows_left = 1},
	{"a RST answers another SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(RST | ACK, OPT_NONE, dropped(WINDOW), .ack_add = 1), from_server(RST, OPT_NONE, dropped(WINDOW)), call(flow_is_half_open)}, .flows_left = 1},
	{"the client resets its SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(RST, OPT_NONE, dropped(WINDOW), .seq_add = 2), from_client(RST, OPT_NONE, forwarded), call(flow_is_closing)}, .flows_left = 1},
	{"a SYN-ACK for another SYN", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_JOIN_SYNACK, dropped(WINDOW), .ack_add = 1), from_server(SYN | ACK, OPT_MSS, dropped(WINDOW), .ack_add = -1), call(flow_is_half_open), from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded)}, .flows_left = 1},
	{"FIN beyond the window", {JOINED, from_client(FIN | ACK, OPT_NONE, dropped(WINDOW), .seq_add = 0x20000000), from_server(FIN | ACK, OPT_NONE, dropped(WINDOW), .seq_add = 0x20000000), from_client(ACK, OPT_NONE, forwarded), call(flow_is_established)}, .flows_left = 1},
	{"FIN within the window, but not the next", {JOINED, from_client(FIN | ACK, OPT_NONE, forwarded, .seq_add = 3000), from_server(FIN | ACK, OPT_NONE, forwarded, .seq_add = 3000, .ack_add = -3001), from_client(ACK, OPT_NONE, forwarded, .seq_add = -3001, .ack_add = -3001), call(flow_is_established)}, .flows_left = 1},
	{"data beyond the window", {JOINED, from_client(ACK, OPT_NONE, dropped(WINDOW), .payload = 100, .seq_add = 0x4000000), from_server(ACK, OPT_NONE, dropped(WINDOW), .payload = 100, .seq_add = 0x4000000)}, .flows_left = 1},
	{"data before the window", {JOINED, from_client(ACK, OPT_NONE, dropped(WINDOW), .payload = 100, .seq_add = -0x4000000)}, .flows_left = 1},
	{"an acknowledgement of what was not sent", {JOINED, from_client(ACK, OPT_NONE, dropped(WINDOW), .ack_add = 1), from_server(ACK, OPT_NONE, dropped(WINDOW), .ack_add = 1)}, .flows_left = 1},
	{"an acknowledgement of long ago", {JOINED, from_client(ACK, OPT_NONE, dropped(WINDOW), .ack_add = -0x10000000)}, .flows_left = 1},
	{"a keep-alive", {JOINED, from_client(ACK, OPT_NONE, forwarded, .seq_add = -1), from_server(ACK, OPT_NONE, forwarded, .seq_add = -1)}, .flows_left = 1},
	{"a retransmission", {JOINED, from_server(ACK, OPT_NONE, forwarded, .payload = 1400), from_server(ACK, OPT_NONE, forwarded, .payload = 1400), from_server(ACK, OPT_NONE, forwarded, .payload = 1400, .seq_add = -2800), from_server(ACK, OPT_NONE, forwarded, .payload = 1400)}, .flows_left = 1},
	{"a segment that overtakes", {JOINED, from_server(ACK, OPT_NONE, forwarded, .payload = 1400, .seq_add = 60000), from_server(ACK, OPT_NONE, forwarded, .payload = 1400, .seq_add = -61400)}, .flows_left = 1},
	{"a subflow may use the window of other subflows", {JOINED, from_server(ACK, OPT_NONE, forwarded, .payload = 1000, .seq_add = 300000)}, .flows_left = 1},
	{"plain TCP has only its own window", {call(plain_tcp), from_client(SYN, OPT_MSS, forwarded, .window = 4000), from_server(SYN | ACK, OPT_MSS, forwarded), from_client(ACK, OPT_NONE, forwarded, .window = 4000), from_server(ACK, OPT_NONE, dropped(WINDOW), .payload = 100, .seq_add = 4001), from_server(ACK, OPT_NONE, forwarded, .payload = 100, .seq_add = 4000)}, .flows_left = 1},
	{"without window scaling", {call(plain_tcp), from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_MSS, forwarded), from_client(ACK, OPT_NONE, forwarded), from_server(ACK, OPT_NONE, dropped(WINDOW), .payload = 100, .seq_add = 70000)}, .flows_left = 1},
	{"with window scaling", {call(plain_tcp), from_client(SYN, OPT_JOIN_SYN, forwarded), from_server(SYN | ACK, OPT_JOIN_SYNACK, forwarded), from_client(ACK, OPT_NONE, forwarded), from_server(ACK, OPT_NONE, forwarded, .payload = 100, .seq_add = 70000)}, .flows_left = 1},
	{"a forged SYN changes nothing", {JOINED, from_client(SYN, OPT_JOIN_SYN, forwarded, .seq_add = 0x30000000), call(flow_is_established), from_client(ACK, OPT_NONE, forwarded, .payload = 100)}, .flows_left = 1},
	{"SYNs of an established flow: one each half second", {JOINED, from_client(SYN, OPT_JOIN_SYN, forwarded, .seq_add = 0x30000000), from_client(SYN, OPT_JOIN_SYN, dropped(WINDOW), .seq_add = 0x30000000), from_client(SYN, OPT_JOIN_SYN, dropped(WINDOW)), call(age_1), from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, dropped(WINDOW))}, .flows_left = 1},
	{"a SYN that was lost is repeated while half open, at once", {from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, forwarded), from_client(SYN, OPT_JOIN_SYN, forwarded)}, .flows_left = 1},
	{"a forged SYN-ACK", {JOINED, from_server(SYN | ACK, OPT_JOIN_SYNACK, dropped(WINDOW), .seq_add = 0x30000000)}, .flows_left = 1},
	{"both closed, the last acknowledgement lost, for 239 s", {JOINED, from_client(FIN | ACK, OPT_NONE, forwarded), from_server(FIN | ACK, OPT_NONE, forwarded), call(age_239), from_client(ACK, OPT_NONE, forwarded)}, .flows_left = 1},
	{"both closed, the last acknowledgement lost, for 241 s", {JOINED, from_client(FIN | ACK, OPT_NONE, forwarded), from_server(FIN | ACK, OPT_NONE, forwarded), call(age_241), from_client(ACK, OPT_NONE, passed(EXPIRED))}, .flows_left = 1},
	{NULL},
};
/* clang-format on */
