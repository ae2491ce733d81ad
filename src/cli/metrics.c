/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/metrics.h"

#include "cli/query.h"

int dt_cli_metrics(const struct dt_options *options)
{
	json_t *answer = dt_query(options, "metrics", stderr);
	const char *text = json_string_value(json_object_get(answer, "text"));

	if (!text) {
		if (answer)
			fputs("detourd: the daemon's answer has no metrics; is it of another version?\n", stderr);
		json_decref(answer);
		return 1;
	}
	fputs(text, stdout);
	json_decref(answer);
	return dt_query_output_done();
}
