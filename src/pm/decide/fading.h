/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds subflows whose path still answers but does harm: what goes over it arrives late again and again, because packets
 * are lost, one direction is blocked for moments, or it comes and goes. Such a subflow is to end, so that others send what
 * it holds, and its next one is to be backup for a while, longer each time. Pure.
 */
#ifndef DETOURD_PM_DECIDE_FADING_H
#define DETOURD_PM_DECIDE_FADING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "detourd/maps.h"
#include "pm/decide/losses.h"

/* Most subflows of one connection; the kernel allows fewer. */
#define DT_FADING_MEMBERS_MAX 33

struct dt_liveness;

/* Of one subflow; all zero at first. Kept over its joins. */
struct dt_fading {
	bool fading;	      /* it is to be backup */
	bool leave;	      /* ... and to be closed now. Cleared by whoever did */
	bool tell;	      /* ... and the server must be told, again if need be. Cleared by whoever did */
	bool reported;	      /* the value of fading that was reported last. Set by whoever did */
	unsigned tells;	      /* how often that was asked for */
	uint64_t since_ns;    /* it fades since then */
	uint64_t until_ns;    /* and is tried again then */
	unsigned times;	      /* in a row */
	uint32_t snd_una;     /* of the last sample */
	bool under_way;	      /* in the last sample data was not acknowledged yet */
	bool no_window;	      /* since data was last acknowledged, the peer had no room for some time */
	uint64_t advanced_ns; /* when data was last acknowledged, or none was under way */
	uint64_t trouble_ns;  /* data is late since then; 0: it is not */
	unsigned troubles;    /* within TROUBLES_NS of each other */
	uint64_t troubled_ns; /* begin of the last one */
	struct dt_losses losses;
};

/* A subflow of a connection, as it was just sampled. */
struct dt_fading_member {
	struct dt_fading *fading;
	const struct dt_liveness *liveness;
	const struct dt_pulse *sample;
};

/* To be called after each sample, with all established subflows of a connection. True: the server must be told. */
bool dt_fading_check(const struct dt_fading_member *members, size_t count, uint64_t now_ns);
/* It was given up as dead, which is trouble as well: a path that comes and goes fades. */
void dt_fading_died(struct dt_fading *f, uint64_t now_ns);

#endif
