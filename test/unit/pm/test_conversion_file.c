/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which server a converter's address stands for, from one run to the next. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "pm/store/connection.h"
#include "pm/store/conversion.h"
#include "pm/store/conversion_file.h"
#include "pm/store/pm.h"

static struct dt_pm pm;

static struct dt_endpoint endpoint(const char *text)
{
	struct dt_endpoint e;

	cr_assert_eq(dt_endpoint_parse(&e, text), 0);
	return e;
}

static void path_make(void)
{
	snprintf(pm.takeover.converted_path, sizeof(pm.takeover.converted_path), "/tmp/detourd-converted.%d",
		 (int)getpid());
}

static void path_remove(void)
{
	unlink(pm.takeover.converted_path);
}

static void next_run(void)
{
	dt_conversions_free(&pm);
	dt_conversion_file_read(&pm);
}

static void led(const char *server, const char *to, const char *relay)
{
	struct dt_conversion *v = calloc(1, sizeof(*v));
	struct dt_endpoint e = endpoint(server), at = endpoint(to);

	v->key.ip = e.ip;
	v->key.port = e.port;
	HASH_ADD(hh, pm.conversions.all, key, sizeof(v->key), v);
	dt_conversion_lead(v, &at, relay, "");
}

static void is(const char *at, const char *server, const char *relay)
{
	struct dt_endpoint there = endpoint(at);
	const struct dt_conversion_earlier *e = dt_conversion_earlier_at(&pm, &there);
	char text[DT_ENDPOINT_STRLEN];

	cr_assert(e, "%s", at);
	cr_assert_str_eq(dt_endpoint_format(&e->server, text), server);
	cr_assert_str_eq(e->relay, relay);
}

Test(conversion_file, the_next_run_knows_the_servers, .init = path_make, .fini = path_remove)
{
	struct dt_endpoint at = endpoint("198.51.100.1:50002");

	next_run(); /* no file yet */
	cr_assert_eq(pm.conversions.nearlier, 0);
	led("203.0.113.9:80", "198.51.100.1:50000", "fra");
	dt_conversion_lead(pm.conversions.all, &at, "fra", "");
	led("[2001:db8::9]:443", "[2001:db8:1::1]:50001", "a name");
	dt_conversion_file_write(&pm);
	next_run();
	cr_assert_eq(pm.conversions.nearlier, 3);
	is("198.51.100.1:50000", "203.0.113.9:80", "fra");
	is("198.51.100.1:50002", "203.0.113.9:80", "fra");
	is("[2001:db8:1::1]:50001", "[2001:db8::9]:443", "a name");
	dt_conversions_free(&pm);
}

Test(conversion_file, those_with_connections_stay, .init = path_make, .fini = path_remove)
{
	struct dt_connection c = {.token = 1, .converter = "fra", .remote = endpoint("198.51.100.1:50000")};

	led("203.0.113.9:80", "198.51.100.1:50000", "fra");
	led("203.0.113.10:80", "198.51.100.1:50001", "fra");
	dt_conversion_file_write(&pm);
	next_run();
	HASH_ADD(hh, pm.connections, token, sizeof(c.token), &c);
	dt_conversion_file_write(&pm);
	next_run();
	cr_assert_eq(pm.conversions.nearlier, 1);
	is("198.51.100.1:50000", "203.0.113.9:80", "fra");
	HASH_DEL(pm.connections, &c);
	dt_conversions_free(&pm);
}

Test(conversion_file, what_is_forgotten_is_kept_for_its_connections)
{
	led("203.0.113.9:80", "198.51.100.1:50000", "fra");
	dt_conversion_free(&pm, pm.conversions.all);
	is("198.51.100.1:50000", "203.0.113.9:80", "fra");
	dt_conversions_free(&pm);
}

Test(conversion_file, damaged, .init = path_make, .fini = path_remove)
{
	static const char *const lines[] = {
		"198.51.100.1:50000",
		"198.51.100.1:50000 203.0.113.9:80",
		"198.51.100.1:50000 203.0.113.9:80 ",
		"198.51.100.1 203.0.113.9:80 fra",
		"198.51.100.1:50000 203.0.113.9:0 fra",
		"198.51.100.1:50000 203.0.113.9:80 "
		"0123456789012345678901234567890123456789012345678901234567890123",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char text[256];

		snprintf(text, sizeof(text), "198.51.100.1:50001 203.0.113.9:80 fra\n%s\n", lines[i]);
		cr_assert_eq(dt_file_write(pm.takeover.converted_path, text), 0);
		next_run();
		cr_assert_eq(pm.conversions.nearlier, 1, "%s", lines[i]);
		path_remove();
	}
	dt_conversions_free(&pm);
}
