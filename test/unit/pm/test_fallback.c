/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "pm/fallback.h"

static struct dt_destinations all;

static struct dt_endpoint server(unsigned n)
{
	return (struct dt_endpoint){dt_ip_from_v4(htonl(0xcb007100 + n)), (uint16_t)(n + 1)};
}

static size_t known(uint64_t now_ns)
{
	size_t next = 0, count = 0;

	while (dt_destination_next(&all, &next, now_ns))
		count++;
	return count;
}

Test(fallback, is_news_once_and_forgotten)
{
	struct dt_endpoint a = server(1), b = server(2);
	size_t next = 0;
	const struct dt_destination *d;

	cr_assert(dt_destination_fell_back(&all, &a, DT_FALLBACK_PLAIN, DT_SEC));
	cr_assert_not(dt_destination_fell_back(&all, &a, DT_FALLBACK_PLAIN, 2 * DT_SEC));
	cr_assert(dt_destination_fell_back(&all, &a, DT_FALLBACK_SYN_LOST, 2 * DT_SEC), "another way is news");
	cr_assert(dt_destination_fell_back(&all, &b, DT_FALLBACK_PLAIN, 9 * DT_SEC));
	d = dt_destination_next(&all, &next, 10 * DT_SEC);
	cr_assert(dt_endpoint_equal(&d->server, &a));
	cr_assert_eq(d->connections[DT_FALLBACK_PLAIN], 2);
	cr_assert_eq(d->connections[DT_FALLBACK_SYN_LOST], 1);
	cr_assert_eq(d->last, DT_FALLBACK_SYN_LOST);
	cr_assert_eq(known(3601 * DT_SEC), 2);
	cr_assert_eq(known(3602 * DT_SEC), 1, "an hour after it was last seen");
	cr_assert(dt_destination_fell_back(&all, &a, DT_FALLBACK_SYN_LOST, 3700 * DT_SEC), "forgotten, so news again");
	dt_destination_speaks(&all, &a);
	cr_assert_eq(known(3700 * DT_SEC), 0);
}

Test(fallback, the_oldest_makes_room)
{
	size_t next = 0;
	const struct dt_destination *d;

	for (unsigned i = 0; i <= DT_DESTINATIONS_MAX; i++) {
		struct dt_endpoint s = server(i);

		dt_destination_fell_back(&all, &s, DT_FALLBACK_PLAIN, (i + 1) * DT_SEC);
	}
	cr_assert_eq(known(300 * DT_SEC), DT_DESTINATIONS_MAX);
	while ((d = dt_destination_next(&all, &next, 300 * DT_SEC)))
		cr_assert_neq(d->server.port, 1, "the first is still there");
}
