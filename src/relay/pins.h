/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pin directory: found or made on a bpffs (which is mounted if missing), and locked by one process at a time. The
 * lock is a file in /run/detourd, named after the directory's device and inode, because a bpffs has no locks.
 */
#ifndef DETOURD_RELAY_PINS_H
#define DETOURD_RELAY_PINS_H

#include <stdbool.h>

struct dt_pins {
	int lock_fd;
	bool existed;	 /* the directory was there before */
	char ranges[64]; /* of the last dt_pins_reserve_ports() */
};

/* False: path is not on a bpffs, and would not be if it were made. Changes nothing. */
bool dt_pins_place_fits(const char *path);
/*
 * -EBUSY: a running relay holds it. Other errors of mkdir, mount, open. Logs why. With make unset a missing
 * directory is -ENOENT, silently.
 */
int dt_pins_open(struct dt_pins *p, const char *path, bool make);
void dt_pins_close(struct dt_pins *p);

/* Adds ranges ("a-b,c-d") to net.ipv4.ip_local_reserved_ports, remembering what was there before. Logs. */
int dt_pins_reserve_ports(struct dt_pins *p, const char *ranges);
/*
 * Reserves the ranges of the last dt_pins_reserve_ports() again if another program has overwritten the setting; cheap if
 * none has. Logs.
 */
int dt_pins_keep_ports(struct dt_pins *p);
/* Restores what was there before the first dt_pins_reserve_ports(), unless another program changed it since. */
int dt_pins_restore_ports(struct dt_pins *p);

#endif
