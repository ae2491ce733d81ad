/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the userspace WireGuard says of its peers: lines of text. */
#include "fuzz.h"
#include "net/wireguard_go.h"

static int peer_take(const struct dt_wg_peer *peer, void *data)
{
	int *peers = data;

	fuzz_check(peer->nallowed <= sizeof(peer->allowed) / sizeof(peer->allowed[0]));
	for (size_t i = 0; i < peer->nallowed; i++)
		fuzz_check(peer->allowed[i].len <= 128);
	return ++*peers >= 100 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	int peers = 0, keys = 0;

	fuzz_check(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	for (const char *at = text; (at = strstr(at, "public_key=")); at++)
		keys++;
	dt_wg_uapi_parse(text, peer_take, &peers);
	fuzz_check(peers <= keys);
	free(text);
	return 0;
}
