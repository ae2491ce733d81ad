/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of root's rights this process has, see capabilities(7). A set is a bit for each, as the kernel has it. */
#ifndef DETOURD_BASE_CAPABILITIES_H
#define DETOURD_BASE_CAPABILITIES_H

#include <linux/capability.h>
#include <stddef.h>
#include <stdint.h>

#define DT_CAPABILITY(number) (1ULL << (number))
/* What both modes need; client mode also needs CAP_NET_RAW, to bind to an interface. */
#define DT_CAPABILITIES_RELAY (DT_CAPABILITY(CAP_NET_ADMIN) | DT_CAPABILITY(CAP_BPF) | DT_CAPABILITY(CAP_PERFMON))
#define DT_CAPABILITIES_CLIENT (DT_CAPABILITIES_RELAY | DT_CAPABILITY(CAP_NET_RAW))

/* The effective ones; 0 if they cannot be read. */
uint64_t dt_capabilities(void);

/* Room for all names. */
#define DT_CAPABILITIES_STRLEN 128
/* "CAP_NET_ADMIN, CAP_BPF": those of the set that detourd knows of. Returns out. */
const char *dt_capabilities_format(uint64_t set, char out[DT_CAPABILITIES_STRLEN]);

#endif
