/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does data move on a subflow? By samples of arrivals, track.bpf, and sock_diag. */
#ifndef DETOURD_PM_ACT_MOVES_H
#define DETOURD_PM_ACT_MOVES_H

#include <stdbool.h>
#include <stdint.h>

struct dt_endpoint;
struct dt_pm;
struct dt_subflow;

/* When data last moved on it, in either direction; 0: not seen. */
uint64_t dt_subflow_moved_ns(const struct dt_pm *pm, const struct dt_endpoint *local, const struct dt_endpoint *remote);
/* Nothing comes through any more: sent data waits for its time-out, or data stopped moving lately. */
bool dt_subflow_stalls(const struct dt_subflow *s, uint64_t now_ns);
/*
 * The interface that it uses was lost at that time (0: unknown) and is back: sent data waits for its time-out, or data
 * moved until the loss and has not moved since.
 */
bool dt_subflow_hangs(const struct dt_subflow *s, uint64_t lost_ns, uint64_t now_ns);
bool dt_subflow_carried_data(const struct dt_subflow *s);

#endif
