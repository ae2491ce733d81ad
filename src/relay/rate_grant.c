/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/rate_grant.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "base/clock.h"

#define RESERVE_NS (20 * DT_MS) /* its depth, */
#define RESERVE_MIN (16 << 10)	/* in bytes at least */

static uint32_t granted(int program_fd, uint64_t client_id, enum dt_flow_dir dir, uint32_t bytes, uint32_t reserved)
{
	uint8_t packet[64] = {0};
	struct __sk_buff context = {
		.cb = {(uint32_t)client_id, (uint32_t)(client_id >> 32), dir, bytes, reserved},
	};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet), .ctx_in = &context,
		    .ctx_size_in = sizeof(context));

	if (bpf_prog_test_run_opts(program_fd, &run) < 0)
		return 0;
	return run.retval <= bytes ? run.retval : 0;
}

uint32_t dt_rate_grant(int program_fd, uint64_t client_id, uint64_t rate, struct dt_rate_reserve *reserve,
		       enum dt_flow_dir dir, uint64_t bytes, uint64_t now_ns)
{
	uint64_t half = rate / 2 ? rate / 2 : 1, depth_ns = RESERVE_MIN * DT_SEC / half, used_ns, reserved;
	uint64_t *full_ns = &reserve->full_ns[dir];
	uint32_t got;

	if (bytes > DT_RATE_GRANT_MAX)
		bytes = DT_RATE_GRANT_MAX;
	if (depth_ns < RESERVE_NS)
		depth_ns = RESERVE_NS;
	used_ns = *full_ns > now_ns ? *full_ns - now_ns : 0;
	if (used_ns > depth_ns) /* it was deeper until a reload */
		used_ns = depth_ns;
	reserved = (uint64_t)((double)half * (double)(depth_ns - used_ns) / (double)DT_SEC);
	if (reserved > bytes)
		reserved = bytes;
	if (reserved < DT_RATE_GRANT_MIN)
		reserved = 0;
	got = bytes ? granted(program_fd, client_id, dir, (uint32_t)bytes, (uint32_t)reserved) : 0;
	used_ns += got * DT_SEC / half;
	*full_ns = now_ns + (used_ns < depth_ns ? used_ns : depth_ns); /* what flows left does not count */
	return got;
}
