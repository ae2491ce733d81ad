/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share. */
#ifndef TEST_FUZZ_H
#define TEST_FUZZ_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exit code of a target that cannot run here; not 77, which libFuzzer means a crash by. */
#define FUZZ_SKIPPED 99

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * A copy of data as one netlink message of exactly that size; NULL: too short. The memory is padded as netlink pads
 * messages, which libmnl relies on, and no more.
 */
static inline struct nlmsghdr *fuzz_message(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh;

	if (size < sizeof(*nlh) || size > 65536)
		return NULL;
	nlh = calloc(1, MNL_ALIGN(size));
	if (!nlh)
		abort();
	memcpy(nlh, data, size);
	nlh->nlmsg_len = (uint32_t)size;
	return nlh;
}

/* What is left of an input that is read piece by piece; past its end there are zeroes. */
struct fuzz_input {
	const uint8_t *data;
	size_t left;
};
static inline uint8_t fuzz_byte(struct fuzz_input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}
/* At most max bytes, as many as the next byte says; they stay where they are. */
static inline const uint8_t *fuzz_bytes(struct fuzz_input *in, size_t max, size_t *len)
{
	const uint8_t *data;

	*len = fuzz_byte(in);
	if (*len > max)
		*len = max;
	if (*len > in->left)
		*len = in->left;
	data = in->data;
	in->data += *len;
	in->left -= *len;
	return data;
}

/* An invariant: says which, and ends as a crash does. */
#define fuzz_check(is_true)                                                                   \
	do {                                                                                  \
		if (!(is_true)) {                                                             \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #is_true); \
			abort();                                                              \
		}                                                                             \
	} while (0)

#endif
