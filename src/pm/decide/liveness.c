/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/liveness.h"

#include "base/clock.h"
#include "base/minmax.h"

/* --- when a silent subflow is probed --- */
/* Shortest silence that is probed. Bulk data rarely pauses that long, but applications do. */
#define SILENCE_MIN_NS (20 * DT_MS)
#define SILENCE_MAX_NS (1 * DT_SEC)
#define QUIET_HOLD_NS (2 * DT_SEC) /* quiet_ns and owed_ns are halved this often */
/* If the peer owes something, its silence is not the application's. Longest wait because such silences were harmless. */
#define OWED_MAX_NS (80 * DT_MS)
#define PROBE_EVERY_MIN_NS (10 * DT_MS)
/* Linux answers an empty probe at most once in 500 ms. */
#define EMPTY_EVERY_NS (600 * DT_MS)

/* --- when it is dead --- */
#define ASKED_MIN 3 /* probes */
/* Shortest time to answer: longer than a delayed acknowledgement, and than a short radio gap. */
#define ANSWER_MIN_NS (40 * DT_MS)
/*
 * If little arrived lately, the round-trip time is old and does not show present queues. The longer ago it was measured,
 * the longer an answer may take: this share of its age. 1 s is as in RFC 6298, 2.1.
 */
#define ANSWER_SPARSE_MIN_NS (60 * DT_MS)
#define ANSWER_SPARSE_MAX_NS (1 * DT_SEC)
#define ANSWER_AGE_SHARE 16
#define ANSWER_HOLD_NS (10 * DT_SEC) /* answer_ns is halved this often */
/*
 * Longer if other subflows hear by the same path: then the answer probably waits in a queue. Not for ever, because
 * something on the way may block this subflow alone.
 */
#define PATIENCE_NS (2 * DT_SEC)
#define PATIENCE_SLOW 3			/* times path_slow_ns */
#define PATIENCE_FRESH_NS (100 * DT_MS) /* if they were heard no longer ago, or than two answers take */
/*
 * Shorter if acknowledgements arrived densely, and data was sent as densely: each segment under way is a probe then.
 */
#define DENSE_MIN_NS (50 * DT_MS)
#define DENSE_ASKED_MIN 2
#define DENSE_GAP_NS (25 * DT_MS)
#define GAPS_NS (500 * DT_MS) /* period of struct dt_longest; a longer usual gap is sparse */
/* The usual gap is known before the end of its first period, after so many arrivals over so long. */
#define GAP_KNOWN_ARRIVALS 8
#define GAP_KNOWN_NS (100 * DT_MS)
#define GAP_KNOWN_RTTS 4
/*
 * While nothing arrives on any subflow the access link may be down, and no answer can come. So time counts against a
 * subflow only from when another one is heard again. It is asked at once then, and has so long, and so many probes.
 */
#define FAIR_NS (25 * DT_MS)
#define FAIR_ASKED_MIN 2
/* The access link works without doubt while another subflow is heard at least this often. */
#define FAIR_DENSE_NS (15 * DT_MS)
/*
 * After so long without any subflow heard, and two round-trip times, the access link may have been down. Longer than
 * between two answers while what is owed does not come.
 */
#define LINK_PAUSE_NS (120 * DT_MS)
/* No subflow of the connection answers: probing stops after this time. */
#define UNDECIDED_NS (3 * DT_SEC)

/* --- when it is sampled --- */
#define AWAKE_NS (1 * DT_SEC)
#define AWAKE_WAITING_NS (10 * DT_SEC)
#define DROWSY_NS (30 * DT_SEC)
/*
 * How often: an eighth of the usual gap, because a silence is noticed so much later at most. At once whenever the
 * server owes something or was asked, at the start, and in a burst, which may follow a long pause.
 */
#define LOOK_MIN_NS (5 * DT_MS)
#define LOOK_MAX_NS (20 * DT_MS)
#define LOOK_SHARE 8
#define YOUNG_NS (1 * DT_SEC)
#define BUSY_SEGMENTS 4 /* since the last sample */
#define BUSY_NS (100 * DT_MS)
/* After a pause of the sender so long, timestamps that it echoes have grown old with it. */
#define RUN_PAUSE_NS (100 * DT_MS)

