/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of a subflow: what is learned from it, and when it may be tried again. */
#ifndef DETOURD_PM_ACT_END_H
#define DETOURD_PM_ACT_END_H

#include <stdbool.h>
#include <stdint.h>

#include "pm/store/subflow.h"

/* The kernel says that it is closed. error: the positive errno of the event, 0 if it has none. */
void dt_subflow_closed(struct dt_subflow *s, int error);
/* Ends it if it is pending or established: closes the socket and sends RM_ADDR. Marks nothing. */
void dt_subflow_give_up(struct dt_subflow *s, enum dt_subflow_end end, uint64_t now_ns);
/* The same for the initial subflow. */
void dt_subflow_give_up_direct(struct dt_connection *c, enum dt_subflow_end end);
/* Notes that the initial subflow has ended, whoever ended it. */
void dt_subflow_direct_ended(struct dt_connection *c, enum dt_subflow_end end, uint64_t now_ns);
/* Frees it. With close, its socket is closed too (RM_ADDR included). */
void dt_subflow_free(struct dt_subflow *s, bool close);

/* For act/join.c. */

/* It has no socket any more: keeps the reason, and begins back-off. error: negative errno of a refused command. */
void dt_subflow_rest(struct dt_subflow *s, enum dt_subflow_end end, int error, uint64_t now_ns);
/* The same for one that still has a socket, which is closed. */
void dt_subflow_end(struct dt_subflow *s, enum dt_subflow_end end, int error, uint64_t now_ns);
/* Marks its connection to be planned after ms. Replaces the subflow's timer. */
void dt_subflow_plan_after(struct dt_subflow *s, uint64_t ms);
/* The server has accepted as many subflows as there are now: they have lived for a while, or carried data. */
void dt_subflow_server_took(struct dt_connection *c);

#endif
