/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/pulse.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bpf.h"
#include "base/log.h"
#include "pulse.skel.h"

struct dt_pulse_reader {
	struct pulse_bpf *skel;
};

int dt_pulse_reader_open(struct dt_pulse_reader **out)
{
	struct dt_pulse_reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->skel = pulse_bpf__open_and_load();
	if (!r->skel) {
		err = -errno;
		dt_log_err("cannot look at subflows by BPF: %s", dt_bpf_explain(err));
		free(r);
		return err;
	}
	*out = r;
	return 0;
}

void dt_pulse_reader_close(struct dt_pulse_reader *r)
{
	if (!r)
		return;
	pulse_bpf__destroy(r->skel);
	free(r);
}

static int batch_read(struct dt_pulse_reader *r, struct dt_pulse *pulses, size_t count)
{
	char frame[64] = {0}; /* a run needs a packet, which is not looked at */
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame), .repeat = 1);
	int err;

	memcpy(r->skel->bss->pulses, pulses, count * sizeof(*pulses));
	r->skel->bss->pulses_used = (__u32)count;
	err = bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.pulse), &run);
	if (err < 0)
		return -errno;
	memcpy(pulses, r->skel->bss->pulses, count * sizeof(*pulses));
	return 0;
}

int dt_pulse_read(struct dt_pulse_reader *r, struct dt_pulse *pulses, size_t count)
{
	int err = 0;

	for (size_t at = 0; err == 0 && at < count; at += DT_PULSES)
		err = batch_read(r, pulses + at, count - at < DT_PULSES ? count - at : DT_PULSES);
	return err;
}