static void longest_add(struct dt_longest *of, uint64_t duration_ns, uint64_t period_ns, uint64_t now_ns)
{
	of->ns = dt_max_u64(of->ns, duration_ns);
	if (now_ns - of->since_ns < period_ns)
		return;
	of->before_ns = of->ns;
	of->ns = 0;
	of->since_ns = now_ns;
}

static uint64_t longest_of(const struct dt_longest *of)
{
	return dt_max_u64(of->ns, of->before_ns);
}

static bool gap_is_known(const struct dt_liveness *l)
{
	uint64_t needed_ns = dt_max_u64(GAP_KNOWN_NS, GAP_KNOWN_RTTS * l->rtt_us * DT_US);

	return l->gap.before_ns || (l->arrivals >= GAP_KNOWN_ARRIVALS && l->heard_ns - l->first_ns >= needed_ns);
}

/* The longest time lately between two arrivals. */
static uint64_t usual_gap_ns(const struct dt_liveness *l)
{
	return gap_is_known(l) ? dt_min_u64(longest_of(&l->gap), SILENCE_MAX_NS) : SILENCE_MAX_NS;
}

/*
 * If this side pauses in sending, acknowledgements pause a round trip later, and that silence is harmless. A pause
 * counts only once something has arrived after it: on a dead path, retransmissions look like pauses as well.
 */
static void pause_note(struct dt_liveness *l, const struct dt_pulse *sample, uint64_t now_ns)
{
	if (sample->data_segs_out == l->data_out)
		return;
	if (l->waiting)
		l->pause_new_ns = dt_max_u64(l->pause_new_ns, now_ns - l->sent_ns);
	l->data_out = sample->data_segs_out;
	l->sent_ns = now_ns;
}

/* The server owes an acknowledgement, or a piece of data that the others do not bring. */
static bool is_owed(const struct dt_liveness *l)
{
	return l->waiting || l->hole_ns;
}

/*
 * A silence that is probed. Bursts arrive a round trip apart, so the silence between them is allowed, and the first
 * acknowledgement takes a round trip. What the application's pauses taught does not count where the server owes something.
 */
static uint64_t silence_limit_ns(const struct dt_liveness *l)
{
	uint64_t burst_ns = dt_min_u64(l->rtt_us * DT_US * 3 / 4, 2 * usual_gap_ns(l));
	uint64_t limit_ns = dt_max_u64(SILENCE_MIN_NS, burst_ns);

	if (!is_owed(l))
		return dt_max_u64(limit_ns, l->quiet_ns);
	if (l->waiting && l->waiting_ns >= l->heard_ns)
		limit_ns = dt_max_u64(limit_ns, l->late_ns);
	return dt_max_u64(limit_ns, l->owed_ns);
}

static uint64_t sparse_limit_ns(const struct dt_liveness *l, uint64_t now_ns)
{
	uint64_t age_ns = (l->asked_ns ? l->asked_ns : now_ns) - l->measured_ns;

	return l->measured_ns
		       ? dt_min_u64(dt_max_u64(age_ns / ANSWER_AGE_SHARE, ANSWER_SPARSE_MIN_NS), ANSWER_SPARSE_MAX_NS)
		       : ANSWER_SPARSE_MAX_NS;
}

/* How long a probe's answer may take. */
static uint64_t answer_limit_ns(const struct dt_liveness *l, uint64_t now_ns)
{
	uint64_t late_ns = dt_max_u64(l->late_ns, dt_max_u64(l->path_slow_ns, l->answer_ns) * 3 / 2);
	uint64_t limit_ns = dt_max_u64(dt_max_u64(ANSWER_MIN_NS, l->program_ns), late_ns);

	return usual_gap_ns(l) < GAPS_NS ? limit_ns : dt_max_u64(limit_ns, sparse_limit_ns(l, now_ns));
}

/* About three within the answer's limit; then less and less often, until the access link works again. */
static bool probe_is_due(const struct dt_liveness *l, uint64_t now_ns)
{
	uint64_t every_ns =
		dt_max_u64(PROBE_EVERY_MIN_NS, dt_min_u64(answer_limit_ns(l, now_ns) / 3, 2 * usual_gap_ns(l)));
	uint64_t since_ns = dt_max_u64(l->asked_ns, l->fair_ns);

	if (l->asked_ns && l->probed_ns > since_ns)
		every_ns = dt_max_u64(every_ns, (l->probed_ns - since_ns) / 2);
	return now_ns - l->probed_ns >= every_ns;
}

