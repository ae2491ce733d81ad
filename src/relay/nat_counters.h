/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nat.bpf counts: one counter for every outcome of a packet, one value for each CPU. */
#ifndef DETOURD_RELAY_NAT_COUNTERS_H
#define DETOURD_RELAY_NAT_COUNTERS_H

#include <linux/types.h>
#include <stdint.h>

#include "detourd/maps.h"

/* Name as in status. */
const char *dt_nat_counter_name(enum dt_nat_counter counter);
/* Sums over all CPUs. -ENOMEM, or the map's error; then out is incomplete. */
int dt_nat_counters_sum(int counters_fd, uint64_t out[DT_NAT_COUNTERS]);

#endif
