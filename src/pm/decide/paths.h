/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the policy knows: a connection's paths, what it remembers of them, and the actions that come out. */
#ifndef DETOURD_PM_DECIDE_PATHS_H
#define DETOURD_PM_DECIDE_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "pm/decide/history.h"
#include "pm/decide/payoff.h"

#define DT_MBIT 1e6 /* bits a second */
#define DT_POLICY_PATHS_MAX 32
#define DT_POLICY_ACTIONS_MAX 8
#define DT_POLICY_REASON_MAX 96
/* Interval of dt_policy_tick() while something moves. In between, detours open in dt_policy_order()'s order. */
#define DT_POLICY_TICK_MS 1000
/* In place of a path's number: the direct path. */
#define DT_POLICY_DIRECT SIZE_MAX
/* Factor: faster than that, the connection shows that a verdict found at a lower rate says nothing. */
#define DT_VERDICT_VOID 1.25

enum dt_path_state {
	DT_PATH_IDLE,
	DT_PATH_OPENING, /* waiting for its lease, or for the answer to its join */
	DT_PATH_OPEN,
};

/*
 * What the policy remembers of one path while it is not idle. All zero at first, kept by the caller from call to call.
 * The caller acts on the fields marked "out" after each tick.
 */
struct dt_path_memory {
	uint64_t sampled_ns;
	uint64_t bytes;	     /* at sampled_ns */
	double rate_bps;     /* smoothed over busy ticks */
	double tick_bps;     /* of the last tick */
	unsigned busy;	     /* busy ticks after slow start */
	unsigned idle_share; /* the last so many of these: it carried next to nothing */
	/* the last so many busy ticks: a detour carried little compared with the direct path, or that with a detour */
	unsigned little;
	bool learn;	       /* out: tick_bps is a measurement of the path, for the history */
	bool trial;	       /* opened to measure it */
	bool judged;	       /* its first moments are over: see early.h */
	unsigned early_little; /* the last so many looks in them: it carried little compared with the direct path */
	bool by_policy;	       /* the policy made it backup, not the user */
	bool waits; /* ... until the connection has lasted, without a verdict: see early.h, and begin() of backups.h */
	uint64_t used_ns; /* when the policy last used it again */
	uint64_t backup_until_ns;
	double backup_bps;    /* the connection's rate at the verdict; direct path: what it had with it; 0: unknown */
	unsigned backups;     /* how often in a row it did not pay */
	bool backups_changed; /* out: the verdict goes into the history: backups, backup_until_s and backup_bps */
	uint64_t backup_until_s;
	double payoff_share; /* out, while the chooser's measured is set: of what the detours added, this one's part */
};

/* A path that is used or could be. Bytes and rates are the sum of both directions. */
struct dt_path {
	enum dt_path_state state;
	bool usable;		      /* an idle one that may be opened now: its relay is up, back-off is over */
	bool backup;		      /* the server was told that it is backup */
	bool backup_wanted;	      /* the user made it backup: it is opened, but the policy never changes it */
	bool slack;		      /* since the last tick it carried less than it could: see pace.h */
	double room;		      /* since the last tick: its fastest moments / its mean; 0: unknown. See pace.h */
	double pace;		      /* segments a second, just now; 0: unknown */
	double narrow;		      /* young one: it is full with so many; 0: not that one knows. See pace.h */
	uint64_t since_ns;	      /* start of the state */
	uint64_t bytes;		      /* moved since it was opened */
	uint32_t srtt_us;	      /* of the subflow; 0: unknown */
	uint32_t rtt_us;	      /* client to relay; 0: unknown */
	uint32_t rtt_relay_server_us; /* 0: unknown */
	uint32_t network;	      /* number of the relay's network: relays in one often fail together; 0: unknown */
	struct dt_gain gain;	      /* history of this relay and destination; direct path: without detours */
	struct dt_gain elsewhere;     /* history of this relay, whatever the destination */
	struct dt_path_memory *memory; /* NULL while idle */
};

