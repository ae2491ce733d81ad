/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/answers.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answers.skel.h"
#include "base/bpf.h"
#include "base/cgroup.h"
#include "base/log.h"

struct dt_answers {
	struct answers_bpf *skel;
};

static int attach(struct answers_bpf *skel)
{
	int fd = dt_cgroup_open_root();

	if (fd < 0)
		return fd;
	skel->links.answer = bpf_program__attach_cgroup(skel->progs.answer, fd);
	close(fd);
	return skel->links.answer ? 0 : -errno;
}

int dt_answers_open(struct dt_answers **out)
{
	struct dt_answers *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->skel = answers_bpf__open_and_load();
	err = a->skel ? attach(a->skel) : -errno;
	if (err == 0) {
		*out = a;
		return 0;
	}
	dt_log_warn("cannot keep answers to probes away from TCP: %s; subflows are probed all the same",
		    dt_bpf_explain(err));
	dt_answers_close(a);
	return err;
}

void dt_answers_close(struct dt_answers *a)
{
	if (!a)
		return;
	answers_bpf__destroy(a->skel);
	free(a);
}

int dt_answers_fd(const struct dt_answers *a)
{
	return bpf_map__fd(a->skel->maps.answers);
}

void dt_answers_expect(struct dt_answers *a, const struct dt_subflow_key *key, uint32_t seq)
{
	bpf_map_update_elem(bpf_map__fd(a->skel->maps.asked), key, &seq, BPF_ANY);
	a->skel->bss->asking = 1;
}

void dt_answers_rest(struct dt_answers *a)
{
	a->skel->bss->asking = 0;
}
