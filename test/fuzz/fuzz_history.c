/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The history's file: what is read must survive being written and read again. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "pm/decide/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dt_history *h = dt_history_new();
	char *text = strndup((const char *)data, size), *again;
	unsigned line;

	if (sodium_init() < 0 || !h || !text)
		abort();
	if (dt_history_parse(h, text, 0, &line) == 0) {
		again = dt_history_format(h);
		if (!again || dt_history_parse(h, again, 0, &line) < 0)
			abort();
		free(again);
	}
	free(text);
	dt_history_free(h);
	return 0;
}
