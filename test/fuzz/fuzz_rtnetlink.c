/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Links, addresses and routes. */
#include "fuzz.h"
#include "net/rtnetlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = fuzz_message(data, size);
	struct dt_rt_address address;
	struct dt_rt_route route;
	struct dt_rt_link link;

	if (nlh) {
		dt_rt_link_parse(&link, nlh);
		dt_rt_address_parse(&address, nlh);
		if (dt_rt_route_parse(&route, nlh) == 0 && route.to.len > 128)
			abort();
	}
	free(nlh);
	return 0;
}
