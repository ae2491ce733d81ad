/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/fading.h"

#include "base/clock.h"
#include "base/minmax.h"
#include "pm/decide/liveness.h"

/*
 * Data is late after this time, or after so many of the connection's shortest round-trip times. In any case later than one
 * retransmission time-out brings it, which a path that is merely full has now and then.
 */
#define LATE_MIN_NS (300 * DT_MS)
#define LATE_RTTS 4
/* A segment that is sent again waits in the same queue, behind all that was sent before. As much again is the margin. */
#define LATE_ECHOES 2
/* TCP_RTO_MIN and TCP_DELACK_MIN in include/net/tcp.h of the kernel */
#define RTO_MIN_NS (200 * DT_MS)
#define DELAYED_ACK_NS (40 * DT_MS)
/* So often within so long, or once for so long: it fades. */
#define TROUBLES 2
#define TROUBLES_NS (5 * DT_SEC)
#define TROUBLE_LONG_NS (300 * DT_MS)
/* The access link is not what loses packets if another subflow lost some no more often, meanwhile and as long before. */
#define OTHER_LOSSES 1
/* It is backup for so long, and twice as long each time in a row. */
#define FADED_NS (10 * DT_SEC)
#define FADED_DOUBLINGS 4
#define FADED_FORGOTTEN_NS (60 * DT_SEC) /* after its time as backup; later, it begins anew */
/* MP_PRIO is not repeated by the kernel, and goes over the path that loses packets. */
#define TELLS 3
#define TELL_EVERY_NS (200 * DT_MS)

static uint64_t late_after_ns(const struct dt_fading_member *members, size_t count)
{
	uint32_t rtt_us = 0;

	for (size_t i = 0; i < count; i++)
		if (members[i].liveness->rtt_us && (!rtt_us || members[i].liveness->rtt_us < rtt_us))
			rtt_us = members[i].liveness->rtt_us;
	return dt_max_u64(LATE_RTTS * rtt_us * DT_US, LATE_MIN_NS);
}

/*
 * When data that one retransmission brought is acknowledged: after the time-out, which is a round-trip time and four times
 * its deviation, or 200 ms at least, one more round trip, and what the receiver waits with a lone acknowledgement. A
 * quarter more, for a queue may have grown meanwhile.
 */
static uint64_t retransmitted_ns(const struct dt_liveness *l)
{
	return (l->late_ns + RTO_MIN_NS + l->rtt_us * DT_US + DELAYED_ACK_NS) * 5 / 4;
}

/*
 * Nothing is late while the peer's application does not read, nor before data is acknowledged again: the kernel takes its
 * retransmissions for questions about the window then, and asks ever more seldom (tcp_retransmit_timer()).
 */
static void acknowledged_note(const struct dt_fading_member *m, uint64_t now_ns)
{
	struct dt_fading *f = m->fading;
	bool advanced = !m->sample->packets_out || !f->under_way || m->sample->snd_una != f->snd_una;

	f->no_window = m->sample->no_window || (f->no_window && !advanced);
	if (advanced || f->no_window)
		f->advanced_ns = now_ns;
	f->snd_una = m->sample->snd_una;
	f->under_way = m->sample->packets_out;
}

/* What moves on a connection. */
struct traffic {
	uint64_t link_ns;  /* since then, subflows have been heard without a long pause */
	uint64_t data_ns;  /* when data last came */
	uint64_t late_ns;  /* data is late after this time */
	bool missing_here; /* one of the subflows has a hole of its own: others that are silent do not hold the piece */
};

/*
 * What it sent, or should have received, is late. Not if the access link may be down, or may have been when that began.
 * A piece is not late while nothing arrives at all, on any subflow: then the application does not read, or the server
 * does not send. Nor before this path, which may be far longer than the shortest, could bring it again.
 */
static bool is_troubled(const struct dt_fading_member *m, const struct traffic *t, uint64_t now_ns)
{
	const struct dt_liveness *l = m->liveness;
	uint64_t late_ns = t->late_ns, acked_late_ns = dt_max_u64(late_ns, retransmitted_ns(l));
	uint64_t piece_late_ns = dt_max_u64(late_ns, LATE_RTTS * l->rtt_us * DT_US);

	if (m->sample->own_hole)
		piece_late_ns = dt_max_u64(piece_late_ns, LATE_ECHOES * l->echo_ns);
	if (now_ns - l->any_ns >= late_ns)
		return false;
	if (m->sample->packets_out && m->fading->advanced_ns > t->link_ns &&
	    now_ns - m->fading->advanced_ns >= acked_late_ns)
		return true;
	return now_ns - t->data_ns < late_ns && l->hole_ns && l->hole_ns > t->link_ns &&
	       now_ns - l->hole_ns >= piece_late_ns &&
	       (m->sample->own_hole || (!t->missing_here && now_ns - l->heard_ns >= late_ns));
}

