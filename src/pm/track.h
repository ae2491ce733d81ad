/* SPDX-License-Identifier: GPL-2.0-or-later */
/* track.bpf, attached to the cgroup root for as long as this lives. */
#ifndef DETOURD_PM_TRACK_H
#define DETOURD_PM_TRACK_H

#include "base/addr.h"

struct dt_track;

/* Sees only sockets of the network namespace with this cookie. Logs why it failed. */
int dt_track_open(struct dt_track **out, uint64_t netns_cookie);
/* May be NULL. */
void dt_track_close(struct dt_track *t);
/* The four-tuple as a key: without gaps, so that it may be hashed as bytes. */
struct dt_subflow_key dt_track_key(const struct dt_endpoint *local, const struct dt_endpoint *remote);
/* -ENOENT: never seen. */
int dt_track_get(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		 struct dt_subflow_stats *out);
/* A socket older than track.bpf: the row that its callbacks look for, where they come. */
void dt_track_adopt(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		    uint32_t token);
void dt_track_forget(const struct dt_track *t, const struct dt_endpoint *local, const struct dt_endpoint *remote);

/* Who opened this connection; -ENOENT: unknown (it is older than track.bpf, say). It is forgotten with this. */
int dt_track_origin_take(const struct dt_track *t, uint32_t token, struct dt_origin *out);

/* The kernel does not report every connection's end by netlink; the end of its subflows it does, here. */
typedef void (*dt_track_event_fn)(const struct dt_endpoint *local, const struct dt_endpoint *remote, uint32_t token,
				  enum dt_subflow_happening what, void *data);
/* fn is called from dt_track_drain(), which is due when the descriptor is readable. */
int dt_track_watch(struct dt_track *t, dt_track_event_fn fn, void *data);
int dt_track_fd(const struct dt_track *t);
void dt_track_drain(struct dt_track *t);

/* Forgets sockets closed before this time that nobody asked to forget. */
void dt_track_sweep(const struct dt_track *t, uint64_t closed_before_ns);

#endif