static void quiet_set(struct dt_liveness *l, uint64_t quiet_ns, uint64_t now_ns)
{
	l->quiet_ns = dt_min_u64(quiet_ns, SILENCE_MAX_NS);
	l->quiet_set_ns = now_ns;
}

static void owed_set(struct dt_liveness *l, uint64_t owed_ns, uint64_t now_ns)
{
	l->owed_ns = owed_ns;
	l->owed_set_ns = now_ns;
}

void dt_liveness_timed_out(struct dt_liveness *l)
{
	l->waiting = true;
	l->waiting_ns = l->heard_ns;
}

static void rtt_set(struct dt_liveness *l, const struct dt_pulse *sample)
{
	l->rtt_us = sample->srtt_us;
	l->late_ns = dt_max_u64(sample->srtt_us * DT_US * 3 / 2, (sample->srtt_us + 4ULL * sample->rttvar_us) * DT_US);
}

static void waiting_set(struct dt_liveness *l, const struct dt_pulse *sample, uint64_t now_ns)
{
	if (sample->packets_out && !l->waiting)
		l->waiting_ns = now_ns;
	l->waiting = sample->packets_out != 0;
}

/* Old experience fades. */
static void fade(struct dt_liveness *l, uint64_t now_ns)
{
	if (l->quiet_ns && now_ns - l->quiet_set_ns >= QUIET_HOLD_NS)
		quiet_set(l, l->quiet_ns / 2, now_ns);
	if (l->owed_ns && now_ns - l->owed_set_ns >= QUIET_HOLD_NS)
		owed_set(l, l->owed_ns / 2, now_ns);
	if (now_ns - l->answer_set_ns >= ANSWER_HOLD_NS) {
		l->answer_ns /= 2;
		l->answer_set_ns = now_ns;
	}
}

/* What arrived since the last sample. */
struct arrived {
	uint32_t acks; /* segments without data */
	uint32_t data; /* segments with data */
	bool fresh;    /* data not received before */
};

static struct arrived arrived_since(struct dt_liveness *l, const struct dt_pulse *sample)
{
	uint32_t acks_in = sample->segs_in - sample->data_segs_in;
	struct arrived arrived = {
		.acks = acks_in - l->acks_in,
		.data = sample->data_segs_in - l->data_in,
		/* a peer that does not hear us repeats its data, which proves nothing; data ahead of a hole is new */
		.fresh = sample->rcv_nxt != l->rcv_nxt || sample->out_of_order != l->out_of_order,
	};

	if (!arrived.acks && !arrived.data)
		return arrived;
	l->data_in = sample->data_segs_in;
	l->acks_in = acks_in;
	l->rcv_nxt = sample->rcv_nxt;
	l->out_of_order = sample->out_of_order;
	return arrived;
}

/* Not while a segment is missing: one that is sent again has waited before. */
static void echo_note(struct dt_liveness *l, const struct dt_pulse *sample, uint64_t now_ns)
{
	uint64_t echo_ns = sample->echo_ms * DT_MS;

	if (now_ns - l->data_ns >= RUN_PAUSE_NS)
		l->run_ns = now_ns;
	if (!sample->own_hole && echo_ns && echo_ns <= now_ns - l->run_ns)
		l->echo_ns = echo_ns;
}

static void moved_note(struct dt_liveness *l, const struct arrived *arrived, uint64_t now_ns)
{
	if (arrived->data)
		l->data_ns = now_ns;
	if (arrived->data || arrived->acks > l->answers_due) {
		l->moved_ns = now_ns;
		l->answers_due = 0;
	} else {
		l->answers_due -= arrived->acks;
	}
}

/*
 * Its silence is over: learns how long a silence may be, and an answer. If no other subflow was heard since it was asked,
 * the access link may have been down until now, so the time until then says nothing.
 */
static void answer_note(struct dt_liveness *l, uint64_t now_ns)
{
	uint64_t silent_ns = now_ns - l->silent_ns, late_ns = dt_max_u64(l->late_ns, ANSWER_MIN_NS);

	l->took_ns = now_ns - (l->fair_ns ? l->fair_ns : l->probed_ns);
	if (l->took_ns > l->answer_ns) {
		l->answer_ns = l->took_ns;
		l->answer_set_ns = now_ns;
	}
	l->measured_ns = now_ns;
	if (now_ns - l->asked_ns > late_ns)
		return;
	if (l->asked_owed)
		owed_set(l,
			 dt_max_u64(l->owed_ns,
				    dt_min_u64(silent_ns * 5 / 4, dt_max_u64(OWED_MAX_NS, l->late_ns * 5 / 4))),
			 now_ns);
	else
		quiet_set(l, dt_max_u64(l->quiet_ns, 2 * silent_ns), now_ns);
}

