/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a relay says is not believed as it is: a relay may be hostile, or somebody else's by now. Every reply comes
 * through here before anything else sees it. Lifetimes and times are limited in proto/client_link.c already.
 */
#ifndef DETOURD_PM_LINK_CLAIMS_H
#define DETOURD_PM_LINK_CLAIMS_H

#include <stdint.h>

struct dt_ip;
struct dt_message;
struct dt_network;

/*
 * How near to this host an address is, in order. A relay may name addresses that are no nearer than its own endpoint,
 * which the user has configured: one on the Internet cannot make the client connect into the user's own network.
 */
enum dt_nearness {
	DT_NEAR_GLOBAL,	 /* of the Internet */
	DT_NEAR_SPECIAL, /* of a special-purpose range, such as a private one */
	DT_NEAR_ONLINK,	 /* in a network of this host, or behind a route without a gateway (but a default route) */
	DT_NEAR_HOST,	 /* this host's own, loopback, link-local */
	DT_NEAR_NEVER,	 /* nothing to connect to: unspecified, multicast, broadcast, reserved */
};
enum dt_nearness dt_nearness(const struct dt_network *network, const struct dt_ip *ip);

/*
 * Removes from a reply the NAT and CONTROL addresses that the relay with this endpoint may not name. Returns how many;
 * *worst is then one of them.
 */
unsigned dt_claims_check(const struct dt_network *network, const struct dt_ip *endpoint, struct dt_message *reply,
			 struct dt_ip *worst);

#endif
