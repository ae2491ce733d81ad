/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "measured.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chance.h"

#define HOSTS (RELAYS + 2) /* relays, the client, the server */
#define CLIENT RELAYS
#define SERVER (RELAYS + 1)

static size_t trace_slices(const struct sim_measured *m)
{
	return (size_t)(STEPS * STEP_S / m->slice_s) + 1;
}

/* Moves a random one of list[from..count) to list[from]. */
static void draw(size_t *list, size_t from, size_t count)
{
	size_t other = from + sim_below((unsigned)(count - from)), kept = list[other];

	list[other] = list[from];
	list[from] = kept;
}

int sim_measured_divide(struct sim_measured *m)
{
	if (m->nodes / 2 < HOSTS || m->slices / 2 <= trace_slices(m))
		return -ENODATA;
	m->order = malloc(m->nodes * sizeof(*m->order));
	if (!m->order)
		return -ENOMEM;
	for (size_t i = 0; i < m->nodes; i++)
		m->order[i] = i;
	for (size_t i = 0; i + 1 < m->nodes; i++)
		draw(m->order, i, m->nodes);
	return 0;
}

static double rtt(const struct sim_measured *m, size_t slice, size_t from, size_t to)
{
	return fmax(m->rtt_s[slice][from * m->nodes + to], SIM_RTT_LEAST_S);
}

static void step_fill(const struct sim_measured *m, size_t slice, const size_t *hosts, struct trace *t, int step)
{
	for (int r = 0; r <= RELAYS; r++) {
		double all = rtt(m, slice, hosts[CLIENT], hosts[SERVER]);

		if (r < RELAYS) {
			t->near_s[r][step] = rtt(m, slice, hosts[CLIENT], hosts[r]);
			t->far_s[r][step] = rtt(m, slice, hosts[r], hosts[SERVER]);
			t->link[r][step] = t->near_s[r][step] < SIM_DEAD_S;
			all = t->near_s[r][step] + t->far_s[r][step];
		}
		t->rtt_s[r][step] = all;
		t->capacity[r][step] = all < SIM_DEAD_S ? SIM_WINDOW_BITS / all : 0;
	}
}

void sim_measured_trace(const struct sim_measured *m, int half, struct trace *t)
{
	size_t hosts[SIM_NODES_MAX], count = half ? m->nodes - m->nodes / 2 : m->nodes / 2;
	size_t span = m->slices / 2 - trace_slices(m), first = sim_below((unsigned)span) + (half ? m->slices / 2 : 0);
	double direct = 0;

	memset(t, 0, sizeof(*t));
	memcpy(hosts, m->order + (half ? m->nodes / 2 : 0), count * sizeof(*hosts));
	for (size_t i = 0; i < HOSTS; i++)
		draw(hosts, i, count);
	for (int i = 0; i < STEPS; i++) {
		step_fill(m, first + (size_t)(i * STEP_S / m->slice_s), hosts, t, i);
		direct += t->capacity[RELAYS][i] / STEPS;
	}
	/* as in made-up traces: one in five is limited by the access link */
	t->access = fmax(direct, 1e5) * (sim_uniform() < 0.2 ? 1 : 2 + 4 * sim_uniform());
	sim_connections(t);
}

void sim_measured_fini(struct sim_measured *m)
{
	for (size_t i = 0; m->rtt_s && i < m->slices; i++)
		free(m->rtt_s[i]);
	free(m->rtt_s);
	free(m->order);
	memset(m, 0, sizeof(*m));
}
