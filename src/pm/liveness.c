/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/liveness.h"

#include "base/clock.h"

/* After so long a silence it is asked: at once would be right for bulk, but pauses are common. */
#define SILENCE_MIN_NS (20 * DT_MS)
#define SILENCE_MAX_NS (1 * DT_SEC)
/* So long it may take to answer, at least: more than a delayed acknowledgement, or than a short radio gap. */
#define ANSWER_MIN_NS (40 * DT_MS)
/* Where little came lately, its round-trip time may be old: what waits in a queue meanwhile is not known. RFC 6298 2.1. */
#define ANSWER_SPARSE_NS (1 * DT_SEC)
#define ASKED_MIN 3
/* Others of the same path hear, so that this one's answers wait in a queue; unless something cut it off alone. */
#define PATIENCE_NS (2 * DT_SEC)
#define PATIENCE_SLOW 3 /* times as long as the path was slow lately */
/* What waits for acknowledgements that came in dense, of segments sent as dense: those under way are so many probes. */
#define DENSE_MIN_NS (50 * DT_MS)
#define DENSE_ASKED_MIN 2
#define GAPS_NS (500 * DT_MS)
#define PROBE_EVERY_MIN_NS (10 * DT_MS)
/* Linux answers an empty probe once in 500 ms. */
#define EMPTY_EVERY_NS (600 * DT_MS)
/* No subflow of the connection answers: it is let be. */
#define UNDECIDED_NS (3 * DT_SEC)
#define QUIET_HOLD_NS (2 * DT_SEC)
#define ANSWER_HOLD_NS (10 * DT_SEC)
#define AWAKE_NS (1 * DT_SEC)
#define AWAKE_WAITING_NS (10 * DT_SEC)

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Takes another time; after each `while_ns` the longest so far becomes that of the while before. */
static void longest_take(struct dt_longest *of, uint64_t time_ns, uint64_t while_ns, uint64_t now_ns)
{
	of->ns = max_u64(of->ns, time_ns);
	if (now_ns - of->since_ns < while_ns)
		return;
	of->before_ns = of->ns;
	of->ns = 0;
	of->since_ns = now_ns;
}

static uint64_t longest_of(const struct dt_longest *of)
{
	return max_u64(of->ns, of->before_ns);
}

/* The longest time lately between two arrivals, while something moved. */
static uint64_t usual_gap_ns(const struct dt_liveness *l)
{
	return l->gap.before_ns ? min_u64(longest_of(&l->gap), SILENCE_MAX_NS) : SILENCE_MAX_NS;
}

/*
 * Where this side sent nothing for a while, though segments were under way, their acknowledgements pause as well, a round
 * trip later. What is sent after the last thing that was heard may be the kernel's own attempts on a dead path.
 */
static void pause_note(struct dt_liveness *l, const struct dt_pulse *sample, uint64_t now_ns)
{
	if (sample->data_segs_out == l->data_out)
		return;
	if (l->waiting)
		l->pause_new_ns = max_u64(l->pause_new_ns, now_ns - l->sent_ns);
	l->data_out = sample->data_segs_out;
	l->sent_ns = now_ns;
}

/* Bursts come a round trip apart. */
static uint64_t silence_limit_ns(const struct dt_liveness *l)
{
	uint64_t burst_ns = min_u64(l->rtt_us * DT_US * 3 / 4, 2 * usual_gap_ns(l));

	return max_u64(max_u64(SILENCE_MIN_NS, l->quiet_ns), burst_ns);
}

static uint64_t answer_limit_ns(const struct dt_liveness *l)
{
	uint64_t late_ns = max_u64(l->late_ns, l->path_slow_ns * 3 / 2);
	uint64_t limit_ns = max_u64(max_u64(ANSWER_MIN_NS, late_ns), l->answer_ns * 3);

	return usual_gap_ns(l) < GAPS_NS ? limit_ns : max_u64(limit_ns, ANSWER_SPARSE_NS);
}

