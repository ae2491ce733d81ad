/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Finds a connection's dead subflows. A subflow is dead if it is silent though something should arrive, and does not
 * answer probes, while another subflow of the connection (a witness) hears from the server. Silence alone proves
 * nothing: the application may be slow. Missing answers alone prove nothing either: the server or this host's uplink
 * may be down. Pure.
 */
#ifndef DETOURD_PM_DECIDE_LIVENESS_H
#define DETOURD_PM_DECIDE_LIVENESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/types.h>

#include "detourd/maps.h"

/* The longest of several durations, over the present period and the one before it. */
struct dt_longest {
	uint64_t ns;	    /* of this period, so far */
	uint64_t before_ns; /* of the period before; 0: unknown */
	uint64_t since_ns;  /* start of this period */
};

/*
 * State of one subflow; all zero at first. Times are those of samples; 0: never. "Silent" means that nothing new
 * arrived, "asked" that at least one probe was sent since something arrived.
 */
struct dt_liveness {
	/* counters of the last sample */
	uint32_t data_in; /* segments received with data */
	uint32_t acks_in; /* ... without data */
	uint32_t rcv_nxt;
	uint32_t out_of_order;
	uint32_t data_out; /* segments sent with data */
	uint32_t snd_una;
	uint32_t data_seq; /* of the connection */

	/* round trips */
	uint32_t rtt_us;
	uint64_t late_ns;	/* a round trip of this length is not unusual */
	uint64_t echo_ns;	/* one that data received in order has shown, with what waits in queues; 0: none has */
	uint64_t measured_ns;	/* when a round trip was last measured, by data or by a probe */
	uint64_t answer_ns;	/* longest time until a probe was answered; halved every ANSWER_HOLD_NS */
	uint64_t answer_set_ns; /* when answer_ns was last set or halved */
	uint64_t took_ns;	/* the last sample had the answer to a probe, which took so long; 0: it had none */

	/* what arrived */
	unsigned arrivals;     /* samples in which something had */
	uint64_t first_ns;     /* first sample */
	uint64_t heard_ns;     /* anything new */
	uint64_t busy_ns;      /* several segments since the sample before */
	uint64_t acked_ns;     /* a segment without data */
	uint64_t data_ns;      /* data */
	uint64_t run_ns;       /* ... since when without a long pause */
	uint64_t moved_ns;     /* more than answers to probes */
	struct dt_longest gap; /* between two arrivals */

	/* what was sent */
	bool waiting;		 /* data sent is not acknowledged yet */
	uint64_t waiting_ns;	 /* since when */
	uint64_t sent_ns;	 /* last data sent */
	uint64_t pause_new_ns;	 /* longest pause in sending while waiting, since something last arrived */
	struct dt_longest pause; /* ... before something last arrived */

	/* the connection lacks a piece of data, though later data has arrived: since when; 0: it lacks none */
	uint64_t hole_ns;

	/* probes */
	unsigned asked;	       /* probes sent since something last arrived */
	uint64_t asked_ns;     /* the first of them; 0: none was sent */
	uint64_t silent_ns;    /* start of the silence that was the reason for it */
	bool asked_owed;       /* the peer owed something then */
	uint64_t probed_ns;    /* last probe ever */
	unsigned answers_due;  /* probes that may still be answered */
	uint64_t undecided_ns; /* when probing was last stopped, because no subflow answered */
	uint64_t quiet_ns;     /* no probe before a silence of this length, since shorter ones proved harmless */
	uint64_t quiet_set_ns; /* when quiet_ns was last set or halved */
	uint64_t owed_ns;      /* the same for silences in which the peer owes something */
	uint64_t owed_set_ns;

	/* the others of its connection */
	uint64_t others_ns;    /* when one of them was last heard */
	uint64_t dense_ns;     /* since then they have been heard without a pause */
	uint64_t link_ns;      /* since then any subflow, this one included, has been heard without a long pause */
	uint64_t any_ns;       /* when one of all was last heard */
	uint64_t fair_ns;      /* since then the access link works, so an answer counts as missing; 0: not known */
	unsigned asked_fairly; /* probes sent since then */
	/* the same, but shorter pauses of the others than an answer may take do not move it */
	uint64_t answer_from_ns;
	uint64_t looked_ns; /* the last dt_liveness_check() */

	/* set by the caller before each dt_liveness_check() */
	uint64_t path_heard_ns; /* when anything last arrived by the same path, for any connection */
	uint64_t path_slow_ns;	/* how long answers by this path took lately, for any connection */
	uint64_t program_ns;	/* packets pass a program, which may wait so long for a processor; 0: they do not */
};

enum dt_liveness_verdict {
	DT_LIVENESS_FINE,
	DT_LIVENESS_PROBE,	/* send an empty probe */
	DT_LIVENESS_PROBE_BYTE, /* send a probe that carries one byte */
	DT_LIVENESS_DEAD,
};

void dt_liveness_sample(struct dt_liveness *l, const struct dt_pulse *sample, uint64_t now_ns);
/* To be called right after all were sampled. members: the connection's established subflows; one verdict for each. */
void dt_liveness_check(struct dt_liveness *const *members, enum dt_liveness_verdict *verdicts, size_t count,
		       uint64_t now_ns);
/* How soon it should be sampled again while it is awake. */
uint64_t dt_liveness_look_ns(const struct dt_liveness *l, uint64_t now_ns);
/* It needs further samples: something moves on it, moved lately, or should arrive. */
bool dt_liveness_is_awake(const struct dt_liveness *l, uint64_t now_ns);
/* It is new or received data lately: seldom samples show when more arrives. Data that is sent wakes by itself. */
bool dt_liveness_is_drowsy(const struct dt_liveness *l, uint64_t now_ns);
/* A retransmission time-out expired, so it has waited since something last arrived, which samples may have missed. */
void dt_liveness_timed_out(struct dt_liveness *l);

#endif
