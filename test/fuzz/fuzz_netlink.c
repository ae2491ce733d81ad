/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error messages with their text, and answers of the generic netlink controller. */
#include "fuzz.h"
#include "net/netlink.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = fuzz_message(data, size);
	struct dt_genl_family family;
	char words[64] = "";
	uint32_t group;
	int error;

	if (nlh) {
		dt_netlink_error_parse(nlh, &error, words, sizeof(words));
		dt_genl_family_parse(&family, nlh, "events", &group);
	}
	free(nlh);
	return 0;
}
