/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/others.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>

#include "base/array.h"
#include "net/sock_diag.h"
#include "pm/kernel/track.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"

/* Asked for MPTCP, and is not among ours. */
struct stray {
	struct dt_endpoint local, remote;
};

struct count {
	const struct dt_pm *pm;
	const struct dt_endpoint *about;
	struct dt_others *out;
	struct stray *strays;
	size_t nstrays;
};

bool dt_others_is_about(const struct dt_endpoint *about, const struct dt_endpoint *remote)
{
	return dt_ip_equal(&about->ip, &remote->ip) && (about->port == 0 || about->port == remote->port);
}

static bool is_ours(const struct dt_pm *pm, const struct dt_tcp_sample *sample)
{
	struct dt_connection *c, *tmp;
	struct dt_subflow_stats stats;

	if (dt_track_get(pm->track, &sample->local, &sample->remote, &stats) == 0)
		return dt_connection_find(pm, stats.token) != NULL;
	/* it is older than track.bpf */
	HASH_ITER(hh, pm->connections, c, tmp)
		if ((dt_endpoint_equal(&c->local, &sample->local) && dt_endpoint_equal(&c->remote, &sample->remote)) ||
		    dt_connection_subflow(c, &sample->local, &sample->remote))
			return true;
	return false;
}

/* TCP that its program has closed, and waits for the other side. */
static bool is_closing(const struct dt_tcp_sample *sample)
{
	return sample->state != BPF_TCP_ESTABLISHED && sample->state != BPF_TCP_SYN_SENT &&
	       sample->state != BPF_TCP_CLOSE_WAIT;
}

static int socket_count(const struct dt_tcp_sample *sample, void *data)
{
	struct stray stray = {sample->local, sample->remote};
	struct count *count = data;

	if (!dt_others_is_about(count->about, &sample->remote) || is_closing(sample))
		return 0;
	if (!sample->mptcp)
		count->out->plain++;
	else if (sample->state == BPF_TCP_ESTABLISHED && !is_ours(count->pm, sample) &&
		 !dt_array_append(&count->strays, &count->nstrays, sizeof(stray), &stray))
		return -ENOMEM;
	return 0;
}

/* This one had MPTCP. Its end was told when its program closed it; the kernel finishes it. */
static int closing_remove(const struct dt_tcp_sample *sample, void *data)
{
	struct count *count = data;

	for (size_t i = 0; i < count->nstrays; i++)
		if (dt_endpoint_equal(&count->strays[i].local, &sample->local) &&
		    dt_endpoint_equal(&count->strays[i].remote, &sample->remote)) {
			count->strays[i] = count->strays[--count->nstrays];
			break;
		}
	return 0;
}

void dt_others_count(struct dt_pm *pm, const struct dt_endpoint *about, struct dt_others *out)
{
	struct count count = {.pm = pm, .about = about, .out = out};

	*out = (struct dt_others){0};
	dt_sock_diag_dump(&pm->diag, socket_count, &count);
	if (count.nstrays)
		dt_sock_diag_dump_closing(&pm->diag, closing_remove, &count);
	out->fell_back = count.nstrays;
	free(count.strays);
}
