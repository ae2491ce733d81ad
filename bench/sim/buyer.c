/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "buyer.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"

#define MPTCP_OF_TCP 0.983     /* 24 of 1,448 bytes are the DSS option */
#define WIREGUARD_OF_NAT 0.945 /* 1,368 of 1,448 bytes, in packets of the same size */
#define DRAWS 5
#define RESAMPLES 500

const char *const sim_carrier_names[SIM_CARRIERS] = {
	[SIM_NAT] = "nat",
	[SIM_NAT_SHARED] = "nat, one buffer",
	[SIM_WIREGUARD] = "wireguard",
	[SIM_CONVERTER] = "converter",
};

void sim_buyer_init(struct sim_buyer *b, const struct sim_transfers *t)
{
	size_t order[SIM_PLACES_MAX];

	memset(b, 0, sizeof(*b));
	b->transfers = t;
	for (size_t i = 0; i < t->places; i++)
		order[i] = i;
	for (size_t i = t->places; i > 1; i--) {
		size_t other = sim_below((unsigned)i), kept = order[other];

		order[other] = order[i - 1];
		order[i - 1] = kept;
	}
	for (size_t i = 0; i < t->places; i++)
		b->half[order[i]] = i % 2;
}

/* bit/s over one relay; 0: one of the legs was not measured. */
static double over(const struct sim_transfers *t, enum sim_carrier carrier, size_t from, size_t relay, size_t to)
{
	double first = t->bps[from][relay], second = t->bps[relay][to], rtt, w1, w2, all;

	if (first <= 0 || second <= 0 || relay == from || relay == to)
		return 0;
	if (carrier == SIM_CONVERTER)
		return fmin(first, second);
	rtt = t->rtt_s[from][relay] + t->rtt_s[relay][to];
	w1 = first * t->rtt_s[from][relay];
	w2 = second * t->rtt_s[relay][to];
	all = 1 / (rtt * sqrt(1 / (w1 * w1) + 1 / (w2 * w2)));
	if (carrier == SIM_NAT_SHARED)
		return fmin(all, t->bps[from][to] * t->rtt_s[from][to] / rtt);
	return carrier == SIM_WIREGUARD ? all * WIREGUARD_OF_NAT : all;
}

double sim_buyer_gain(const struct sim_transfers *t, enum sim_carrier carrier, size_t from, size_t to,
		      const size_t *relays, size_t count)
{
	double best = 0, second = 0, direct = t->bps[from][to];

	for (size_t i = 0; i < count; i++) {
		double one = over(t, carrier, from, relays[i], to);

		if (one > best) {
			second = best;
			best = one;
		} else if (one > second) {
			second = one;
		}
	}
	if (carrier == SIM_CONVERTER || carrier == SIM_NAT_SHARED)
		return MPTCP_OF_TCP * fmax(direct, best) / direct;
	return MPTCP_OF_TCP * (direct + best + second) / direct;
}

/* --- which relays ------------------------------------------------------------------------------ */

/* Those that a client could use at all. */
static size_t candidates(const struct sim_transfers *t, size_t client, size_t *list)
{
	size_t count = 0;

	for (size_t i = 0; i < t->places; i++)
		if (i != client && t->bps[client][i] > 0)
			list[count++] = i;
	return count;
}

static double trained(const struct sim_buyer *b, enum sim_carrier carrier, size_t client, const size_t *relays,
		      size_t count)
{
	double sum = 0;

	for (size_t to = 0; to < b->transfers->places; to++)
		if (b->half[to] == 0 && b->transfers->bps[client][to] > 0)
			sum += log(sim_buyer_gain(b->transfers, carrier, client, to, relays, count));
	return sum;
}

/* Greedy: each next relay is the one that adds most to the destinations of the first half. */
static size_t choose(const struct sim_buyer *b, enum sim_carrier carrier, size_t client, size_t wanted, size_t *relays)
{
	size_t list[SIM_PLACES_MAX], count = candidates(b->transfers, client, list), chosen = 0;

	for (; chosen < wanted && count > 0; chosen++) {
		size_t best = 0;
		double most = -INFINITY;

		for (size_t i = 0; i < count; i++) {
			double sum;

			relays[chosen] = list[i];
			sum = trained(b, carrier, client, relays, chosen + 1);
			if (sum > most) {
				most = sum;
				best = i;
			}
		}
		relays[chosen] = list[best];
		list[best] = list[--count];
	}
	return chosen;
}

