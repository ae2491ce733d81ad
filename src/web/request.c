/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "web/request.h"

#include <string.h>
#include <strings.h>

static struct dt_web_request *of(http_parser *p)
{
	return p->data;
}

/* Ends the reading: the callbacks' non-zero return makes the parser stop. */
static int refuse(struct dt_web_request *r, int status)
{
	r->status = status;
	return -1;
}

static int target_take(http_parser *p, const char *at, size_t len)
{
	struct dt_web_request *r = of(p);

	if (len >= sizeof(r->target) - r->target_len)
		return refuse(r, 414);
	memcpy(r->target + r->target_len, at, len);
	r->target_len += len;
	return 0;
}

static int name_take(http_parser *p, const char *at, size_t len)
{
	struct dt_web_request *r = of(p);

	if (r->in_value)
		r->name_len = 0;
	r->in_value = false;
	for (size_t i = 0; i < len; i++, r->name_len++)
		if (r->name_len < sizeof(r->name))
			r->name[r->name_len] = at[i];
	return 0;
}

static bool is_host(const struct dt_web_request *r)
{
	return r->name_len == strlen("host") && strncasecmp(r->name, "host", r->name_len) == 0;
}

static int value_take(http_parser *p, const char *at, size_t len)
{
	struct dt_web_request *r = of(p);
	bool begins = !r->in_value;

	r->in_value = true;
	if (!is_host(r))
		return 0;
	if (begins && ++r->hosts > 1)
		return refuse(r, 400);
	if (len >= sizeof(r->host) - r->host_len || memchr(at, '\0', len))
		return refuse(r, 400);
	memcpy(r->host + r->host_len, at, len);
	r->host_len += len;
	return 0;
}

static int headers_end(http_parser *p)
{
	struct dt_web_request *r = of(p);

	r->status = 200;
	http_parser_pause(p, 1);
	return 0;
}

static const struct http_parser_settings settings = {
	.on_url = target_take,
	.on_header_field = name_take,
	.on_header_value = value_take,
	.on_headers_complete = headers_end,
};

/* Host of an absolute target, which counts instead of the header (RFC 9112, 3.2.2). */
static bool target_split(struct dt_web_request *r)
{
	struct http_parser_url url;
	uint16_t begin, len;

	http_parser_url_init(&url);
	if (r->target_len == 0 || http_parser_parse_url(r->target, r->target_len, 0, &url) != 0)
		return false;
	if (url.field_set & 1 << UF_HOST) {
		len = url.field_data[UF_HOST].len;

		if (len >= sizeof(r->host))
			return false;
		memcpy(r->host, r->target + url.field_data[UF_HOST].off, len);
		r->host[len] = '\0';
		r->host_len = len;
		r->hosts = 1;
	}
	if (!(url.field_set & 1 << UF_PATH)) {
		r->path = "/";
		return true;
	}
	begin = url.field_data[UF_PATH].off;
	r->path = r->target + begin;
	if (*r->path != '/') /* "*", which is for OPTIONS */
		return false;
	r->target[begin + url.field_data[UF_PATH].len] = '\0';
	return true;
}

static bool has_body(const http_parser *p)
{
	return p->flags & F_CHUNKED || (p->content_length && p->content_length != UINT64_MAX);
}

static int judge(struct dt_web_request *r, const struct dt_web_place *place)
{
	const http_parser *p = &r->parser;

	r->target[r->target_len] = r->host[r->host_len] = '\0';
	r->head = p->method == HTTP_HEAD;
	if (p->method != HTTP_GET && p->method != HTTP_HEAD)
		return 405;
	if (has_body(p))
		return 413;
	if (!target_split(r))
		return 400;
	if (r->hosts == 0 && (p->http_major > 1 || (p->http_major == 1 && p->http_minor > 0)))
		return 400;
	if (r->hosts && !dt_web_host_is_ours(r->host, place))
		return 403;
	return 200;
}

static void byte_take(struct dt_web_request *r, const struct dt_web_place *place, const char *byte)
{
	http_parser_execute(&r->parser, &settings, byte, 1);
	r->size++;
	if (r->status == 200)
		r->status = judge(r, place);
	else if (r->status == 0 && HTTP_PARSER_ERRNO(&r->parser) != HPE_OK)
		r->status = HTTP_PARSER_ERRNO(&r->parser) == HPE_HEADER_OVERFLOW ? 431 : 400;
	else if (r->status == 0 && r->size == DT_WEB_REQUEST_MAX)
		r->status = 431;
}

void dt_web_request_begin(struct dt_web_request *r)
{
	memset(r, 0, sizeof(*r));
	http_parser_init(&r->parser, HTTP_REQUEST);
	r->parser.data = r;
}

bool dt_web_request_feed(struct dt_web_request *r, const struct dt_web_place *place, const char *data, size_t len)
{
	/* Byte by byte: the parser reports a part at its end, or where the data end, so of two errors the cuts would decide
	   which one is answered. */
	for (size_t i = 0; i < len && !r->status; i++)
		byte_take(r, place, data + i);
	return r->status != 0;
}

/* --- hosts ------------------------------------------------------------------------------------- */

/* Without the port, and an IPv6 address without brackets. False: it is no host with or without a port. */
static bool host_split(const char *text, char out[DT_WEB_HOST_MAX])
{
	const char *end, *port;
	size_t len;

	if (*text == '[') {
		end = strchr(++text, ']');
		if (!end)
			return false;
		port = end + 1;
	} else {
		end = port = text + strcspn(text, ":");
	}
	if (*port && (*port != ':' || strspn(port + 1, "0123456789") != strlen(port + 1)))
		return false;
	len = (size_t)(end - text);
	if (len == 0 || len >= DT_WEB_HOST_MAX)
		return false;
	memcpy(out, text, len);
	out[len] = '\0';
	return true;
}

static bool is_any(const struct dt_ip *ip)
{
	struct dt_ip any4 = dt_ip_from_v4(0);

	return dt_ip_is_unset(ip) || dt_ip_equal(ip, &any4);
}

bool dt_web_host_is_ours(const char *text, const struct dt_web_place *place)
{
	char host[DT_WEB_HOST_MAX];
	struct dt_ip ip;

	if (place->path)
		return true;
	if (!host_split(text, host))
		return false;
	if (strcasecmp(host, "localhost") == 0)
		return true;
	/* an address in numbers was not looked up, so nobody led the browser here */
	return dt_ip_parse(&ip, host) == 0 &&
	       (dt_ip_is_loopback(&ip) || dt_ip_equal(&ip, &place->at.ip) || is_any(&place->at.ip));
}
