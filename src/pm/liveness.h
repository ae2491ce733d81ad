/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which of a connection's subflows is dead: silent where something was to come, and it does not answer probes while
 * another one does. Silence alone says nothing: the application may be slow. Nor does a lack of answers: the server may
 * be gone, or this host's own uplink. Pure.
 */
#ifndef DETOURD_PM_LIVENESS_H
#define DETOURD_PM_LIVENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "detourd/maps.h"

/* The longest of some times lately. */
struct dt_longest {
	uint64_t ns;	    /* of this while */
	uint64_t before_ns; /* of the one before; 0: not known */
	uint64_t since_ns;
};

/* Of one subflow; zero at first. All times are those of samples. */
struct dt_liveness {
	uint32_t data_in; /* segments, as of the last sample */
	uint32_t acks_in; /* those without data */
	uint32_t rcv_nxt;
	uint32_t out_of_order;
	uint32_t rtt_us;
	uint64_t late_ns;   /* a round trip that is still no surprise */
	uint64_t answer_ns; /* the longest that a probe's answer took; forgotten slowly */
	uint64_t answer_set_ns;
	unsigned asked;		/* probes since it was last heard */
	bool waiting;		/* the peer owes it an acknowledgement */
	uint64_t first_ns;	/* its first sample */
	uint64_t heard_ns;	/* when anything came */
	uint64_t acked_ns;	/* when something without data came */
	uint64_t data_ns;	/* when data came */
	uint64_t moved_ns;	/* when more came than answers to probes */
	uint64_t waiting_ns;	/* since when the peer owes */
	uint64_t asked_ns;	/* first probe since it was last heard; 0: none */
	uint64_t silent_ns;	/* since when it was silent then */
	uint64_t probed_ns;	/* last probe */
	uint64_t undecided_ns;	/* when it was last let be, because none answered */
	uint64_t harmless_ns;	/* a silence, asked about, that ended with the last sample; 0: none did */
	uint64_t path_heard_ns; /* when anything came by the same path: to be set before each judgement */
	uint64_t path_slow_ns;	/* how long its connections' answers took lately: likewise */
	unsigned answers_due;
	struct dt_longest gap;	 /* between arrivals */
	uint32_t data_out;	 /* segments, as of the last sample */
	uint64_t sent_ns;	 /* when the last of them left */
	uint64_t pause_new_ns;	 /* the longest time between two that were sent while the peer owed; not answered yet */
	struct dt_longest pause; /* ... answered since */
	uint64_t quiet_ns;	 /* a silence that turned out harmless is so again, when it is not much longer */
	uint64_t quiet_set_ns;
};

enum dt_liveness_verdict {
	DT_LIVENESS_FINE,
	DT_LIVENESS_PROBE,	/* send it an empty probe */
	DT_LIVENESS_PROBE_BYTE, /* one with a byte in it */
	DT_LIVENESS_DEAD,
};

void dt_liveness_sample(struct dt_liveness *l, const struct dt_pulse *sample, uint64_t now_ns);
/* Right after all were sampled. members are the connection's established subflows; one verdict for each. */
void dt_liveness_judge(struct dt_liveness *const *members, enum dt_liveness_verdict *verdicts, size_t count,
		       uint64_t now_ns);
/* Worth samples: something moves on it, or lately did, or should. */
bool dt_liveness_is_awake(const struct dt_liveness *l, uint64_t now_ns);
/* A retransmission time-out ran off: it has been waiting for longer than samples tell. */
void dt_liveness_timed_out(struct dt_liveness *l);

#endif
