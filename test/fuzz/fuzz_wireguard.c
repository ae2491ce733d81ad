/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel's WireGuard says of its peers. */
#include "fuzz.h"
#include "net/wireguard_kernel.h"

static int checked_take(const struct dt_wg_peer *peer, void *data)
{
	fuzz_check(peer->nallowed <= sizeof(peer->allowed) / sizeof(peer->allowed[0]));
	for (size_t i = 0; i < peer->nallowed; i++)
		fuzz_check(peer->allowed[i].len <= 128);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = fuzz_message(data, size);

	if (nlh)
		dt_wg_message_parse(nlh, checked_take, NULL);
	free(nlh);
	return 0;
}
