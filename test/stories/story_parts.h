/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What story.c, expect.c and runner.c share. */
#ifndef STORIES_STORY_PARTS_H
#define STORIES_STORY_PARTS_H

#include <stdbool.h>

extern bool story_failed;
/* The running story's own folder; the runner makes and removes it. */
extern char story_dir[96];
void story_init(void);
/* Stops the client, and expects that it leaves nothing behind. */
void story_fini(void);
/* Prints the transcript, and ends the test. */
void story_fails(const char *file, int line, const char *why) __attribute__((noreturn));

#endif
