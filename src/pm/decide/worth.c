/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/worth.h"

#include <string.h>

#include "base/clock.h"

/* Less tells of the application, not of the path. */
#define BULK_BYTES 1e6
/* One kind moves so little beside the other that it does not matter. */
#define BESIDE 0.05
/* Converting costs a little by itself, and rates differ by chance: this is a loss. */
#define LOSS 0.9
#define FRESH_NS (1800 * DT_SEC)
#define SLOWER_NS (600 * DT_SEC) /* doubles each time */
#define SLOWER_DOUBLINGS 3
#define SHORT_COUNT 16
#define SHORT_BYTES 65536.0 /* as detour-after */
#define SHORT_WAIT_NS (5 * DT_SEC)
#define SHORT_NS (600 * DT_SEC)
#define ALONE_NS (600 * DT_SEC)
#define ASK_NS (60 * DT_SEC)

static void verdict_set(struct dt_worth *w, enum dt_worth_verdict verdict, uint64_t until_ns)
{
	w->verdict = verdict;
	w->until_ns = until_ns;
}

static bool is_fresh(const struct dt_worth *w, enum dt_worth_kind kind, uint64_t now_ns)
{
	return w->known[kind].at_ns && now_ns - w->known[kind].at_ns < FRESH_NS;
}

void dt_worth_began(struct dt_worth *w, uint64_t now_ns)
{
	if (++w->began == SHORT_COUNT)
		w->enough_ns = now_ns + SHORT_WAIT_NS;
}

static void run_end(struct dt_worth *w)
{
	memset(&w->run, 0, sizeof(w->run));
}

/* A second of the run, in which only its kind moved. */
static void run_add(struct dt_worth *w, const double bps[2])
{
	double mean;

	for (int dir = 0; dir < 2; dir++) {
		w->run.last[dir][w->run.seconds % DT_WORTH_WINDOW] = bps[dir];
		w->run.bytes += bps[dir] / 8;
	}
	if (++w->run.seconds < DT_WORTH_WINDOW)
		return;
	for (int dir = 0; dir < 2; dir++) {
		mean = 0;
		for (int i = 0; i < DT_WORTH_WINDOW; i++)
			mean += w->run.last[dir][i] / DT_WORTH_WINDOW;
		if (mean > w->run.best[dir])
			w->run.best[dir] = mean;
	}
}

/* The run is long enough to be a measurement. */
static void measured(struct dt_worth *w, uint64_t now_ns)
{
	enum dt_worth_kind kind = w->run.kind;

	memcpy(w->known[kind].bps, w->run.best, sizeof(w->run.best));
	w->known[kind].at_ns = now_ns;
	if (kind == DT_WORTH_DIRECT && (w->verdict == DT_WORTH_SHORT || w->verdict == DT_WORTH_ASKS))
		verdict_set(w, DT_WORTH_PAYS, 0);
	if (kind == DT_WORTH_CONVERTED && !w->alone_ns && !is_fresh(w, DT_WORTH_DIRECT, now_ns))
		w->alone_ns = now_ns;
}

/* In the direction in which more moves. Only what both kinds did is compared. */
static void compare(struct dt_worth *w, uint64_t now_ns)
{
	const double *direct = w->known[DT_WORTH_DIRECT].bps, *converted = w->known[DT_WORTH_CONVERTED].bps;
	int dir = direct[1] > direct[0];
	unsigned doublings = w->times < SLOWER_DOUBLINGS ? w->times : SLOWER_DOUBLINGS;

	if ((converted[1] > converted[0]) != dir)
		return;
	if (converted[dir] >= LOSS * direct[dir]) {
		w->times = 0;
		return;
	}
	verdict_set(w, DT_WORTH_SLOWER, now_ns + (SLOWER_NS << doublings));
	w->times++;
	w->known[DT_WORTH_CONVERTED].at_ns = 0;
}

static double sum(const struct dt_worth_moved *moved)
{
	return moved->bps[0] + moved->bps[1];
}

void dt_worth_second(struct dt_worth *w, const struct dt_worth_moved *moved, uint64_t now_ns)
{
	double direct = sum(&moved[DT_WORTH_DIRECT]), converted = sum(&moved[DT_WORTH_CONVERTED]);
	enum dt_worth_kind kind = converted > direct ? DT_WORTH_CONVERTED : DT_WORTH_DIRECT;

	w->moved += converted / 8;
	/* both at once share the path, and tell nothing of each other; a program that pauses tells nothing of the path */
	if (direct + converted <= 0 || !moved[kind].is_full ||
	    (converted > BESIDE * direct && direct > BESIDE * converted)) {
		run_end(w);
		return;
	}
	if (kind != w->run.kind)
		run_end(w);
	w->run.kind = kind;
	run_add(w, moved[kind].bps);
	if (w->run.seconds >= DT_WORTH_WINDOW && w->run.bytes >= BULK_BYTES)
		measured(w, now_ns);
}

/* How long converted connections are. */
static void lengths_judge(struct dt_worth *w, uint64_t now_ns)
{
	if (!w->enough_ns || now_ns < w->enough_ns)
		return;
	if (w->moved < SHORT_BYTES * w->began)
		verdict_set(w, DT_WORTH_SHORT, now_ns + SHORT_NS);
	w->began = 0;
	w->moved = 0;
	w->enough_ns = 0;
}

enum dt_worth_verdict dt_worth_judge(struct dt_worth *w, uint64_t now_ns)
{
	if (w->verdict != DT_WORTH_PAYS && now_ns < w->until_ns)
		return w->verdict;
	/* nothing of what was measured is compared again before it is measured again */
	verdict_set(w, DT_WORTH_PAYS, 0);
	lengths_judge(w, now_ns);
	if (w->verdict != DT_WORTH_PAYS || !is_fresh(w, DT_WORTH_CONVERTED, now_ns))
		return w->verdict;
	if (is_fresh(w, DT_WORTH_DIRECT, now_ns)) {
		w->alone_ns = 0;
		/* the run goes on: it may still become faster */
		if (w->run.kind != DT_WORTH_CONVERTED || w->run.seconds == 0 || w->run.seconds >= 4 * DT_WORTH_WINDOW)
			compare(w, now_ns);
	} else if (w->alone_ns && now_ns - w->alone_ns > ALONE_NS) {
		w->alone_ns = 0;
		verdict_set(w, DT_WORTH_ASKS, now_ns + ASK_NS);
	}
	return w->verdict;
}

const char *dt_worth_text(enum dt_worth_verdict verdict)
{
	switch (verdict) {
	case DT_WORTH_PAYS:
		break;
	case DT_WORTH_SLOWER:
		return "converted ones were slower";
	case DT_WORTH_SHORT:
		return "they are short";
	case DT_WORTH_ASKS:
		return "for a moment, to compare";
	}
	return "";
}
