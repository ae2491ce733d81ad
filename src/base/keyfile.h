/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that private-key-file names: one base64 key, nobody else's to read. */
#ifndef DETOURD_BASE_KEYFILE_H
#define DETOURD_BASE_KEYFILE_H

#include "base/config.h"
#include "base/key.h"

/* Reports what is wrong at c->pos. Reads nothing, and leaves out zero, unless c->read_files. */
void dt_keyfile_take(struct dt_config *c, const char *path, struct dt_keypair *out);

#endif