/* A few while the answer may still come, then ever fewer. */
static bool probe_is_due(const struct dt_liveness *l, uint64_t now_ns)
{
	uint64_t every_ns = max_u64(PROBE_EVERY_MIN_NS, min_u64(answer_limit_ns(l) / 3, 2 * usual_gap_ns(l)));

	if (l->asked_ns)
		every_ns = max_u64(every_ns, (l->probed_ns - l->asked_ns) / 2);
	return now_ns - l->probed_ns >= every_ns;
}

static void quiet_set(struct dt_liveness *l, uint64_t quiet_ns, uint64_t now_ns)
{
	l->quiet_ns = quiet_ns < SILENCE_MAX_NS ? quiet_ns : SILENCE_MAX_NS;
	l->quiet_set_ns = now_ns;
}

void dt_liveness_timed_out(struct dt_liveness *l)
{
	l->waiting = true;
	l->waiting_ns = l->heard_ns;
}

static void rtt_take(struct dt_liveness *l, const struct dt_pulse *sample)
{
	l->rtt_us = sample->srtt_us;
	l->late_ns = max_u64(sample->srtt_us * DT_US * 3 / 2, (sample->srtt_us + 4ULL * sample->rttvar_us) * DT_US);
}

void dt_liveness_sample(struct dt_liveness *l, const struct dt_pulse *sample, uint64_t now_ns)
{
	uint32_t acks_in = sample->segs_in - sample->data_segs_in;
	uint32_t acks = acks_in - l->acks_in;
	uint32_t data = sample->data_segs_in - l->data_in;
	/* a peer that hears nothing of us sends the same again and again; what comes ahead of a hole is new */
	bool fresh = sample->rcv_nxt != l->rcv_nxt || sample->out_of_order != l->out_of_order;

	if (!l->first_ns)
		l->first_ns = now_ns;
	l->harmless_ns = 0;
	rtt_take(l, sample);
	pause_note(l, sample, now_ns);
	if (sample->packets_out && !l->waiting)
		l->waiting_ns = now_ns;
	l->waiting = sample->packets_out != 0;
	if (l->quiet_ns && now_ns - l->quiet_set_ns >= QUIET_HOLD_NS)
		quiet_set(l, l->quiet_ns / 2, now_ns);
	if (now_ns - l->answer_set_ns >= ANSWER_HOLD_NS) {
		l->answer_ns /= 2;
		l->answer_set_ns = now_ns;
	}
	if (acks == 0 && data == 0)
		return;
	l->data_in = sample->data_segs_in;
	l->acks_in = acks_in;
	l->rcv_nxt = sample->rcv_nxt;
	l->out_of_order = sample->out_of_order;
	if (data)
		l->data_ns = now_ns;
	if (data || acks > l->answers_due) {
		l->moved_ns = now_ns;
		l->answers_due = 0;
	} else {
		l->answers_due -= acks;
	}
	if (acks == 0 && !fresh)
		return;
	if (l->asked_ns) {
		l->harmless_ns = now_ns - l->silent_ns;
		quiet_set(l, max_u64(l->quiet_ns, 2 * l->harmless_ns), now_ns);
		if (now_ns - l->asked_ns > l->answer_ns) {
			l->answer_ns = now_ns - l->asked_ns;
			l->answer_set_ns = now_ns;
		}
	}
	longest_take(&l->gap, now_ns - l->heard_ns, GAPS_NS, now_ns);
	longest_take(&l->pause, l->pause_new_ns, max_u64(GAPS_NS, 2 * l->rtt_us * DT_US), now_ns);
	l->pause_new_ns = 0;
	l->asked_ns = 0;
	l->asked = 0;
	l->heard_ns = now_ns;
	if (acks)
		l->acked_ns = now_ns;
}

static uint64_t silent_since_ns(const struct dt_liveness *l)
{
	uint64_t since_ns = max_u64(l->heard_ns, l->undecided_ns);

	return l->waiting ? max_u64(since_ns, l->waiting_ns) : since_ns;
}

/*
 * Silent for longer than it should be: it waits for acknowledgements, or lately received data. No other is asked, for what
 * a peer says on an idle subflow can have the kernel send more than the peer has room for (docs/kernels.md).
 */
