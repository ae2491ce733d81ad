/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that private-key-file names: one base64 key that only its owner may read. */
#ifndef DETOURD_BASE_KEYFILE_H
#define DETOURD_BASE_KEYFILE_H

#include "base/config.h"
#include "base/key.h"

/* Reads the key; reports what is wrong at c->pos. Unless c->read_files, nothing is read and out stays zero. */
void dt_keyfile_take(struct dt_config *c, const char *path, struct dt_keypair *out);

#endif
