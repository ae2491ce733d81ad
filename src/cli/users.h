/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Users' names, from /etc/passwd alone: a static program cannot ask other services, and none may keep it waiting. */
#ifndef DETOURD_CLI_USERS_H
#define DETOURD_CLI_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DT_USER_STRLEN 33

/* The name, or where there is none the number. buf holds DT_USER_STRLEN bytes; returns buf. */
const char *dt_user_name(uint32_t uid, char *buf);
/* A name or a number. False: there is no such user. */
bool dt_user_find(const char *name, uint32_t *uid);

#endif
