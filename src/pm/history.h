/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What detours were worth: for each destination prefix and relay (by its public key), the goodput measured over it. The
 * key of all zeroes stands for the connection without detours. A bounded table, old entries fade and go. No I/O.
 */
#ifndef DETOURD_PM_HISTORY_H
#define DETOURD_PM_HISTORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/key.h"

#define DT_HISTORY_MAX 4096		     /* entries; the one not measured for longest goes first */
#define DT_HISTORY_AGE_S (30 * 24 * 60 * 60) /* not measured for so long: forgotten */
#define DT_HISTORY_WEIGHT_S 300		     /* evidence counts up to this */

/* Zero: nothing is known. */
struct dt_gain {
	double mean_bps; /* over the last minutes of use */
	double last_bps; /* when it was last used; 0: it failed */
	double weight_s; /* seconds of evidence in the mean */
	uint64_t last_s; /* since 1970 */
	/* Of this run alone: how often in a row it did not pay, and until when it is therefore backup. */
	unsigned vain;
	uint64_t vain_until_s;
};

struct dt_history;

/* NULL: out of memory. */
struct dt_history *dt_history_new(void);
/* May be NULL. */
void dt_history_free(struct dt_history *h);
/* IPv4 /24, IPv6 /48: what BGP tells apart. */
struct dt_prefix dt_history_prefix(const struct dt_ip *server);
struct dt_gain dt_history_get(const struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN]);
/* Carried so much for so long. */
void dt_history_note(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN], double bps,
		     double seconds, uint64_t now_s);
/* It stopped working, or could not be opened. */
void dt_history_failed(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN], uint64_t now_s);
/* Did it pay? Nothing happens where it was never measured. */
void dt_history_judged(struct dt_history *h, const struct dt_ip *server, const uint8_t key[DT_KEY_LEN], unsigned vain,
		       uint64_t vain_until_s);
size_t dt_history_count(const struct dt_history *h);
/* True once after something changed. */
bool dt_history_changed(struct dt_history *h);
/* The table as text, to be freed; NULL: out of memory. */
char *dt_history_format(const struct dt_history *h);
/* Adds what text holds. -EINVAL: not, or not all of, what format wrote; then nothing was added, and *line is the bad one. */
int dt_history_parse(struct dt_history *h, const char *text, uint64_t now_s, unsigned *line);

/* One measurement taken in; for the simulator too. */
void dt_gain_note(struct dt_gain *g, double bps, double seconds, uint64_t now_s);

#endif