static void heard_note(struct dt_liveness *l, uint64_t now_ns)
{
	if (l->asked_ns)
		answer_note(l, now_ns);
	if (l->heard_ns)
		longest_add(&l->gap, now_ns - l->heard_ns, GAPS_NS, now_ns);
	else
		l->gap.since_ns = now_ns;
	longest_add(&l->pause, l->pause_new_ns, dt_max_u64(GAPS_NS, 2 * l->rtt_us * DT_US), now_ns);
	l->pause_new_ns = 0;
	l->asked_ns = 0;
	l->asked = 0;
	l->heard_ns = now_ns;
	l->arrivals++;
}

/* Round trips are measured by acknowledgements of new data. */
static void acknowledged_note(struct dt_liveness *l, const struct dt_pulse *sample, uint64_t now_ns)
{
	if (sample->snd_una == l->snd_una)
		return;
	if (l->arrivals)
		l->measured_ns = now_ns;
	l->snd_una = sample->snd_una;
}

static void hole_note(struct dt_liveness *l, const struct dt_pulse *sample, uint64_t now_ns)
{
	if (!sample->data_hole)
		l->hole_ns = 0;
	else if (!l->hole_ns || sample->data_seq != l->data_seq)
		l->hole_ns = now_ns;
	l->data_seq = sample->data_seq;
}

void dt_liveness_sample(struct dt_liveness *l, const struct dt_pulse *sample, uint64_t now_ns)
{
	struct arrived arrived;

	if (!l->first_ns)
		l->first_ns = now_ns;
	l->took_ns = 0;
	rtt_set(l, sample);
	pause_note(l, sample, now_ns);
	waiting_set(l, sample, now_ns);
	acknowledged_note(l, sample, now_ns);
	hole_note(l, sample, now_ns);
	fade(l, now_ns);
	arrived = arrived_since(l, sample);
	if (!arrived.acks && !arrived.data)
		return;
	if (arrived.acks + arrived.data >= BUSY_SEGMENTS)
		l->busy_ns = now_ns;
	if (arrived.data)
		echo_note(l, sample, now_ns);
	moved_note(l, &arrived, now_ns);
	if (!arrived.acks && !arrived.fresh)
		return;
	heard_note(l, now_ns);
	if (arrived.acks)
		l->acked_ns = now_ns;
}

static uint64_t silent_since_ns(const struct dt_liveness *l)
{
	uint64_t since_ns = dt_max_u64(l->heard_ns, l->undecided_ns);

	if (l->waiting)
		return dt_max_u64(since_ns, l->waiting_ns);
	return l->hole_ns ? dt_max_u64(since_ns, l->hole_ns) : since_ns;
}

/*
 * The peer owes it something, or it received data lately, and it has been silent for too long. Idle subflows are never
 * probed: an answer on one can make the kernel send more than the peer's window allows
 * (docs/measurements/idle-subflows.md).
 */
static bool is_suspect(const struct dt_liveness *l, uint64_t now_ns)
{
	return (is_owed(l) || now_ns - l->data_ns < AWAKE_NS) && now_ns - silent_since_ns(l) >= silence_limit_ns(l);
}

/*
 * Another subflow has heard from the server since this one was asked. If this one waits for acknowledgements, anything
 * counts. Otherwise only a segment without data does, as probes are answered with one. What a subflow heard during its
 * own join does not count: the server may still refuse it (RFC 8684, 3.2), and then no subflow would be left.
 */
static bool has_witness(struct dt_liveness *const *members, size_t count, const struct dt_liveness *of)
{
	for (size_t i = 0; i < count; i++) {
		const struct dt_liveness *m = members[i];

		if (m != of && (of->waiting ? m->heard_ns : m->acked_ns) > dt_max_u64(of->asked_ns, m->first_ns))
			return true;
	}
	return false;
}

static uint64_t fair_time_ns(const struct dt_liveness *l)
{
	return dt_max_u64(FAIR_NS, l->rtt_us * DT_US * 3 / 2);
}

