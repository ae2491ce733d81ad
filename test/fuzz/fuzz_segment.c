/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments and ICMP errors that a probe's raw sockets hear: the first byte says which of these, and of which family. */
#include "fuzz.h"
#include "net/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dt_segment s;
	const uint8_t *option;
	uint8_t *copy;
	size_t len;
	int err;

	if (size < 1)
		return 0;
	/* of exactly that size, so that reading past its end is seen */
	copy = malloc(size - 1 ? size - 1 : 1);
	fuzz_check(copy);
	memcpy(copy, data + 1, size - 1);
	err = data[0] & 1 ? dt_segment_quoted(&s, copy, size - 1, data[0] & 2)
			  : dt_segment_parse(&s, copy, size - 1, data[0] & 2);
	if (err == 0) {
		fuzz_check(s.options >= copy && s.options + s.options_len <= copy + size - 1);
		for (unsigned subtype = 0; subtype < 16; subtype++) {
			option = dt_segment_mptcp(&s, subtype, &len);
			fuzz_check(!option ||
				   (len > 0 && option >= s.options && option + len <= s.options + s.options_len));
		}
	}
	free(copy);
	return 0;
}
