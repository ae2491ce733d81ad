/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "convert/allowance.h"

#include "base/clock.h"
#include "convert/outbox.h"
#include "detourd/maps.h"

/* In one question: what the rate gives in this time, within bounds. */
#define STEP_NS (10 * DT_MS)
#define STEP_MIN (16 << 10)
#define ANSWER_NS (50 * DT_MS)
#define ASK_AGAIN_NS DT_SEC /* an answer found no room */
/* Without a daemon. */
#define BUCKET_NS (DT_SEC / 10)
#define BUCKET_MIN (256 << 10)

static int64_t step_of(const struct dt_copy_client *c)
{
	uint64_t bytes = c->rate / (DT_SEC / STEP_NS);

	if (bytes < STEP_MIN)
		return STEP_MIN;
	return bytes < DT_RATE_GRANT_MAX ? (int64_t)bytes : DT_RATE_GRANT_MAX;
}

static void fill(struct dt_copy_client *c, uint64_t now_ns)
{
	uint64_t passed_ns = now_ns - c->filled_ns;
	int64_t depth = (int64_t)(c->rate / (DT_SEC / BUCKET_NS)), more;

	if (depth < BUCKET_MIN)
		depth = BUCKET_MIN;
	if (passed_ns > BUCKET_NS * 10)
		passed_ns = BUCKET_NS * 10;
	more = (int64_t)((double)c->rate * (double)passed_ns / (double)DT_SEC);
	if (more <= 0)
		return;
	c->filled_ns = now_ns;
	for (int i = 0; i < 2; i++)
		c->tokens[i] = c->tokens[i] + more < depth ? c->tokens[i] + more : depth;
}

/* For both directions in one question, so that the answer says all. */
static void ask(struct dt_copier *copier, struct dt_copy_client *c)
{
	struct dt_channel_message m = {.type = DT_CHANNEL_ASK, .client_id = c->id};
	int64_t step = step_of(c);

	m.bytes_up = c->tokens[DT_DIR_UP] < step ? (uint64_t)step : 0;
	m.bytes_down = c->tokens[DT_DIR_DOWN] < step ? (uint64_t)step : 0;
	c->asked_ns = copier->now_ns;
	dt_outbox_put(copier->outbox, &m, -1);
}

int64_t dt_allowance(struct dt_copier *copier, struct dt_copy_client *c, enum dt_flow_dir dir)
{
	uint64_t waited_ns = c->asked_ns ? copier->now_ns - c->asked_ns : 0;

	if (dt_outbox_fd(copier->outbox) < 0 || waited_ns > ANSWER_NS)
		fill(c, copier->now_ns);
	else
		c->filled_ns = copier->now_ns;
	if ((!c->asked_ns && c->tokens[dir] < step_of(c)) || waited_ns > ASK_AGAIN_NS)
		ask(copier, c);
	return c->tokens[dir];
}

void dt_allowance_granted(struct dt_copy_client *c, const struct dt_channel_message *m)
{
	c->asked_ns = 0;
	c->tokens[DT_DIR_UP] += (int64_t)m->bytes_up;
	c->tokens[DT_DIR_DOWN] += (int64_t)m->bytes_down;
}

void dt_allowance_forget(struct dt_copy_client *c)
{
	c->asked_ns = 0;
}
