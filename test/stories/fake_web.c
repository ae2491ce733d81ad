/* SPDX-License-Identifier: GPL-2.0-or-later */
/* No metrics are served in stories. */
#include "web/metrics.h"

int dt_metrics_open(struct dt_web **out, uv_loop_t *loop, const struct dt_web_place *place,
		    const struct dt_web_document *documents, size_t count, void *data)
{
	*out = NULL;
	return 0;
}

void dt_metrics_answer(FILE *out, void (*write)(FILE *out, void *data), void *data)
{
}

void dt_metrics_common(FILE *out, const char *mode, uint64_t began_ns)
{
}

void dt_web_close(struct dt_web *w)
{
}
