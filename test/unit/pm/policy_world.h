/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small world of paths for tests of the policy: a test says how much each path can carry, lets seconds pass, and looks at
 * what was decided. */
#ifndef DETOURD_TEST_PM_POLICY_WORLD_H
#define DETOURD_TEST_PM_POLICY_WORLD_H

#include "pm/decide/policy.h"

#define MBIT 1e6
#define SEC_NS 1000000000ULL
#define BEGIN_S 1000 /* the history's clock when a world begins */
#define PATHS 4

struct world {
	struct dt_chooser chooser;
	struct dt_path paths[PATHS];
	struct dt_path_memory memory[PATHS], direct_memory;
	double mbit[PATHS], direct_mbit; /* what each path carries, Mbit/s */
	double lost_to_detours;		 /* share of direct_mbit that is lost while any detour carries data */
	double lost_to_direct;		 /* share of mbit[] that is lost while the direct path carries data */
	double wanted_mbit;		 /* what the application sends, at most; 0: no limit */
	bool bursts;			 /* ... in bursts, so that it shows that no path is full */
	bool looked_often;		 /* so it is known what each detour carries in its best moments */
	enum dt_way way;
	struct dt_path direct;
	unsigned limit;
	bool direct_open;
	uint64_t s;	    /* since the begin */
	char log[4096];	    /* "open 1; close 2; backup 0; normal 0; ": all actions in order, each with its path */
	unsigned decisions; /* number of actions */
	unsigned trials;    /* number of paths opened as a trial, since the begin */
};

void world_init(struct world *w, unsigned limit);
/* Only the first `count` relays are usable. */
void world_only(struct world *w, int count);
/* One relay, of 40 Mbit/s, and 8 while the direct path of 1 carries data beside it. */
void world_with_slow_direct(struct world *w);
void world_log_clear(struct world *w);
/* Lets so many seconds pass. */
void world_run(struct world *w, unsigned count);
/* The same application opens a new connection to the same server. */
void world_next_connection(struct world *w);
/* Is that part of the log? */
bool world_logged(const struct world *w, const char *what);
#endif
