/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/track.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bpf.h"
#include "base/cgroup.h"
#include "base/log.h"
#include "track.skel.h"

struct dt_track {
	struct track_bpf *skel;
	int cgroup_fd;
	struct ring_buffer *ring;
	dt_track_event_fn happened;
	void *data;
};

int dt_track_open(struct dt_track **out, uint64_t netns_cookie)
{
	struct dt_track *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	dt_bpf_log_to_ours();
	t->cgroup_fd = dt_cgroup_open_root();
	if (t->cgroup_fd < 0) {
		err = t->cgroup_fd;
		dt_log_err("cannot open the cgroup2 file system: %s; if none is mounted: mount -t cgroup2 none "
			   "/sys/fs/cgroup",
			   strerror(-err));
		goto failed;
	}
	t->skel = track_bpf__open();
	err = t->skel ? 0 : -errno;
	if (err == 0) {
		t->skel->rodata->netns_cookie = netns_cookie;
		err = track_bpf__load(t->skel);
	}
	if (err == 0) {
		t->skel->links.track = bpf_program__attach_cgroup(t->skel->progs.track, t->cgroup_fd);
		err = t->skel->links.track ? 0 : -errno;
	}
	if (err == 0) {
		*out = t;
		return 0;
	}
	dt_log_err("cannot follow subflows by BPF: %s", dt_bpf_explain(err));
failed:
	dt_track_close(t);
	return err;
}

void dt_track_close(struct dt_track *t)
{
	if (!t)
		return;
	ring_buffer__free(t->ring);
	track_bpf__destroy(t->skel);
	if (t->cgroup_fd >= 0)
		close(t->cgroup_fd);
	free(t);
}

struct dt_subflow_key dt_track_key(const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow_key key;

	memset(&key, 0, sizeof(key));
	key.local = local->ip;
	key.remote = remote->ip;
	key.lport = local->port;
	key.rport = remote->port;
	return key;
}

int dt_track_get(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		 struct dt_subflow_stats *out)
{
	struct dt_subflow_key key = dt_track_key(local, remote);

	return bpf_map_lookup_elem(bpf_map__fd(t->skel->maps.subflows), &key, out) < 0 ? -ENOENT : 0;
}

void dt_track_adopt(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		    uint32_t token)
{
	struct dt_subflow_key key = dt_track_key(local, remote);
	struct dt_subflow_stats stats = {.token = token, .state = BPF_TCP_ESTABLISHED};

	bpf_map_update_elem(bpf_map__fd(t->skel->maps.subflows), &key, &stats, BPF_NOEXIST);
}

int dt_track_origin_take(const struct dt_track *t, uint32_t token, struct dt_origin *out)
{
	int fd = bpf_map__fd(t->skel->maps.origins);

	if (bpf_map_lookup_elem(fd, &token, out) < 0)
		return -ENOENT;
	bpf_map_delete_elem(fd, &token);
	return 0;
}

void dt_track_forget(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct dt_subflow_key key = dt_track_key(local, remote);

	bpf_map_delete_elem(bpf_map__fd(t->skel->maps.subflows), &key);
}

static int event_take(void *context, void *record, size_t size)
{
	const struct dt_subflow_event *event = record;
	struct dt_track *t = context;
	struct dt_endpoint local, remote;

	if (size < sizeof(*event))
		return 0;
	local = (struct dt_endpoint){event->key.local, event->key.lport};
	remote = (struct dt_endpoint){event->key.remote, event->key.rport};
	t->happened(&local, &remote, event->token, (enum dt_subflow_happening)event->what, t->data);
	return 0;
}

int dt_track_watch(struct dt_track *t, dt_track_event_fn fn, void *data)
{
	t->happened = fn;
	t->data = data;
	t->ring = ring_buffer__new(bpf_map__fd(t->skel->maps.events), event_take, t, NULL);
	return t->ring ? 0 : -errno;
}

int dt_track_fd(const struct dt_track *t)
{
	return ring_buffer__epoll_fd(t->ring);
}

void dt_track_drain(struct dt_track *t)
{
	ring_buffer__consume(t->ring);
}

void dt_track_sweep(const struct dt_track *t, uint64_t closed_before_ns)
{
	int fd = bpf_map__fd(t->skel->maps.subflows);
	struct dt_subflow_stats stats;
	struct dt_subflow_key key, next;
	bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;

	while (more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, &stats) == 0 && stats.state == BPF_TCP_CLOSE &&
		    stats.updated_ns < closed_before_ns)
			bpf_map_delete_elem(fd, &key);
	}
}