/*
 * Notes when the others were heard. After a pause in which the access link may have been down, the time in which this one
 * must answer begins anew. A pause counts only if it was long enough for the verdict: two probes, and a look after them.
 * So others that are heard seldom, and a caller that looks seldom, do not delay it for ever.
 */
static void others_note(struct dt_liveness *const *members, size_t count, struct dt_liveness *of, uint64_t now_ns)
{
	uint64_t looks_ns = FAIR_ASKED_MIN * (now_ns - (of->looked_ns ? of->looked_ns : now_ns));
	uint64_t heard_ns = 0, pause_ns;

	of->looked_ns = now_ns;
	for (size_t i = 0; i < count; i++)
		if (members[i] != of && members[i]->heard_ns > members[i]->first_ns)
			heard_ns = dt_max_u64(heard_ns, members[i]->heard_ns);
	if (heard_ns <= of->others_ns)
		return;
	pause_ns = heard_ns - of->others_ns;
	of->others_ns = heard_ns;
	if (pause_ns > FAIR_DENSE_NS)
		of->dense_ns = heard_ns;
	if (!of->asked_ns || heard_ns <= of->asked_ns)
		return;
	if (!of->fair_ns || pause_ns > fair_time_ns(of) + FAIR_DENSE_NS + looks_ns) {
		of->fair_ns = of->dense_ns <= of->silent_ns + FAIR_DENSE_NS ? of->asked_ns : now_ns;
		of->asked_fairly = of->fair_ns == of->asked_ns ? of->asked : 0;
	}
	if (!of->answer_from_ns || pause_ns > answer_limit_ns(of, now_ns) + FAIR_DENSE_NS + looks_ns)
		of->answer_from_ns = of->fair_ns;
}

static void link_note(struct dt_liveness *const *members, size_t count, struct dt_liveness *of)
{
	uint64_t heard_ns = 0;

	for (size_t i = 0; i < count; i++)
		heard_ns = dt_max_u64(heard_ns, members[i]->heard_ns);
	if (heard_ns - of->any_ns > LINK_PAUSE_NS + 2 * of->rtt_us * DT_US)
		of->link_ns = heard_ns;
	of->any_ns = heard_ns;
}

static enum dt_liveness_verdict probe(struct dt_liveness *l, uint64_t now_ns)
{
	bool empty = !l->probed_ns || now_ns - l->probed_ns >= EMPTY_EVERY_NS;

	l->probed_ns = now_ns;
	l->answers_due++;
	l->asked++;
	l->asked_fairly++;
	return empty ? DT_LIVENESS_PROBE : DT_LIVENESS_PROBE_BYTE;
}

static void ask(struct dt_liveness *l, uint64_t now_ns)
{
	l->asked = 0;
	l->asked_ns = now_ns;
	l->asked_fairly = 0;
	l->fair_ns = 0;
	l->answer_from_ns = 0;
	l->silent_ns = silent_since_ns(l);
	l->asked_owed = is_owed(l);
}

/* Both within the time in which it must answer. */
static bool fair_probe_is_due(const struct dt_liveness *l, uint64_t now_ns)
{
	return l->fair_ns &&
	       (!l->asked_fairly || (l->asked_fairly < FAIR_ASKED_MIN && now_ns - l->probed_ns >= fair_time_ns(l) / 2));
}

/* It had its chance since the access link is known to work. */
static bool was_asked_fairly(const struct dt_liveness *l, uint64_t now_ns)
{
	if (!l->fair_ns)
		return false;
	return l->fair_ns == l->asked_ns ||
	       (l->asked_fairly >= FAIR_ASKED_MIN && now_ns - l->fair_ns >= fair_time_ns(l));
}

/* The answer to its probes is too late. */
static bool is_overdue(const struct dt_liveness *l, uint64_t now_ns)
{
	/* others that were only probed, too, and answered, began to be heard a round trip later */
	bool at_once = l->answer_from_ns - l->asked_ns <= fair_time_ns(l) + FAIR_DENSE_NS;

	if (l->waiting && l->asked >= DENSE_ASKED_MIN && usual_gap_ns(l) <= DENSE_GAP_NS &&
	    now_ns - l->silent_ns >= dt_max_u64(dt_max_u64(DENSE_MIN_NS, l->program_ns),
						dt_max_u64(3 * usual_gap_ns(l), 2 * longest_of(&l->pause))))
		return true;
	return l->asked >= ASKED_MIN &&
	       now_ns - (at_once ? l->asked_ns : l->answer_from_ns) >= answer_limit_ns(l, now_ns);
}