enum dt_comparison {
	DT_COMPARE_NONE,
	DT_COMPARE_DETOURS, /* they are backup */
	DT_COMPARE_DIRECT,  /* the direct path is backup */
};

/* What the policy remembers of one connection. All zero at first. */
struct dt_chooser {
	enum dt_way way;  /* the direction in which most bytes move */
	double best_bps;  /* fastest tick; fades slowly */
	double last_bps;  /* last tick */
	double total_bps; /* smoothed over busy ticks */
	bool full;	  /* in the last tick some path carried all it could, as far as is known: no verdict without */
	uint64_t ticked_ns;
	uint64_t busy_ns;	     /* sum of busy ticks */
	uint64_t trials_ns;	     /* the part of it that went into trials */
	uint64_t compared_ns;	     /* busy_ns at the last comparison with and without detours; 0: there was none */
	uint64_t compared_direct_ns; /* ... with and without the direct path */
	/* the comparison under way, during which some paths are backup */
	enum dt_comparison compare;
	uint64_t compare_until_ns;
	double compare_with_bps;
	double compare_alone_bps; /* fastest tick without these paths */
	bool compare_slack;	  /* ... in which the others could have carried more */
	unsigned compare_ticks;
	bool compare_little;	   /* its reason is that the detours carry little */
	unsigned comparisons_lost; /* in a row: the detours did not pay */
	unsigned slower;	   /* the last so many busy ticks: slower than with the direct path, which is backup */
	bool learn_alone;	   /* out: alone_bps measures the connection without detours, for the history */
	double alone_bps;
	/* the gain: see payoff.h */
	double direct_bps; /* as total_bps: of the direct path, while it is used */
	double unsteady;   /* mean square of the relative deviation of busy ticks from total_bps, smoothed */
	bool measured;	   /* out: the tick ended a comparison, which measured the gain */
	struct dt_payoff_sample measure;
	struct dt_payoff payoff; /* of this connection, in this direction */
};

struct dt_policy_input {
	uint64_t now_ns;
	uint64_t now_s; /* the history's clock */
	enum dt_way way;
	unsigned limit;	   /* of detours, open and opening */
	bool direct_open;  /* there is a direct path that the user did not make backup */
	bool direct_fixed; /* the policy cannot make it backup: it is more than the initial subflow */
	/* only state, since_ns, bytes, slack, pace, backup, srtt_us, gain and memory are used */
	struct dt_path direct;
	struct dt_path *paths; /* in the user's order of preference */
	size_t npaths;	       /* those after the first DT_POLICY_PATHS_MAX are ignored */
};

enum dt_action_kind {
	DT_ACTION_OPEN,
	DT_ACTION_CLOSE,
	DT_ACTION_BACKUP_ON,
	DT_ACTION_BACKUP_OFF,
};

struct dt_action {
	enum dt_action_kind kind;
	size_t path; /* DT_POLICY_DIRECT: of BACKUP_ON and BACKUP_OFF */
	bool trial;  /* of OPEN */
	char reason[DT_POLICY_REASON_MAX];
};

struct dt_policy_output {
	struct dt_action actions[DT_POLICY_ACTIONS_MAX]; /* to be done in this order */
	size_t count;
};

/* How many paths count. */
size_t dt_paths_count(const struct dt_policy_input *in);
/* It is used for data, not kept as backup. */
bool dt_path_carries(const struct dt_path *path);
/* Since when it carries data. */
uint64_t dt_path_used_ns(const struct dt_path *path);
/* There is a direct path, and it is used for data. */
bool dt_paths_direct_carries(const struct dt_policy_input *in);
/* NULL: there are too many already. */
struct dt_action *dt_action_add(struct dt_policy_output *out, enum dt_action_kind kind, size_t path, const char *format,
				...) __attribute__((format(printf, 4, 5)));

#endif
