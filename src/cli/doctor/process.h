/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs that the doctor asks. */
#ifndef DETOURD_CLI_DOCTOR_PROCESS_H
#define DETOURD_CLI_DOCTOR_PROCESS_H

#include <stdbool.h>

/*
 * Runs argv[0], found in PATH, and returns what it writes to its standard output and, with errors, to its standard error
 * as one string, which the caller frees; NULL: it cannot be run, or writes too much. *code: its exit code, or -1.
 */
char *dt_process_output(const char *const argv[], bool errors, int *code);

#endif
