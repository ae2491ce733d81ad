/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Measured data, as their authors publish them: matrices of round-trip times, one a file, and a table of transfers
 * between pairs of hosts. The files come from elsewhere, so nothing in them is believed. No I/O.
 */
#ifndef DETOURD_BENCH_DATA_H
#define DETOURD_BENCH_DATA_H

#include <stddef.h>

#define SIM_NODES_MAX 1024 /* of a matrix */
#define SIM_PLACES_MAX 64  /* of a table of transfers */
#define SIM_PLACE_STRLEN 64
#define SIM_RTT_MAX_S 1000.0
#define SIM_BPS_MAX 1e12

/*
 * A square of numbers, rows on lines, separated by blanks, from 0 on. unit_s: seconds of 1. Empty lines are skipped.
 * *nodes: 0, or how many it must have; set on success. *rtt_s: to be freed; row by row, from row to column, seconds.
 * -EINVAL: not a square, not the size wanted, or not numbers up to SIM_RTT_MAX_S: *line is the first wrong one.
 * -ENOMEM. On failure nothing but *line is touched. text ends with a zero byte.
 */
int sim_matrix_parse(const char *text, double unit_s, size_t *nodes, double **rtt_s, unsigned *line);

struct sim_transfers {
	size_t places;
	char names[SIM_PLACES_MAX][SIM_PLACE_STRLEN];
	/* from, to. Geometric means of the transfers of a pair; 0: there was none */
	double bps[SIM_PLACES_MAX][SIM_PLACES_MAX];
	double rtt_s[SIM_PLACES_MAX][SIM_PLACES_MAX];
	unsigned count[SIM_PLACES_MAX][SIM_PLACES_MAX];
	unsigned pairs, transfers;
};

/*
 * Comma-separated, without quotes. The first line names the columns, in any order; needed are from_cloud, from_region,
 * to_cloud, to_region, bitrate_Bps (bit/s, whatever the name says: 10 MB could not be had so fast in bytes) and avgrtt
 * (ms). Transfers from a place to itself are left out. -EINVAL, -ENOMEM and *line as above; -E2BIG: too many places.
 */
int sim_transfers_parse(const char *text, struct sim_transfers *t, unsigned *line);

#endif
