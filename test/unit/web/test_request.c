/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "web/request.h"

static struct dt_web_place place_at(const char *text)
{
	struct dt_web_place place = {0};

	if (*text == '/')
		place.path = (char *)(uintptr_t)text;
	else
		cr_assert_eq(dt_endpoint_parse(&place.at, text), 0);
	return place;
}

/* The status, or 0 if more is waited for; fed in pieces of this length. */
static int status_of(struct dt_web_request *r, const char *place, const char *text, size_t len, size_t piece)
{
	struct dt_web_place at = place_at(place);

	dt_web_request_begin(r);
	for (size_t i = 0; i < len; i += piece)
		if (dt_web_request_feed(r, &at, text + i, len - i < piece ? len - i : piece))
			break;
	return r->status;
}

static const struct row {
	const char *what, *text;
	int status;
	const char *path; /* of 200 */
} rows[] = {
	{"a scrape", "GET /metrics HTTP/1.1\r\nHost: localhost:9745\r\nAccept: */*\r\n\r\n", 200, "/metrics"},
	{"HEAD", "HEAD / HTTP/1.1\r\nHost: 127.0.0.1:9745\r\n\r\n", 200, "/"},
	{"a query", "GET /x?a=b HTTP/1.1\r\nhost: LOCALHOST\r\n\r\n", 200, "/x"},
	{"an absolute target", "GET http://127.0.0.1:9745 HTTP/1.1\r\nHost: x\r\n\r\n", 200, "/"},
	{"HTTP/1.0 without Host", "GET /metrics HTTP/1.0\r\n\r\n", 200, "/metrics"},
	{"not over yet", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n", 0, NULL},
	{"no Host", "GET / HTTP/1.1\r\n\r\n", 400, NULL},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400, NULL},
	{"another's name", "GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, NULL},
	{"another's URL", "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 403, NULL},
	{"an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", 403, NULL},
	{"POST", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx", 405, NULL},
	{"CONNECT", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 405, NULL},
	{"a body", "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx", 413, NULL},
	{"a body in chunks", "GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 413, NULL},
	{"two lengths", "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n", 400,
	 NULL},
	{"the server as a whole", "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, NULL},
	{"no HTTP", "hello\r\n\r\n", 400, NULL},
	{"a header without a name", "GET / HTTP/1.1\r\n: x\r\n\r\n", 400, NULL},
};

Test(web_request, requests_and_what_becomes_of_them)
{
	struct dt_web_request r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t piece = 1; piece < 100; piece += 33) {
			int status = status_of(&r, "127.0.0.1:9745", rows[i].text, strlen(rows[i].text), piece);

			cr_expect_eq(status, rows[i].status, "%s by %zu: %d", rows[i].what, piece, status);
			if (rows[i].path && status == 200)
				cr_expect_str_eq(r.path, rows[i].path, "%s", rows[i].what);
			if (status == 200)
				cr_expect_eq(r.head, strncmp(rows[i].text, "HEAD", 4) == 0, "%s", rows[i].what);
		}
}

Test(web_request, what_is_too_long_is_refused_at_once)
{
	static char text[3 * DT_WEB_REQUEST_MAX];
	struct dt_web_request r;
	int used = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: localhost\r\nX: ");

	memset(text + used, 'x', sizeof(text) - (size_t)used);
	cr_expect_eq(status_of(&r, "127.0.0.1:9745", text, sizeof(text), 1000), 431);
	cr_expect_leq(r.size, DT_WEB_REQUEST_MAX);
	memcpy(text, "GET /", 5);
	memset(text + 5, 'x', sizeof(text) - 5);
	cr_expect_eq(status_of(&r, "127.0.0.1:9745", text, sizeof(text), 100), 414);
	cr_expect_leq(r.size, DT_WEB_TARGET_MAX + 5);
	used = snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: ");
	memset(text + used, 'x', sizeof(text) - (size_t)used);
	cr_expect_eq(status_of(&r, "127.0.0.1:9745", text, sizeof(text), 100), 400);
}

Test(web_request, of_two_errors_the_first_is_answered_wherever_it_is_cut)
{
	static char text[2 * DT_WEB_TARGET_MAX];
	struct dt_web_request r;

	memset(text, 'x', sizeof(text));
	memcpy(text, "GET /", 5);
	text[DT_WEB_TARGET_MAX + 100] = '\1'; /* is in no target */
	for (size_t piece = 1; piece <= sizeof(text); piece *= 2)
		cr_expect_eq(status_of(&r, "127.0.0.1:9745", text, sizeof(text), piece), 414, "by %zu: %d", piece,
			     r.status);
}

static const struct {
	const char *place, *host;
	bool ours;
} hosts[] = {
	{"127.0.0.1:9745", "localhost", true},
	{"127.0.0.1:9745", "localhost:1", true},
	{"127.0.0.1:9745", "127.0.0.9", true},
	{"127.0.0.1:9745", "[::1]:9745", true},
	{"127.0.0.1:9745", "192.0.2.1", false},
	{"127.0.0.1:9745", "localhost.evil.example", false},
	{"127.0.0.1:9745", "localhost:9745x", false},
	{"127.0.0.1:9745", "127.0.0.1.evil.example", false},
	{"127.0.0.1:9745", "[::1", false},
	{"127.0.0.1:9745", "[::1]x", false},
	{"127.0.0.1:9745", ":80", false},
	{"192.0.2.1:9745", "192.0.2.1:9745", true},
	{"192.0.2.1:9745", "192.0.2.2", false},
	{"0.0.0.0:9745", "192.0.2.2", true},
	{"0.0.0.0:9745", "evil.example", false},
	{"[::]:9745", "[2001:db8::1]:9745", true},
	{"/run/x.sock", "any.example", true},
};

Test(web_request, hosts_that_are_ours)
{
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		struct dt_web_place place = place_at(hosts[i].place);

		cr_expect_eq(dt_web_host_is_ours(hosts[i].host, &place), hosts[i].ours, "%s at %s", hosts[i].host,
			     hosts[i].place);
	}
}
