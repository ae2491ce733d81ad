/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * systemd's journal by its native protocol (systemd's JOURNAL_NATIVE_PROTOCOL document): a log line's "key=value" words
 * become fields, so that `journalctl DETOURD_RELAY=fra` finds all lines about a relay.
 */
#ifndef DETOURD_BASE_JOURNAL_H
#define DETOURD_BASE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#define DT_JOURNAL_SOCKET "/run/systemd/journal/socket"
#define DT_JOURNAL_MAX 4096 /* bytes of an entry; fields that do not fit are left out */

/* stream is $JOURNAL_STREAM, or NULL: fd leads to the journal, so a line may as well go there by the native protocol. */
bool dt_journal_has(const char *stream, int fd);
/* A datagram socket that leads there, or negative errno. */
int dt_journal_open(const char *path);
/*
 * An entry of PRIORITY (syslog's), SYSLOG_IDENTIFIER, MESSAGE, and a field DETOURD_KEY for each "key=value" at the end of
 * line. Line breaks become blanks. Returns its length.
 */
size_t dt_journal_format(char out[DT_JOURNAL_MAX], int priority, const char *line);
/* False: it did not take it, for example because it is full. Never waits. */
bool dt_journal_send(int fd, int priority, const char *line);

#endif
