/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/bucket.h"

#include "base/clock.h"

void dt_bucket_limit(struct dt_bucket *b, unsigned per_second, unsigned at_once)
{
	b->interval_ns = per_second ? DT_SEC / per_second : 0;
	b->depth_ns = b->interval_ns * at_once;
}

bool dt_bucket_take(struct dt_bucket *b, uint64_t now_ns)
{
	if (b->interval_ns == 0)
		return true;
	if (b->full_ns < now_ns)
		b->full_ns = now_ns;
	if (b->full_ns + b->interval_ns > now_ns + b->depth_ns)
		return false;
	b->full_ns += b->interval_ns;
	return true;
}
