/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/wireguard.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/rtnetlink.h"
#include "net/wireguard_go.h"
#include "net/wireguard_kernel.h"

void dt_wg_device_name(char out[IF_NAMESIZE], const char *relay)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];

	if (snprintf(out, IF_NAMESIZE, "dt-%s", relay) < IF_NAMESIZE)
		return;
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)relay, strlen(relay), NULL, 0);
	snprintf(out + IF_NAMESIZE - 6, 6, "-%02x%02x", hash[0], hash[1]);
}

/* --- peers ------------------------------------------------------------------------------------- */

int dt_wg_peer_set(struct dt_wg *wg, const struct dt_wg_peer *peer)
{
	wg->error[0] = '\0';
	return wg->userspace ? dt_wg_go_peer_set(wg, peer) : dt_wg_kernel_peer_set(wg, peer);
}

int dt_wg_peer_remove(struct dt_wg *wg, const uint8_t public_key[DT_KEY_LEN])
{
	wg->error[0] = '\0';
	return wg->userspace ? dt_wg_go_peer_remove(wg, public_key) : dt_wg_kernel_peer_remove(wg, public_key);
}

int dt_wg_peers(struct dt_wg *wg, dt_wg_peer_fn fn, void *data)
{
	return wg->userspace ? dt_wg_go_peers(wg, fn, data) : dt_wg_kernel_peers(wg, fn, data);
}

/* --- the device -------------------------------------------------------------------------------- */

static int configure(struct dt_wg *wg, const uint8_t *secret, uint16_t port, bool keep_peers)
{
	return wg->userspace ? dt_wg_go_configure(wg, secret, port, keep_peers)
			     : dt_wg_kernel_configure(wg, secret, port, keep_peers);
}

/* Is there a device of that name that is one of WireGuard's? -ENODEV: none; -EEXIST: not ours to take. */
static int device_find(struct dt_wg *wg)
{
	bool go_runs = dt_wg_go_runs(wg);

	wg->ifindex = if_nametoindex(wg->name);
	if (wg->ifindex == 0 && go_runs)
		return dt_wg_fail(wg, -EEXIST,
				  "a wireguard-go with a device %s runs in another network namespace, and its socket "
				  "in " DT_WG_GO_DIR " is there for the whole machine: choose another name with "
				  "wireguard-device",
				  wg->name);
	if (wg->ifindex == 0)
		return -ENODEV;
	wg->userspace = go_runs;
	if (!go_runs && !dt_wg_kernel_has(wg))
		return dt_wg_fail(wg, -EEXIST,
				  "there is a device %s that is not WireGuard's; choose another name with "
				  "wireguard-device",
				  wg->name);
	return 0;
}

static int device_make(struct dt_wg *wg)
{
	int err = dt_wg_kernel_create(wg);

	if (err == -EOPNOTSUPP) {
		wg->userspace = true;
		err = dt_wg_go_start(wg);
	}
	wg->ifindex = if_nametoindex(wg->name);
	if (err == -ETIMEDOUT && wg->userspace)
		dt_wg_remove(wg);
	if (err)
		return err;
	return wg->ifindex ? 0 : dt_wg_fail(wg, -ENODEV, "the device %s did not appear", wg->name);
}

/* Asked beforehand: wireguard-go binds its port in the background and does not report a failure. */
static bool port_taken(uint16_t port)
{
	static const char *const any[] = {"0.0.0.0", "::"};
	bool taken = false;

	for (size_t i = 0; i < sizeof(any) / sizeof(any[0]); i++) {
		struct dt_endpoint at = {.port = port};
		struct sockaddr_storage sa;
		socklen_t len;
		int fd, one = 1;

		dt_ip_parse(&at.ip, any[i]);
		len = dt_endpoint_to_sockaddr(&at, &sa);
		fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue; /* a host without this family */
		if (sa.ss_family == AF_INET6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		taken = taken || (bind(fd, (struct sockaddr *)&sa, len) < 0 && errno == EADDRINUSE);
		close(fd);
	}
	return taken;
}

/* Finds the device or makes it. *found: it is taken over, with its peers. */
static int device_get(struct dt_wg *wg, uint16_t port, bool adopt, bool *found)
{
	int err = device_find(wg);

	*found = err == 0 && adopt;
	if (*found)
		return 0;
	if (err == 0)
		err = dt_wg_remove(wg);
	else if (err == -ENODEV)
		err = 0;
	if (err)
		return err;
	return port && port_taken(port) ? -EADDRINUSE : device_make(wg);
}

int dt_wg_open(struct dt_wg *wg, const char *name, const uint8_t secret[DT_KEY_LEN], uint16_t port, uint32_t mtu,
	       bool adopt)
{
	bool found;
	int err;

	memset(wg, 0, sizeof(*wg));
	snprintf(wg->name, sizeof(wg->name), "%s", name);
	err = dt_netlink_open(&wg->route, NETLINK_ROUTE);
	if (err == 0)
		err = dt_netlink_open(&wg->genl, NETLINK_GENERIC);
	if (err)
		goto close;
	if (dt_genl_resolve(&wg->genl, "wireguard", &wg->family, NULL, NULL) < 0)
		wg->family.id = 0;
	err = device_get(wg, port, adopt, &found);
	if (err)
		goto close;
	err = configure(wg, secret, port, found);
	/* the kernel binds the port when the device comes up */
	if (err == 0)
		err = dt_rt_link_up(&wg->route, wg->ifindex, mtu);
	if (err == 0)
		return 0;
	if (!found)
		dt_wg_remove(wg);
close:
	if (err == -EADDRINUSE)
		dt_wg_fail(wg, err, "UDP port %u is taken by another program", port);
	dt_wg_close(wg);
	return err;
}

int dt_wg_remove(struct dt_wg *wg)
{
	int err = wg->ifindex ? dt_rt_link_delete(&wg->route, wg->ifindex) : 0;

	if (err && err != -ENODEV)
		return err;
	/* wireguard-go ends when its device is gone, and removes its socket */
	if (wg->ifindex && wg->userspace)
		dt_wg_go_await_end(wg);
	wg->ifindex = 0;
	wg->userspace = false;
	return 0;
}

void dt_wg_close(struct dt_wg *wg)
{
	dt_netlink_close(&wg->route);
	dt_netlink_close(&wg->genl);
}
