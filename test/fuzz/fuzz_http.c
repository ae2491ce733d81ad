/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An HTTP request, in pieces: a byte of 0xff ends one. The answer does not depend on where it was cut, what is taken has a
 * path and a host of ours, and no more than the limit is read.
 */
#include <string.h>

#include "fuzz.h"
#include "web/request.h"

#define PIECE_END 0xff

static const struct dt_web_place places[] = {
	{.at = {.ip = {.b = {[15] = 1}}, .port = 9745}}, /* ::1 */
	{.path = (char *)"/x"},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dt_web_request cut, whole;
	static char text[1 << 16];
	const struct dt_web_place *place;
	size_t used = 0, piece = 0;

	if (size < 1 || size > sizeof(text))
		return 0;
	place = &places[*data & 1];
	data++;
	size--;
	dt_web_request_begin(&cut);
	dt_web_request_begin(&whole);
	for (size_t i = 0; i <= size; i++) {
		if (i < size && data[i] != PIECE_END) {
			text[used++] = (char)data[i];
			continue;
		}
		if (used > piece)
			dt_web_request_feed(&cut, place, text + piece, used - piece);
		piece = used;
	}
	if (used)
		dt_web_request_feed(&whole, place, text, used);
	fuzz_check(cut.status == whole.status);
	fuzz_check(cut.size <= DT_WEB_REQUEST_MAX);
	if (cut.status != 200)
		return 0;
	fuzz_check(strcmp(cut.path, whole.path) == 0 && *cut.path == '/');
	fuzz_check(cut.hosts <= 1);
	fuzz_check(cut.hosts == 0 || dt_web_host_is_ours(cut.host, place));
	return 0;
}
