/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The host's links, addresses and routes as they are now. Every announced change leads, after a short delay, to a fresh
 * dump and one call of changed(). The tables are small, so nothing is updated piece by piece.
 */
#ifndef DETOURD_NET_NETWORK_H
#define DETOURD_NET_NETWORK_H

#include <uv.h>

#include "net/rtnetlink.h"

struct dt_network {
	struct dt_rt_link *links;
	size_t nlinks;
	struct dt_rt_address *addresses;
	size_t naddresses;
	struct dt_rt_route *routes;
	size_t nroutes;

	struct dt_netlink request;
	struct dt_netlink monitor;
	uv_poll_t poll;
	uv_timer_t settle;
	bool watching;
	void (*changed)(void *data);
	void *data;
};

/* Takes the first dump. Negative errno of netlink or -ENOMEM; then nothing is left open. */
int dt_network_open(struct dt_network *n);
/* From now on changes are followed; changed is called after each. */
int dt_network_watch(struct dt_network *n, uv_loop_t *loop, void (*changed)(void *data), void *data);
/* Closes the handles and frees the tables at once. n itself must exist until the loop has turned. */
void dt_network_close(struct dt_network *n);
/* Dumps again; on failure the old tables stay. */
int dt_network_refresh(struct dt_network *n);

const struct dt_rt_link *dt_network_link(const struct dt_network *n, uint32_t ifindex);
bool dt_network_is_local(const struct dt_network *n, const struct dt_ip *ip);
/* Is it local, on an interface that is up and has a carrier? */
bool dt_network_is_running(const struct dt_network *n, const struct dt_ip *ip);
/* The smallest MTU of the default routes in bytes, 0: there are none. */
uint32_t dt_network_default_mtu(const struct dt_network *n);
/* First global address on the interface of the best default route of that family (4 or 6); false: none. */
bool dt_network_default_address(const struct dt_network *n, unsigned family, struct dt_ip *out);

#endif
