/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both modes need around BPF in user space: libbpf's log, words for its errors, walks over maps. */
#ifndef DETOURD_BASE_BPF_H
#define DETOURD_BASE_BPF_H

#include <stddef.h>

/* libbpf's messages go to our log, as debug lines. */
void dt_bpf_log_to_ours(void);
/* Why a program could not be loaded, and what to do about it. err is a negative errno. Static text or strerror's. */
const char *dt_bpf_explain(int err);

#define DT_BPF_KEY_MAX 64

/*
 * Calls fn for every key in the map; fn may delete the key it is called for. Keys that are added meanwhile may be
 * missed. A negative result of fn ends the walk and is returned; else the map's error. Keys are DT_BPF_KEY_MAX bytes
 * at most.
 */
int dt_bpf_map_walk(int fd, size_t key_size, int (*fn)(const void *key, void *data), void *data);
/* 0 also where there is no such key. */
int dt_bpf_map_delete(int fd, const void *key);

#endif
