/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The measured data of bench/traces: the first byte says which of the two forms. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "sim/data.h"

static void matrix(const char *text)
{
	size_t nodes = 0;
	double *rtt_s;
	unsigned line;

	if (sim_matrix_parse(text, 1e-3, &nodes, &rtt_s, &line) < 0)
		return;
	for (size_t i = 0; i < nodes * nodes; i++)
		if (!(rtt_s[i] >= 0 && rtt_s[i] <= SIM_RTT_MAX_S))
			abort();
	free(rtt_s);
}

static void transfers(const char *text)
{
	static struct sim_transfers t;
	unsigned line;

	if (sim_transfers_parse(text, &t, &line) < 0)
		return;
	for (size_t i = 0; i < t.places; i++)
		for (size_t k = 0; k < t.places; k++)
			if (!isfinite(t.bps[i][k]) || !isfinite(t.rtt_s[i][k]) || (t.count[i][k] && t.bps[i][k] <= 0))
				abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	text = strndup((const char *)data + 1, size - 1);
	if (!text)
		abort();
	if (data[0] % 2)
		transfers(text);
	else
		matrix(text);
	free(text);
	return 0;
}
