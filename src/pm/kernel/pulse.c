/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/pulse.h"

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

int dt_pulse_reader_open(struct dt_pulse_reader **out, int answers)
{
	struct dt_pulse_reader *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->skel = pulse_bpf__open();
	err = r->skel ? 0 : -errno;
	if (err == 0 && answers >= 0)
		err = bpf_map__reuse_fd(r->skel->maps.answers, answers);
	if (err == 0)
		err = pulse_bpf__load(r->skel);
	if (err) {
		dt_log_err("cannot look at subflows by BPF: %s", dt_bpf_explain(err));
		dt_pulse_reader_close(r);
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

/* Reads the sockets bound to this device (0: to none). If the device is gone, so are its sockets: no error. */
static int device_read(struct dt_pulse_reader *r, uint32_t device)
{
	char frame[64] = {0}; /* BPF_PROG_TEST_RUN needs a packet; the program does not read it */
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
