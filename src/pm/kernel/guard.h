/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The filter at the client's end of a tunnel (bpf/tunnel.bpf.c): nothing comes in but what belongs to detours. */
#ifndef DETOURD_PM_KERNEL_GUARD_H
#define DETOURD_PM_KERNEL_GUARD_H

#include <stdint.h>

struct dt_guard;
struct dt_ip;

/*
 * Loads the filter for these addresses of this host (unset: none) and puts it on the device. Negative errno of the
 * kernel. It goes with the device.
 */
int dt_guard_open(struct dt_guard **out, uint32_t ifindex, const struct dt_ip *ip4, const struct dt_ip *ip6);
/* May be NULL. The filter stays on the device until that is removed. */
void dt_guard_close(struct dt_guard *g);
/* Puts the filter back if another program has removed or replaced it. 1: it did; negative errno: it is not there. */
int dt_guard_check(struct dt_guard *g);
/* Why it is not there, and what to do about it. Static text or strerror's. */
const char *dt_guard_problem(int err);
/* Packets dropped since the last call. */
uint64_t dt_guard_dropped(struct dt_guard *g);

#endif
