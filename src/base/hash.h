/* SPDX-License-Identifier: GPL-2.0-or-later */
/* uthash, included only here: a table that cannot grow ends the process as base/memory.h says. */
#ifndef DETOURD_BASE_HASH_H
#define DETOURD_BASE_HASH_H

#include "base/memory.h"

#define uthash_fatal(message) dt_memory_exhausted("hash table")
#include <uthash.h>

#endif
