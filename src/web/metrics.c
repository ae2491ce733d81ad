/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web/metrics.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/control.h"
#include "base/log.h"
#include "web/exposition.h"

int dt_metrics_open(struct dt_web **out, uv_loop_t *loop, const struct dt_web_place *place,
		    const struct dt_web_document *documents, size_t count, void *data)
{
	char text[DT_WEB_PLACE_STRLEN];
	int err;

	*out = NULL;
	if (!dt_web_place_is_set(place))
		return 0;
	err = dt_web_open(out, loop, place, documents, count, data);
	dt_web_place_format(place, text);
	if (err)
		dt_log_err("cannot serve metrics at %s: %s%s", text, strerror(-err),
			   err == -EADDRINUSE	   ? "; another program listens there"
			   : err == -EADDRNOTAVAIL ? "; no interface of this host has this address"
						   : "");
	else
		dt_log_info("serving metrics at=%s", text);
	return err;
}

void dt_metrics_answer(FILE *out, void (*write)(FILE *out, void *data), void *data)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = open_memstream(&text, &len);
	json_t *answer = NULL;

	if (memory) {
		write(memory, data);
		if (fclose(memory) == 0)
			answer = json_pack("{s:i, s:s%}", "version", 1, "text", text, len);
		free(text);
	}
	if (answer)
		json_dumpf(answer, out, DT_CONTROL_JSON);
	else
		fputs("{\"error\":\"out of memory\"}", out);
	json_decref(answer);
}

void dt_metrics_common(FILE *out, const char *mode, uint64_t began_ns)
{
	struct dt_labels labels = {{{"version", DT_VERSION}, {"mode", mode}}};

	dt_metric_begin(out, "detourd_build_info", DT_METRIC_GAUGE, "Version and mode of the daemon; always 1.");
	dt_metric_count(out, "detourd_build_info", labels, 1);
	dt_metric_one(out, "detourd_start_time_seconds", DT_METRIC_GAUGE, "When the daemon started, in Unix time.",
		      (double)(dt_now_s() - (dt_now_ns() - began_ns) / DT_SEC));
}
