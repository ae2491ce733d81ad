/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Local address ids of one connection. The kernel's use of them (net/mptcp/pm_userspace.c) sets the rules:
 *
 *   - 0 is the initial subflow's. No other subflow gets it; RM_ADDR for 0 would end the initial subflow.
 *   - The kernel keeps local entries of address, port and id. Joins from one address without an explicit port would
 *     share an id, and one RM_ADDR would end them all. So each join has its own port and its own id.
 *   - An entry stays after its subflow until it is removed, and a RM_ADDR may still be on its way. So a freed id is
 *     used again only after all others.
 *   - An earlier run, or another program, may have used ids. So ids seen in use are marked.
 *
 * Pure.
 */
#ifndef DETOURD_PM_DECIDE_IDS_H
#define DETOURD_PM_DECIDE_IDS_H

#include <stdint.h>

/* All zero: only id 0 is in use. */
struct dt_ids {
	uint32_t used[8]; /* bitmap */
	uint8_t last;	  /* taken or marked last */
};

/* A free id, 1 to 255; 0: none is free. */
uint8_t dt_ids_take(struct dt_ids *ids);
/* This id was seen in use. */
void dt_ids_mark(struct dt_ids *ids, uint8_t id);
void dt_ids_free(struct dt_ids *ids, uint8_t id);

#endif
