/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>

#include "base/clock.h"
#include "pm/decide/fallback.h"

static struct dt_destinations all;

static struct dt_endpoint server(unsigned n)
{
	return (struct dt_endpoint){dt_ip_from_v4(htonl(0xcb007100 + n)), (uint16_t)(n + 1)};
}

static bool fell_back(const struct dt_endpoint *to, enum dt_fallback how, uint64_t now_ns)
{
	return dt_destination_fell_back(&all, to, &how, now_ns);
}

static size_t known(uint64_t now_ns)
{
	size_t next = 0, count = 0;

	while (dt_destination_next(&all, &next, now_ns))
		count++;
	return count;
}

Test(fallback, is_new_once_and_forgotten_after_an_hour)
{
	struct dt_endpoint a = server(1), b = server(2);
	size_t next = 0;
	const struct dt_destination *d;

	cr_assert(fell_back(&a, DT_FALLBACK_PLAIN, DT_SEC));
	cr_assert_not(fell_back(&a, DT_FALLBACK_PLAIN, 2 * DT_SEC));
	cr_assert(fell_back(&a, DT_FALLBACK_SYN_LOST, 2 * DT_SEC), "another cause is new");
	cr_assert(fell_back(&b, DT_FALLBACK_PLAIN, 9 * DT_SEC));
	d = dt_destination_next(&all, &next, 10 * DT_SEC);
	cr_assert(dt_endpoint_equal(&d->server, &a));
	cr_assert_eq(d->connections[DT_FALLBACK_PLAIN], 2);
	cr_assert_eq(d->connections[DT_FALLBACK_SYN_LOST], 1);
	cr_assert_eq(d->last, DT_FALLBACK_SYN_LOST);
	cr_assert_eq(known(3601 * DT_SEC), 2);
	cr_assert_eq(known(3602 * DT_SEC), 1, "an hour after it was last seen");
	cr_assert(fell_back(&a, DT_FALLBACK_SYN_LOST, 3700 * DT_SEC), "forgotten, so it is new again");
	dt_destination_speaks(&all, &a, 3700 * DT_SEC);
	cr_assert_eq(known(3700 * DT_SEC), 0);
}

Test(fallback, the_oldest_is_replaced)
{
	size_t next = 0;
	const struct dt_destination *d;

	for (unsigned i = 0; i <= DT_DESTINATIONS_MAX; i++) {
		struct dt_endpoint s = server(i);

		fell_back(&s, DT_FALLBACK_PLAIN, (i + 1) * DT_SEC);
	}
	cr_assert_eq(known(300 * DT_SEC), DT_DESTINATIONS_MAX);
	while ((d = dt_destination_next(&all, &next, 300 * DT_SEC)))
		cr_assert_neq(d->server.port, 1, "the first is still there");
}

Test(fallback, of_a_server_that_spoke_mptcp_is_caused_on_the_way)
{
	struct dt_endpoint a = server(1), b = server(2);
	enum dt_fallback how = DT_FALLBACK_PLAIN;

	dt_destination_speaks(&all, &a, DT_SEC);
	cr_assert_eq(known(2 * DT_SEC), 0, "no fallback so far");
	cr_assert(dt_destination_fell_back(&all, &a, &how, 2 * DT_SEC));
	cr_assert_eq(how, DT_FALLBACK_STRIPPED);
	cr_assert_eq(known(2 * DT_SEC), 1);
	how = DT_FALLBACK_SYN_LOST;
	dt_destination_fell_back(&all, &a, &how, 3 * DT_SEC);
	cr_assert_eq(how, DT_FALLBACK_SYN_LOST);
	how = DT_FALLBACK_PLAIN;
	dt_destination_fell_back(&all, &a, &how, 3602 * DT_SEC);
	cr_assert_eq(how, DT_FALLBACK_PLAIN, "it spoke too long ago");
	how = DT_FALLBACK_PLAIN;
	dt_destination_fell_back(&all, &b, &how, 3 * DT_SEC);
	cr_assert_eq(how, DT_FALLBACK_PLAIN);
}

Test(fallback, servers_that_speak_mptcp_are_replaced_first)
{
	struct dt_endpoint plain = server(0);

	fell_back(&plain, DT_FALLBACK_PLAIN, DT_SEC);
	for (unsigned i = 1; i <= 2 * DT_DESTINATIONS_MAX; i++) {
		struct dt_endpoint s = server(i);

		dt_destination_speaks(&all, &s, (i + 1) * DT_SEC);
	}
	cr_assert_eq(known(600 * DT_SEC), 1);
}
