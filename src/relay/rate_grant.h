/* SPDX-License-Identifier: GPL-2.0-or-later */
/* max-rate for what is copied: taken from nat.bpf's buckets, which nat.bpf alone writes. So its program rate_grant is run. */
#ifndef DETOURD_RELAY_RATE_GRANT_H
#define DETOURD_RELAY_RATE_GRANT_H

#include <stdint.h>

#include "base/addr.h"

/*
 * Half of max-rate is for what is copied even if flows want all of it: when that part is full again, by enum dt_flow_dir. All
 * zeroes at first.
 */
struct dt_rate_reserve {
	uint64_t full_ns[2];
};

/*
 * How many of so many bytes the client may move now in this direction, in place of its flows. rate: bytes a second. 0: none,
 * or an error.
 */
uint32_t dt_rate_grant(int program_fd, uint64_t client_id, uint64_t rate, struct dt_rate_reserve *reserve,
		       enum dt_flow_dir dir, uint64_t bytes, uint64_t now_ns);

#endif