/* Another one that can carry what this one would. */
static bool has_other(const struct dt_fading_member *members, size_t count, size_t of, const bool *troubled)
{
	for (size_t i = 0; i < count; i++)
		if (i != of && !troubled[i] && !members[i].fading->fading)
			return true;
	return false;
}

/* It loses packets that others do not: so it is not the access link. */
static bool is_lossy(const struct dt_fading_member *members, size_t count, size_t of, const bool *troubled,
		     uint64_t link_ns, uint64_t now_ns)
{
	const struct dt_losses *losses = &members[of].fading->losses;
	uint64_t oldest_ns = dt_losses_oldest_ns(losses), since_ns = oldest_ns - (now_ns - oldest_ns);

	if (!dt_losses_are_many(losses, members[of].liveness, link_ns, now_ns))
		return false;
	for (size_t i = 0; i < count; i++)
		if (i != of && !troubled[i] && !members[i].fading->fading &&
		    dt_losses_since(&members[i].fading->losses, since_ns) <= OTHER_LOSSES)
			return true;
	return false;
}

static void fade(struct dt_fading *f, uint64_t now_ns)
{
	if (now_ns - f->until_ns >= FADED_FORGOTTEN_NS)
		f->times = 0;
	f->fading = f->tell = true;
	f->tells = 1;
	f->since_ns = now_ns;
	f->until_ns = now_ns + (FADED_NS << f->times);
	f->times += f->times < FADED_DOUBLINGS;
	f->troubles = 0;
}

static void trouble_begins(struct dt_fading *f, uint64_t now_ns)
{
	if (now_ns - f->troubled_ns >= TROUBLES_NS)
		f->troubles = 0;
	f->troubles++;
	f->trouble_ns = f->troubled_ns = now_ns;
}

static void trouble_note(struct dt_fading *f, bool troubled, bool has_other, uint64_t now_ns)
{
	if (!troubled) {
		f->trouble_ns = 0;
		return;
	}
	if (!f->trouble_ns)
		trouble_begins(f, now_ns);
	if (f->fading || !has_other || (f->troubles < TROUBLES && now_ns - f->trouble_ns < TROUBLE_LONG_NS))
		return;
	fade(f, now_ns);
	f->leave = true;
}

static void faded_check(struct dt_fading *f, uint64_t now_ns)
{
	if (!f->fading)
		return;
	if (now_ns >= f->until_ns) {
		f->fading = false;
		f->tell = true;
		f->tells = 1;
	} else if (f->tells < TELLS && now_ns - f->since_ns >= f->tells * TELL_EVERY_NS) {
		f->tell = true;
		f->tells++;
	}
}

bool dt_fading_check(const struct dt_fading_member *members, size_t count, uint64_t now_ns)
{
	struct traffic traffic = {.late_ns = late_after_ns(members, count)};
	bool troubled[DT_FADING_MEMBERS_MAX], lost[DT_FADING_MEMBERS_MAX], tell = false;

	for (size_t i = 0; i < count; i++) {
		traffic.link_ns = dt_max_u64(traffic.link_ns, members[i].liveness->link_ns);
		traffic.data_ns = dt_max_u64(traffic.data_ns, members[i].liveness->data_ns);
		traffic.missing_here = traffic.missing_here || members[i].sample->own_hole;
	}
	for (size_t i = 0; i < count; i++) {
		acknowledged_note(&members[i], now_ns);
		lost[i] = dt_losses_sample(&members[i].fading->losses, members[i].liveness, members[i].sample, now_ns);
		troubled[i] = is_troubled(&members[i], &traffic, now_ns);
	}
	for (size_t i = 0; i < count; i++) {
		struct dt_fading *f = members[i].fading;

		trouble_note(f, troubled[i], has_other(members, count, i, troubled), now_ns);
		if (lost[i] && !f->fading && is_lossy(members, count, i, troubled, traffic.link_ns, now_ns)) {
			fade(f, now_ns);
			f->leave = true;
		}
		faded_check(f, now_ns);
		tell = tell || f->tell;
	}
	return tell;
}

void dt_fading_died(struct dt_fading *f, uint64_t now_ns)
{
	if (f->trouble_ns && now_ns - f->trouble_ns < TROUBLES_NS) { /* the same trouble */
		f->trouble_ns = 0;
		return;
	}
	trouble_begins(f, now_ns);
	f->trouble_ns = 0;
	if (!f->fading && f->troubles >= TROUBLES)
		fade(f, now_ns);
}
