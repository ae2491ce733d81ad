/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reader of track.bpf, which is attached to the cgroup root until this is closed. */
#ifndef DETOURD_PM_KERNEL_TRACK_H
#define DETOURD_PM_KERNEL_TRACK_H

#include "base/addr.h"

struct dt_track;

/* Sees only sockets of the network namespace with this cookie. Logs why it failed. */
int dt_track_open(struct dt_track **out, uint64_t netns_cookie);
/* May be NULL. */
void dt_track_close(struct dt_track *t);
/* The four-tuple as a key. Its padding is zero, so that it may be hashed and compared as bytes. */
struct dt_subflow_key dt_track_key(const struct dt_endpoint *local, const struct dt_endpoint *remote);
/* -ENOENT: never seen. */
int dt_track_get(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		 struct dt_subflow_stats *out);
/* Adds an entry for a socket older than track.bpf, which its callbacks then update. */
void dt_track_adopt(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		    uint32_t token);
void dt_track_forget(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote);

/* Who opened this connection. Removes the entry. -ENOENT: unknown, for example because it is older than track.bpf. */
int dt_track_origin_take(const struct dt_track *t, uint32_t token, struct dt_origin *out);

/* The kernel does not report the end of every connection by netlink. Here it reports the end of each subflow. */
typedef void (*dt_track_event_fn)(const struct dt_endpoint *local, const struct dt_endpoint *remote, uint32_t token,
				  enum dt_subflow_happening what, void *data);
/* -errno. dt_track_drain() calls fn for each event. */
int dt_track_watch(struct dt_track *t, dt_track_event_fn fn, void *data);
/* Readable when dt_track_drain() is due. Owned by t. */
int dt_track_fd(const struct dt_track *t);
void dt_track_drain(struct dt_track *t);

/* Removes sockets that closed before this time and were not removed by dt_track_forget(). */
void dt_track_sweep(const struct dt_track *t, uint64_t closed_before_ns);

#endif
