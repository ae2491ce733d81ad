/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What detours carried: the goodput measured for each destination prefix and relay (named by its public key). The key
 * of all zeroes stands for a connection without detours, the destination of all zeroes for any. The two directions are
 * measured apart, because a path often has different rates. The table is bounded, and old entries are removed. No I/O.
 */
#ifndef DETOURD_PM_DECIDE_HISTORY_H
#define DETOURD_PM_DECIDE_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/key.h"
#include "pm/decide/ledger.h"
#include "pm/decide/payoff.h"

#define DT_HISTORY_MAX 4096		     /* entries; the one with the oldest measurement is removed first */
#define DT_HISTORY_AGE_S (30 * 24 * 60 * 60) /* entries whose last measurement is older are removed */
#define DT_HISTORY_WEIGHT_S 300		     /* largest weight_s: older measurements lose influence */

/* In which most bytes move. */
enum dt_way {
	DT_WAY_DOWN,
	DT_WAY_UP,
};
#define DT_WAYS 2

/* All zero: nothing is known. Times in seconds since 1970. */
struct dt_gain {
	double mean_bps; /* over the last minutes of use */
	double last_bps; /* the last measurement; 0: it failed */
	double weight_s; /* seconds of measurements in the mean */
	uint64_t last_s; /* time of the last measurement; 0: none */
	/* not stored in the file: how often in a row it did not pay, and until when it is backup for that reason; */
	unsigned backups;
	uint64_t backup_until_s;
	double backup_bps;	 /* what the connection had without it; direct path: what it had with it */
	struct dt_payoff payoff; /* what the detours added; of a relay: its part of that */
};

struct dt_history;

/* NULL: out of memory. */
struct dt_history *dt_history_new(void);
/* May be NULL. */
void dt_history_free(struct dt_history *h);
/* The server's IPv4 /24 or IPv6 /48, the longest prefixes that BGP usually carries. */
struct dt_prefix dt_history_prefix(const struct dt_ip *server);
struct dt_gain dt_history_get(const struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN],
			      enum dt_way way);
/* What the relay carried for any destination. */
struct dt_gain dt_history_elsewhere(const struct dt_history *h, const uint8_t key[DT_KEY_LEN], enum dt_way way);
/* Measured: it carried bps for so many seconds. */
void dt_history_note(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN], enum dt_way way,
		     double bps, double seconds, uint64_t now_s);
/* It stopped working, or its join failed: in both directions. */
void dt_history_failed(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN], uint64_t now_s);
/* Sets the verdict: the last three of struct dt_gain. Does nothing if the relay was never measured. */
void dt_history_note_backup(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN],
			    enum dt_way way, const struct dt_gain *verdict);
/*
 * A comparison measured the gain: share of it is this relay's, or 1 for the connection as a whole (the key of all
 * zeroes). Noted for the destination and for any.
 */
void dt_history_note_payoff(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN],
			    enum dt_way way, const struct dt_payoff_sample *sample, double share, uint64_t now_s);
/* Calls fn for each destination whose gain was measured, in no order. prefix: as dt_history_prefix() makes it. */
typedef void (*dt_history_payoff_fn)(const struct dt_prefix *prefix, enum dt_way way, const struct dt_payoff *payoff,
				     void *data);
void dt_history_payoffs(const struct dt_history *h, dt_history_payoff_fn fn, void *data);
/* What was measured so over time. */
const struct dt_ledger *dt_history_ledger(const struct dt_history *h);
size_t dt_history_count(const struct dt_history *h);
/* True if something changed since the last call. */
bool dt_history_changed(struct dt_history *h);
/* The table as text, to be freed; NULL: out of memory. */
char *dt_history_format(const struct dt_history *h);
/*
 * Adds entries from text. -EINVAL: text is not what dt_history_format() wrote, or not all of it, and *line is the wrong
 * one; -ENOMEM. On failure nothing was added.
 */
int dt_history_parse(struct dt_history *h, const char *text, uint64_t now_s, unsigned *line);

/* Adds one measurement. Used by the simulator, too. */
void dt_gain_note(struct dt_gain *g, double bps, double seconds, uint64_t now_s);

#endif
