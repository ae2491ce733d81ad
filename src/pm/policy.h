/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which detours a connection should use: state and measurements in, actions out, each with its reason. Pure: no clock, no
 * I/O, no chance; the same inputs give the same decisions. What it weighs, and why, is in docs/policy.md.
 */
#ifndef DETOURD_PM_POLICY_H
#define DETOURD_PM_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pm/history.h"

#define DT_POLICY_PATHS_MAX 32
#define DT_POLICY_ACTIONS_MAX 8
#define DT_POLICY_REASON_MAX 96
/* Asked so often while the connection is busy, and whenever a path begins or ends. */
#define DT_POLICY_TICK_MS 1000

enum dt_path_state {
	DT_PATH_IDLE,
	DT_PATH_OPENING, /* joined or waiting for its lease */
	DT_PATH_OPEN,
};

/* The policy's own, of one path while it is not idle; zero at first, kept by the caller from call to call. */
struct dt_path_memory {
	uint64_t sampled_ns;
	uint64_t bytes;	     /* as of then */
	double rate_bps;     /* smoothed, of busy times */
	double tick_bps;     /* of the last tick */
	unsigned busy;	     /* ticks that count */
	unsigned idle_share; /* of these, in a row: carried next to nothing */
	unsigned little;     /* ticks in a row in which it carried little beside the direct path */
	bool learn;	     /* out: the last tick's rate says something about the path */
	bool trial;	     /* was opened to find out */
	bool by_policy;	     /* backup because of us, not of the user */
	uint64_t backup_until_ns;
	unsigned backups; /* how often in a row it did not pay */
	bool judged; /* out: in the last tick; backups and vain_until_s are to be remembered for the relay and server */
	uint64_t vain_until_s;
};

/* A detour that could be used, or is. For downloads and uploads alike, bytes are what moved, both ways. */
struct dt_path {
	enum dt_path_state state;
	bool usable;		      /* idle: may be opened now: its relay answers, back-off is over */
	bool backup;		      /* the server was told so */
	bool backup_wanted;	      /* by the user: opened, never judged */
	uint64_t since_ns;	      /* of the state */
	uint64_t bytes;		      /* moved since it was opened */
	uint32_t srtt_us;	      /* of the subflow; 0: unknown */
	uint32_t rtt_us;	      /* client to relay; 0: unknown */
	uint32_t rtt_relay_server_us; /* 0: unknown */
	uint32_t network;	      /* relays with the same one tend to fail together; 0: unknown */
	struct dt_gain
		gain; /* history: this relay, this destination; of the direct path: the connection without detours */
	struct dt_path_memory *memory; /* NULL while idle */
};

/* The policy's own, of one connection; zero at first. */
struct dt_policy {
	double best_bps;  /* fastest tick, forgotten slowly */
	double last_bps;  /* last tick */
	double total_bps; /* smoothed, of busy ticks */
	uint64_t ticked_ns;
	uint64_t busy_ns;     /* time spent busy */
	uint64_t trials_ns;   /* of it, spent on trials */
	uint64_t compared_ns; /* busy_ns when detours were last compared with none */
	/* a comparison under way: the detours are backup until then */
	uint64_t compare_until_ns;
	double compare_with_bps;
	double compare_alone_bps;
	unsigned compare_ticks;
	bool compare_little; /* it was begun because they carry little */
	unsigned vain;	     /* comparisons in a row that spoke against the detours */
	bool learn_alone;    /* out: the last tick's total is that of the connection without detours */
};

struct dt_policy_input {
	uint64_t now_ns;
	uint64_t now_s; /* of the history */
	unsigned limit; /* detours, open and opening */
	bool direct_open;
	struct dt_path direct; /* state, since_ns, bytes, srtt_us, gain and memory count */
	struct dt_path *paths; /* in the user's order of preference */
	size_t npaths;	       /* at most DT_POLICY_PATHS_MAX count */
};

enum dt_action_kind {
	DT_ACTION_OPEN,
	DT_ACTION_CLOSE,
	DT_ACTION_BACKUP_ON,
	DT_ACTION_BACKUP_OFF,
};

struct dt_action {
	enum dt_action_kind kind;
	size_t path;
	bool trial; /* of OPEN */
	char reason[DT_POLICY_REASON_MAX];
};

struct dt_policy_output {
	struct dt_action actions[DT_POLICY_ACTIONS_MAX]; /* in the order to be done */
	size_t count;
	uint64_t again_ns; /* ask again then at the latest, though nothing happens; 0: no need */
};

/* A full tick: measurements are taken in, then it decides. */
void dt_policy_tick(struct dt_policy *p, const struct dt_policy_input *in, struct dt_policy_output *out);
/* Only what cannot wait: free places are filled, joins that stay unanswered give theirs up. */
void dt_policy_fill(struct dt_policy *p, const struct dt_policy_input *in, struct dt_policy_output *out);
/*
 * Before a path is opened: its memory as it begins. True: as backup, since the relay did not pay for this server lately; the
 * caller joins it so.
 */
bool dt_policy_begin(const struct dt_policy_input *in, const struct dt_path *path, struct dt_path_memory *memory);
/* Writes in->npaths indexes, the one to open first first; what is opening already stays before the others. */
void dt_policy_order(const struct dt_policy_input *in, size_t *order);
/* What a detour over this path is expected to carry, in bits a second; negative: nothing is known. */
double dt_policy_expect(const struct dt_gain *gain, uint64_t now_s);

#endif
