/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What happens when memory runs out: one rule for both daemons.
 *
 * 1. A function that can refuse one thing refuses it. It returns -ENOMEM (or NULL, where its header says so) and leaves
 *    everything as it was. Its caller turns down that one lease, subflow, answer or reload, and the daemon goes on. An
 *    error in the middle of reading a configuration is an error of that configuration.
 * 2. What cannot return an error ends the daemon by dt_memory_exhausted(): an insertion into a hash table (base/hash.h),
 *    libuv's own needs (dt_loop_guard_memory), a connection that libuv holds until it is accepted. That logs what
 *    happened, runs the registered clean-up, newest first, and exits with code 1. The service manager starts the
 *    daemon again, and the new run finds what this one left, as after a crash: leases and flows in BPF maps, subflows
 *    in the kernel.
 *
 * Registered clean-up is only what the host would miss otherwise: the client gives the path manager back to the kernel.
 * It must not allocate.
 */
#ifndef DETOURD_BASE_MEMORY_H
#define DETOURD_BASE_MEMORY_H

/* Registers clean-up. At most 4 at a time. */
void dt_memory_cleanup_add(void (*cleanup)(void *data), void *data);
/* Takes it back. Nothing happens if this pair was never added. */
void dt_memory_cleanup_remove(void (*cleanup)(void *data), void *data);

/* what: what the memory was for, in a few words. */
void dt_memory_exhausted(const char *what) __attribute__((noreturn));

#endif
