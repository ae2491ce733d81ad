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

/* Looks at those bound to this device; at none, if there is no such device any more. */
static int device_read(struct dt_pulse_reader *r, uint32_t device)
{
	char frame[64] = {0}; /* a run needs a packet, which is not looked at */
	struct __sk_buff skb = {.ifindex = device};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame), .ctx_in = &skb,
		    .ctx_size_in = sizeof(skb), .repeat = 1);

	r->skel->bss->pulses_device = device;
	if (bpf_prog_test_run_opts(bpf_program__fd(r->skel->progs.pulse), &run) == 0)
		return 0;
	return device && errno == ENODEV ? 0 : -errno;
}

static bool is_first_of_device(const struct dt_pulse *pulses, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (pulses[i].device == pulses[at].device)
			return false;
	return true;
}

static int batch_read(struct dt_pulse_reader *r, struct dt_pulse *pulses, size_t count)
{
	int err = 0;

	memcpy(r->skel->bss->pulses, pulses, count * sizeof(*pulses));
	r->skel->bss->pulses_used = (__u32)count;
	for (size_t i = 0; err == 0 && i < count; i++)
		if (is_first_of_device(pulses, i))
			err = device_read(r, pulses[i].device);
	if (err)
		return err;
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
