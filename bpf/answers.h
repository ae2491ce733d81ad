/* SPDX-License-Identifier: GPL-2.0-only */
/* What answers.bpf counts and pulse.bpf reads: one map, which user space gives to both. */
#ifndef DETOURD_BPF_ANSWERS_H
#define DETOURD_BPF_ANSWERS_H

#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#include "detourd/maps.h"

/* Answers to probes that TCP did not see. A subflow that is pushed out begins at 0 again, which passes for an answer. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, DT_ANSWERS_MAX);
	__type(key, struct dt_subflow_key);
	__type(value, __u32);
} answers SEC(".maps");

#endif
