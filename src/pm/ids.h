/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local address ids of one connection. What the kernel makes of them (net/mptcp/pm_userspace.c) rules all of this:
 *
 *   - 0 is the initial subflow's address. It is never given to another; a RM_ADDR of it ends the initial subflow.
 *   - A local entry is an address, a port and an id. Without an explicit port all joins from one address would share
 *     one id, and RM_ADDR would end them all: so each join names a free port and has an id to itself.
 *   - An entry outlives its subflow until it is removed, and a RM_ADDR may still be under way: ids are taken in turn,
 *     and come back to use only after all others.
 *   - Others may use ids too, an earlier run among them: what is seen in use is marked.
 *
 * Pure.
 */
#ifndef DETOURD_PM_IDS_H
#define DETOURD_PM_IDS_H

#include <stdint.h>

/* All zero: none but 0 is in use. */
struct dt_ids {
	uint32_t used[8]; /* bitmap */
	uint8_t last;
};

/* A free id, 1 to 255; 0: none is left. */
uint8_t dt_ids_take(struct dt_ids *ids);
/* Seen in use. */
void dt_ids_mark(struct dt_ids *ids, uint8_t id);
void dt_ids_free(struct dt_ids *ids, uint8_t id);

#endif
