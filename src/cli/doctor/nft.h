/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a ruleset of nftables, as `nft -j list ruleset` prints it, does with one packet. It says "drops" only where that is
 * certain: what it does not understand might let the packet pass. Pure.
 */
#ifndef DETOURD_CLI_DOCTOR_NFT_H
#define DETOURD_CLI_DOCTOR_NFT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/addr.h"

/* Unset addresses, ports of 0 and a NULL interface: not known. */
struct dt_nft_packet {
	bool incoming;	       /* to this host; else from it */
	const char *protocol;  /* "udp" or "tcp" */
	const char *state;     /* of connection tracking: "new" or "established" */
	const char *interface; /* by which it comes or leaves */
	unsigned family;       /* 4 or 6 */
	struct dt_ip source, destination;
	uint16_t source_port, destination_port;
};

#define DT_NFT_STRLEN 160
struct dt_nft_drop {
	char chain[DT_NFT_STRLEN]; /* "inet filter input" */
	long long rule;		   /* its handle; 0: the chain's policy */
};

/* The first chain that surely drops the packet; false: none. */
bool dt_nft_drops(const json_t *ruleset, const struct dt_nft_packet *packet, struct dt_nft_drop *out);

#endif
