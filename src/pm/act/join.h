/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The start of an additional subflow: what it waits for, its join, and its first seconds. */
#ifndef DETOURD_PM_ACT_JOIN_H
#define DETOURD_PM_ACT_JOIN_H

#include <stdbool.h>
#include <stdint.h>

struct dt_subflow;

/* True if it must wait because another subflow of the connection has just ended. It is planned again afterwards. */
bool dt_subflow_settle(struct dt_subflow *s, uint64_t now_ns);
/* Waits for its lease. True for one second; after that, the next relay should be tried. */
bool dt_subflow_await_lease(struct dt_subflow *s, uint64_t now_ns);
/* Sends the join, from and to where carrier and lease (or source and server) say. False: refused; it backs off. */
bool dt_subflow_join(struct dt_subflow *s, uint64_t now_ns);
/* Starts the time-out of a join that an earlier run sent. */
void dt_subflow_await_answer(struct dt_subflow *s);
/* It is established. Does nothing if it was not pending. */
void dt_subflow_established(struct dt_subflow *s);

#endif
