/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does converting the connections with a server pay? What they reached directly and converted is measured second by second,
 * and compared while it is fresh. docs/policy.md explains it. Pure.
 */
#ifndef DETOURD_PM_DECIDE_WORTH_H
#define DETOURD_PM_DECIDE_WORTH_H

#include <stdbool.h>
#include <stdint.h>

enum dt_worth_kind { DT_WORTH_DIRECT, DT_WORTH_CONVERTED, DT_WORTH_KINDS };

enum dt_worth_verdict {
	DT_WORTH_PAYS,	 /* or nothing speaks against it */
	DT_WORTH_SLOWER, /* it was, than directly */
	DT_WORTH_SHORT,	 /* connections end before it could help */
	DT_WORTH_ASKS,	 /* direct for a moment, to have something to compare with */
};

#define DT_WORTH_WINDOW 3 /* seconds that a rate is the mean of */

/* What the connections of one kind moved in a second. */
struct dt_worth_moved {
	double bps[2]; /* received, sent */
	bool is_full; /* one of them at least had more to move than its paths took; else it tells of programs, not of paths */
};

/* All zero: nothing is known. Rates in bits a second, by direction: received, sent. */
struct dt_worth {
	struct {
		enum dt_worth_kind kind;
		unsigned seconds; /* in a row in which it moved */
		double last[2][DT_WORTH_WINDOW], best[2], bytes;
	} run;
	struct {
		double bps[2];
		uint64_t at_ns; /* 0: not measured */
	} known[DT_WORTH_KINDS];
	unsigned began; /* converted connections, and what they moved, since it was last looked at how long they are */
	double moved;
	uint64_t enough_ns; /* when they were enough; 0: they are not */
	uint64_t
		alone_ns; /* since then converted ones are measured, and there is nothing to compare with; 0: there is */
	unsigned times;	  /* in a row that it was slower */
	enum dt_worth_verdict verdict;
	uint64_t until_ns; /* the verdict holds */
};

/* A converted connection began. */
void dt_worth_began(struct dt_worth *w, uint64_t now_ns);
/* What all connections with the server moved in the last second, by enum dt_worth_kind. Call it every second. */
void dt_worth_second(struct dt_worth *w, const struct dt_worth_moved *moved, uint64_t now_ns);
/* What new connections should do now. */
enum dt_worth_verdict dt_worth_judge(struct dt_worth *w, uint64_t now_ns);
/* Why new connections are direct, in words; "" for DT_WORTH_PAYS. */
const char *dt_worth_text(enum dt_worth_verdict verdict);

#endif
