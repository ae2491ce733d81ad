/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sock_diag answers. */
#include "fuzz.h"
#include "net/sock_diag.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = fuzz_message(data, size);
	struct dt_tcp_sample sample;

	if (nlh)
		dt_sock_diag_parse(&sample, nlh);
	free(nlh);
	return 0;
}
