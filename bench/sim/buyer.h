/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a buyer of relays asks of measured transfers: with so many relays, drawn at random or well chosen, how many pairs
 * of hosts gain how much?
 *
 * The model. A measured connection keeps W = rate * RTT bytes under way, be it that loss, a buffer or its short life limits
 * it. Mathis: rate = C * MSS / (RTT * sqrt(loss)), so W stands for 1 / sqrt(loss), and losses of two legs add up: a
 * connection over both has W = 1 / sqrt(1 / W1^2 + 1 / W2^2) and the sum of the RTTs. A converter ends the loop at the
 * relay, so each leg keeps its own rate, and the slower one counts. Rates are those of MPTCP (0.983 of plain TCP), against
 * the measured one of plain TCP. The two best detours are used, the default of max-detours.
 */
#ifndef DETOURD_BENCH_BUYER_H
#define DETOURD_BENCH_BUYER_H

#include "sim/data.h"
#include "sim/interval.h"

enum sim_carrier {
	SIM_NAT,
	SIM_NAT_SHARED, /* one receive buffer for all subflows is the limit: bytes under way do not add up */
	SIM_WIREGUARD,
	SIM_CONVERTER,
	SIM_CARRIERS,
};
extern const char *const sim_carrier_names[SIM_CARRIERS];

struct sim_buyer {
	const struct sim_transfers *transfers;
	unsigned half[SIM_PLACES_MAX]; /* 0: relays are chosen by these destinations; 1: reported */
};

enum { SIM_MEDIAN, SIM_GAIN_10, SIM_GAIN_50, SIM_GAIN_100, SIM_BUYER_FIGURES };
struct sim_bought {
	unsigned pairs, clients;
	/* median of rate / direct rate; share of pairs with 1.1, 1.5 and 2 times the direct rate or more */
	struct sim_interval figures[SIM_BUYER_FIGURES];
};

/* Divides the destinations, by the seeded numbers. */
void sim_buyer_init(struct sim_buyer *b, const struct sim_transfers *t);
/* The rate of a pair with these relays, as a multiple of its direct one, which must be known. */
double sim_buyer_gain(const struct sim_transfers *t, enum sim_carrier carrier, size_t from, size_t to,
		      const size_t *relays, size_t count);
/* chosen: each client's relays are chosen, one after the other, by the destinations of the first half; else drawn for
 * each pair, several times. Intervals are over clients. 0, or -ENOMEM; -ENODATA: no pair to report. */
int sim_buyer_ask(const struct sim_buyer *b, enum sim_carrier carrier, size_t relays, int chosen,
		  struct sim_bought *bought);

#endif
