/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Path-manager events, and answers about endpoints and limits. */
#include "fuzz.h"
#include "net/mptcp_pm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = fuzz_message(data, size);
	struct dt_mptcp_endpoint endpoint;
	struct dt_mptcp_limits limits;
	struct dt_mptcp_event event;

	if (nlh) {
		dt_mptcp_event_parse(&event, nlh);
		dt_mptcp_endpoint_parse(&endpoint, nlh);
		dt_mptcp_limits_parse(&limits, nlh);
	}
	free(nlh);
	return 0;
}
