/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What both modes need to run as a service: signals, sd_notify, and the event loop. */
#ifndef DETOURD_BASE_SERVICE_H
#define DETOURD_BASE_SERVICE_H

#include <stdbool.h>
#include <uv.h>

/* The two modes as main.c sees them. All int functions: 0, or a negative errno after logging why. */
struct dt_mode {
	/*
	 * Loads and checks path; prints errors itself, "file:line:column: reason" on stderr. -EINVAL. For a reload it runs
	 * in a thread of its own: it only reads files, and touches nothing of the running daemon.
	 */
	int (*config_load)(void **config, const char *path);
	/* --check: as config_load(), and says whether this machine has what is named. strict: a warning is an error. */
	int (*config_judge)(void **config, const char *path, bool strict);
	void (*config_free)(void *config);
	/* Owns config afterwards, also on failure. Nothing is left half set up on failure. */
	int (*start)(void **daemon, uv_loop_t *loop, void *config);
	/* All or nothing; owns config afterwards. 1: it goes on, and ends with dt_service_reloaded(). */
	int (*reload)(void *daemon, void *config);
	/* SIGUSR1: accept nothing new, and call dt_service_stop() when all is done. NULL: nothing to drain. */
	void (*drain)(void *daemon);
	/* Cancels everything and closes every handle; the daemon is freed before the loop ends. */
	void (*stop)(void *daemon);
};

/* config -> start -> loop until SIGTERM/SIGINT -> stop; SIGHUP reloads path. Returns the exit code. */
int dt_service_run(const struct dt_mode *mode, const char *config_path);
/* Tells the service manager that the reload is over. */
void dt_service_reloaded(void);
/* Stops the daemon from within, as SIGTERM does, in the next turn of the loop. */
void dt_service_stop(void);

#endif
