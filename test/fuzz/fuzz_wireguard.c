/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What WireGuard says of its peers: the kernel's messages, and the userspace program's text. */
#include "fuzz.h"
#include "net/wireguard.h"

static int peer_take(const struct dt_wg_peer *peer, void *data)
{
	if (peer->nallowed > sizeof(peer->allowed) / sizeof(peer->allowed[0]))
		abort();
	for (size_t i = 0; i < peer->nallowed; i++)
		if (peer->allowed[i].len > 128)
			abort();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nlmsghdr *nlh = fuzz_message(data, size);
	char *text = malloc(size + 1);

	if (nlh)
		dt_wg_message_parse(nlh, peer_take, NULL);
	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	dt_wg_uapi_parse(text, peer_take, NULL);
	free(text);
	free(nlh);
	return 0;
}