static size_t draw(const struct sim_transfers *t, size_t client, size_t wanted, size_t *relays)
{
	size_t list[SIM_PLACES_MAX], count = candidates(t, client, list), chosen = 0;

	for (; chosen < wanted && count > 0; chosen++) {
		size_t one = sim_below((unsigned)count);

		relays[chosen] = list[one];
		list[one] = list[--count];
	}
	return chosen;
}

/* --- the answer -------------------------------------------------------------------------------- */

struct gain {
	double ratio;
	unsigned client;
};
struct gains {
	struct gain *list; /* sorted */
	size_t count;
};

static int by_ratio(const void *a, const void *b)
{
	double x = ((const struct gain *)a)->ratio, y = ((const struct gain *)b)->ratio;

	return (x > y) - (x < y);
}

static void figures_make(const void *data, const unsigned *times, double *figures)
{
	const struct gains *g = data;
	static const double limits[SIM_BUYER_FIGURES] = {[SIM_GAIN_10] = 1.1, [SIM_GAIN_50] = 1.5, [SIM_GAIN_100] = 2};
	double all = 0, seen = 0;

	memset(figures, 0, SIM_BUYER_FIGURES * sizeof(*figures));
	for (size_t i = 0; i < g->count; i++) {
		all += times[g->list[i].client];
		for (int f = SIM_GAIN_10; f < SIM_BUYER_FIGURES; f++)
			if (g->list[i].ratio >= limits[f])
				figures[f] += times[g->list[i].client];
	}
	for (size_t i = 0; i < g->count && seen < all / 2; i++) {
		seen += times[g->list[i].client];
		figures[SIM_MEDIAN] = g->list[i].ratio;
	}
	for (int f = SIM_GAIN_10; f < SIM_BUYER_FIGURES; f++)
		figures[f] /= all > 0 ? all : 1;
}

static void client_ask(const struct sim_buyer *b, enum sim_carrier carrier, size_t relays, int chosen, size_t client,
		       struct gains *gains)
{
	const struct sim_transfers *t = b->transfers;
	size_t set[SIM_PLACES_MAX], count = chosen ? choose(b, carrier, client, relays, set) : 0;

	for (size_t to = 0; to < t->places; to++) {
		if (b->half[to] == 0 || t->bps[client][to] <= 0)
			continue;
		for (int n = 0; n < DRAWS; n++) {
			if (!chosen)
				count = draw(t, client, relays, set);
			gains->list[gains->count++] =
				(struct gain){sim_buyer_gain(t, carrier, client, to, set, count), (unsigned)client};
			if (chosen)
				break;
		}
	}
}

int sim_buyer_ask(const struct sim_buyer *b, enum sim_carrier carrier, size_t relays, int chosen,
		  struct sim_bought *bought)
{
	const struct sim_transfers *t = b->transfers;
	struct gains gains = {calloc(t->pairs + 1, DRAWS * sizeof(*gains.list)), 0};
	int err;

	if (!gains.list)
		return -ENOMEM;
	memset(bought, 0, sizeof(*bought));
	if (relays > SIM_PLACES_MAX)
		relays = SIM_PLACES_MAX;
	for (size_t client = 0; client < t->places; client++) {
		size_t before = gains.count;

		client_ask(b, carrier, relays, chosen, client, &gains);
		bought->clients += gains.count > before;
	}
	bought->pairs = (unsigned)(gains.count / (chosen ? 1 : DRAWS));
	qsort(gains.list, gains.count, sizeof(*gains.list), by_ratio);
	err = gains.count
		      ? sim_intervals(figures_make, &gains, t->places, RESAMPLES, SIM_BUYER_FIGURES, bought->figures)
		      : -ENODATA;
	free(gains.list);
	return err;
}