static bool is_suspect(const struct dt_liveness *l, uint64_t now_ns)
{
	return (l->waiting || now_ns - l->data_ns < AWAKE_NS) && now_ns - silent_since_ns(l) >= silence_limit_ns(l);
}

/*
 * Another one has heard what this one should have: a server that owes an acknowledgement, or answers probes. Not what a
 * new one heard while it was made: the server may yet refuse it (RFC 8684 3.2), and then nothing of the connection is left.
 */
static bool has_witness(struct dt_liveness *const *members, size_t count, const struct dt_liveness *of)
{
	for (size_t i = 0; i < count; i++) {
		const struct dt_liveness *m = members[i];

		if (m != of && (of->waiting ? m->heard_ns : m->acked_ns) > max_u64(of->asked_ns, m->first_ns))
			return true;
	}
	return false;
}

static enum dt_liveness_verdict probe(struct dt_liveness *l, uint64_t now_ns)
{
	bool empty = !l->probed_ns || now_ns - l->probed_ns >= EMPTY_EVERY_NS;

	l->probed_ns = now_ns;
	l->answers_due++;
	l->asked++;
	return empty ? DT_LIVENESS_PROBE : DT_LIVENESS_PROBE_BYTE;
}

/* It has been asked for long enough. */
static bool is_overdue(const struct dt_liveness *l, uint64_t now_ns)
{
	if (l->waiting && l->asked >= DENSE_ASKED_MIN &&
	    now_ns - l->silent_ns >= max_u64(DENSE_MIN_NS, max_u64(3 * usual_gap_ns(l), 2 * longest_of(&l->pause))))
		return true;
	return l->asked >= ASKED_MIN && now_ns - l->asked_ns >= answer_limit_ns(l);
}

static enum dt_liveness_verdict suspect_judge(struct dt_liveness *l, bool witness, uint64_t now_ns)
{
	uint64_t patience_ns = max_u64(PATIENCE_NS, PATIENCE_SLOW * l->path_slow_ns);
	bool patient;

	if (!l->asked_ns) {
		l->asked = 0;
		l->asked_ns = now_ns;
		l->silent_ns = silent_since_ns(l);
		return probe(l, now_ns);
	}
	patient = l->path_heard_ns > l->asked_ns && now_ns - l->asked_ns < patience_ns;
	if (witness && !patient && is_overdue(l, now_ns))
		return DT_LIVENESS_DEAD;
	if (!witness && now_ns - l->asked_ns >= UNDECIDED_NS) {
		l->asked_ns = 0;
		l->asked = 0;
		l->undecided_ns = now_ns;
		quiet_set(l, SILENCE_MAX_NS, now_ns);
		return DT_LIVENESS_FINE;
	}
	return probe_is_due(l, now_ns) ? probe(l, now_ns) : DT_LIVENESS_FINE;
}

void dt_liveness_judge(struct dt_liveness *const *members, enum dt_liveness_verdict *verdicts, size_t count,
		       uint64_t now_ns)
{
	bool witness_wanted = false;

	for (size_t i = 0; i < count; i++) {
		struct dt_liveness *l = members[i];
		bool witness = has_witness(members, count, l);

		verdicts[i] = DT_LIVENESS_FINE;
		if (!l->asked_ns && !is_suspect(l, now_ns))
			continue;
		verdicts[i] = suspect_judge(l, witness, now_ns);
		witness_wanted = witness_wanted || !has_witness(members, count, l);
	}
	for (size_t i = 0; witness_wanted && i < count; i++)
		if (verdicts[i] == DT_LIVENESS_FINE && !members[i]->asked_ns && probe_is_due(members[i], now_ns))
			verdicts[i] = probe(members[i], now_ns);
}

bool dt_liveness_is_awake(const struct dt_liveness *l, uint64_t now_ns)
{
	return l->asked_ns || now_ns - l->moved_ns < AWAKE_NS ||
	       (l->waiting && now_ns - max_u64(l->waiting_ns, l->heard_ns) < AWAKE_WAITING_NS);
}
