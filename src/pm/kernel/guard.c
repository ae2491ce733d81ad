/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/guard.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/bpf.h"
#include "tunnel.skel.h"

/* Before all others' filters, which might accept a packet and end the chain. */
#define TC_HANDLE 1
#define TC_PRIORITY 1

struct dt_guard {
	struct tunnel_bpf *skel;
	uint32_t ifindex;
	uint32_t prog_id;
	uint64_t dropped; /* as of the last dt_guard_dropped() */
};

static int attach(const struct dt_guard *g)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)g->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY, .flags = BPF_TC_F_REPLACE,
		    .prog_fd = bpf_program__fd(g->skel->progs.tunnel));
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err;
	return bpf_tc_attach(&hook, &opts);
}

static bool is_attached(const struct dt_guard *g)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)g->ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = TC_HANDLE, .priority = TC_PRIORITY);

	return bpf_tc_query(&hook, &opts) == 0 && opts.prog_id == g->prog_id;
}

static int id_read(struct dt_guard *g)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(g->skel->progs.tunnel), &info, &len) < 0)
		return -errno;
	g->prog_id = info.id;
	return 0;
}

int dt_guard_open(struct dt_guard **out, uint32_t ifindex, const struct dt_ip *ip4, const struct dt_ip *ip6)
{
	struct dt_guard *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->ifindex = ifindex;
	dt_bpf_log_to_ours();
	g->skel = tunnel_bpf__open();
	err = g->skel ? 0 : -errno;
	if (err == 0) {
		g->skel->rodata->address4 = *ip4;
		g->skel->rodata->address6 = *ip6;
		err = tunnel_bpf__load(g->skel);
	}
	if (err == 0)
		err = id_read(g);
	if (err == 0)
		err = attach(g);
	if (err) {
		dt_guard_close(g);
		return err;
	}
	*out = g;
	return 0;
}

void dt_guard_close(struct dt_guard *g)
{
	if (!g)
		return;
	tunnel_bpf__destroy(g->skel);
	free(g);
}

int dt_guard_check(struct dt_guard *g)
{
	int err;

	if (is_attached(g))
		return 0;
	err = attach(g);
	return err ? err : 1;
}

const char *dt_guard_problem(int err)
{
	return dt_bpf_explain(err);
}

uint64_t dt_guard_dropped(struct dt_guard *g)
{
	uint64_t now = __atomic_load_n(&g->skel->bss->dropped, __ATOMIC_RELAXED), before = g->dropped;

	g->dropped = now;
	return now - before;
}