static enum dt_liveness_verdict suspect_check(struct dt_liveness *l, bool witness, uint64_t now_ns)
{
	uint64_t patience_ns = dt_max_u64(PATIENCE_NS, PATIENCE_SLOW * l->path_slow_ns);
	uint64_t fresh_ns = dt_max_u64(PATIENCE_FRESH_NS, 2 * answer_limit_ns(l, now_ns));
	bool patient;

	if (!l->asked_ns) {
		ask(l, now_ns);
		return probe(l, now_ns);
	}
	patient = l->path_heard_ns > l->asked_ns && now_ns - l->path_heard_ns < fresh_ns &&
		  now_ns - l->asked_ns < patience_ns;
	if (witness && !patient && was_asked_fairly(l, now_ns) && is_overdue(l, now_ns))
		return DT_LIVENESS_DEAD;
	if (!witness && now_ns - l->asked_ns >= UNDECIDED_NS) {
		l->asked_ns = 0;
		l->asked = 0;
		l->undecided_ns = now_ns;
		quiet_set(l, SILENCE_MAX_NS, now_ns);
		owed_set(l, SILENCE_MAX_NS, now_ns);
		return DT_LIVENESS_FINE;
	}
	return fair_probe_is_due(l, now_ns) || probe_is_due(l, now_ns) ? probe(l, now_ns) : DT_LIVENESS_FINE;
}

/* A subflow that is not suspected itself is asked for one that is, since asked_ns. */
static bool witness_is_due(const struct dt_liveness *l, uint64_t asked_ns, uint64_t now_ns)
{
	uint64_t every_ns = dt_max_u64(SILENCE_MIN_NS, l->rtt_us * DT_US / 2);

	if (l->probed_ns > asked_ns)
		every_ns = dt_max_u64(every_ns, (l->probed_ns - asked_ns) / 2);
	return l->probed_ns < asked_ns || now_ns - l->probed_ns >= every_ns;
}

void dt_liveness_check(struct dt_liveness *const *members, enum dt_liveness_verdict *verdicts, size_t count,
		       uint64_t now_ns)
{
	uint64_t wanted_ns = 0; /* a witness is wanted since then, so the other subflows are probed, too; 0: none is */

	for (size_t i = 0; i < count; i++) {
		struct dt_liveness *l = members[i];

		others_note(members, count, l, now_ns);
		link_note(members, count, l);
		verdicts[i] = DT_LIVENESS_FINE;
		if (!l->asked_ns && !is_suspect(l, now_ns))
			continue;
		verdicts[i] = suspect_check(l, has_witness(members, count, l), now_ns);
		if (!has_witness(members, count, l))
			wanted_ns = dt_max_u64(wanted_ns, l->asked_ns);
	}
	for (size_t i = 0; wanted_ns && i < count; i++)
		if (verdicts[i] == DT_LIVENESS_FINE && !members[i]->asked_ns &&
		    witness_is_due(members[i], wanted_ns, now_ns))
			verdicts[i] = probe(members[i], now_ns);
}

uint64_t dt_liveness_look_ns(const struct dt_liveness *l, uint64_t now_ns)
{
	if (l->asked_ns || is_owed(l) || now_ns - l->first_ns < YOUNG_NS ||
	    (l->busy_ns && now_ns - l->busy_ns < BUSY_NS))
		return LOOK_MIN_NS;
	if (now_ns - l->moved_ns >= AWAKE_NS) /* another one moves */
		return LOOK_MAX_NS;
	return dt_min_u64(dt_max_u64(usual_gap_ns(l) / LOOK_SHARE, LOOK_MIN_NS), LOOK_MAX_NS);
}

bool dt_liveness_is_awake(const struct dt_liveness *l, uint64_t now_ns)
{
	return l->asked_ns || now_ns - l->moved_ns < AWAKE_NS ||
	       (l->waiting && now_ns - dt_max_u64(l->waiting_ns, l->heard_ns) < AWAKE_WAITING_NS);
}

bool dt_liveness_is_drowsy(const struct dt_liveness *l, uint64_t now_ns)
{
	return now_ns - dt_max_u64(l->first_ns, l->data_ns) < DROWSY_NS;
}
