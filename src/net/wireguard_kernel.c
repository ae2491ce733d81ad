/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/wireguard_kernel.h"

#include <errno.h>
#include <linux/wireguard.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "net/rtnetlink.h"

static struct nlmsghdr *device_begin(const struct dt_wg *wg, void *buf, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = dt_genl_request(buf, &wg->family, cmd, flags);

	mnl_attr_put_u32(nlh, WGDEVICE_A_IFINDEX, wg->ifindex);
	return nlh;
}

static void allowed_put(struct nlmsghdr *nlh, const struct dt_prefix *p)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, 0);
	bool v4 = dt_prefix_family(p) == 4;

	mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, v4 ? AF_INET : AF_INET6);
	if (v4)
		mnl_attr_put_u32(nlh, WGALLOWEDIP_A_IPADDR, dt_ip_v4(&p->ip));
	else
		mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, sizeof(p->ip.b), p->ip.b);
	mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, (uint8_t)(p->len - (v4 ? 96 : 0)));
	mnl_attr_nest_end(nlh, nest);
}

/* What a peer is to have; nothing of it is needed to remove one. */
static void settings_put(struct nlmsghdr *nlh, const struct dt_wg_peer *peer)
{
	struct nlattr *list;

	if (peer->endpoint.port) {
		struct sockaddr_storage sa;
		socklen_t len = dt_endpoint_to_sockaddr(&peer->endpoint, &sa);

		mnl_attr_put(nlh, WGPEER_A_ENDPOINT, len, &sa);
	}
	mnl_attr_put_u16(nlh, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive_s);
	list = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
	for (size_t i = 0; i < peer->nallowed; i++)
		allowed_put(nlh, &peer->allowed[i]);
	mnl_attr_nest_end(nlh, list);
}

static int peer_put(struct dt_wg *wg, const struct dt_wg_peer *peer, uint32_t flags)
{
	char buf[2048];
	struct nlmsghdr *nlh = device_begin(wg, buf, WG_CMD_SET_DEVICE, 0);
	struct nlattr *peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS), *one = mnl_attr_nest_start(nlh, 0);

	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, DT_KEY_LEN, peer->public_key);
	mnl_attr_put_u32(nlh, WGPEER_A_FLAGS, flags);
	if (!(flags & WGPEER_F_REMOVE_ME))
		settings_put(nlh, peer);
	mnl_attr_nest_end(nlh, one);
	mnl_attr_nest_end(nlh, peers);
	return dt_netlink_talk(&wg->genl, nlh, NULL, NULL);
}

int dt_wg_kernel_peer_set(struct dt_wg *wg, const struct dt_wg_peer *peer)
{
	return peer_put(wg, peer, WGPEER_F_REPLACE_ALLOWEDIPS);
}

int dt_wg_kernel_peer_remove(struct dt_wg *wg, const uint8_t public_key[DT_KEY_LEN])
{
	struct dt_wg_peer peer = {0};

	memcpy(peer.public_key, public_key, DT_KEY_LEN);
	return peer_put(wg, &peer, WGPEER_F_REMOVE_ME);
}

static void allowed_take(struct dt_wg_peer *peer, const struct nlattr *nest)
{
	struct dt_prefix p = {0};
	const struct nlattr *attr;
	uint16_t family = 0;
	uint8_t bits = 0;
	bool have = false;

	mnl_attr_for_each_nested(attr, nest) {
		uint16_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) == WGALLOWEDIP_A_FAMILY && len >= 2) {
			family = mnl_attr_get_u16(attr);
		} else if (mnl_attr_get_type(attr) == WGALLOWEDIP_A_IPADDR && (len == 4 || len == 16)) {
			uint32_t v4;

			memcpy(&v4, mnl_attr_get_payload(attr), sizeof(v4));
			p.ip = len == 4 ? dt_ip_from_v4(v4) : dt_ip_from_v6(mnl_attr_get_payload(attr));
			have = true;
		} else if (mnl_attr_get_type(attr) == WGALLOWEDIP_A_CIDR_MASK && len >= 1) {
			bits = mnl_attr_get_u8(attr);
		}
	}
	if (!have || bits > (family == AF_INET ? 32 : 128) ||
	    peer->nallowed == sizeof(peer->allowed) / sizeof(peer->allowed[0]))
		return;
	p.len = (uint8_t)(bits + (family == AF_INET ? 96 : 0));
	peer->allowed[peer->nallowed++] = p;
}

static void endpoint_take(struct dt_wg_peer *peer, const struct nlattr *attr)
{
	struct sockaddr_storage sa = {0};
	size_t len = mnl_attr_get_payload_len(attr);

	if (len < sizeof(struct sockaddr_in) || len > sizeof(sa))
		return;
	memcpy(&sa, mnl_attr_get_payload(attr), len);
	if (sa.ss_family == AF_INET6 && len < sizeof(struct sockaddr_in6))
		return;
	dt_endpoint_from_sockaddr(&peer->endpoint, (struct sockaddr *)&sa);
}

static bool peer_take(struct dt_wg_peer *peer, const struct nlattr *nest)
{
	const struct nlattr *attr, *ip;
	bool keyed = false;

	memset(peer, 0, sizeof(*peer));
	mnl_attr_for_each_nested(attr, nest) {
		uint16_t len = mnl_attr_get_payload_len(attr);
		const void *value = mnl_attr_get_payload(attr);

		switch (mnl_attr_get_type(attr)) {
		case WGPEER_A_PUBLIC_KEY:
			keyed = len == DT_KEY_LEN;
			if (keyed)
				memcpy(peer->public_key, value, DT_KEY_LEN);
			break;
		case WGPEER_A_ENDPOINT:
			endpoint_take(peer, attr);
			break;
		case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
			if (len >= 2)
				peer->keepalive_s = mnl_attr_get_u16(attr);
			break;
		case WGPEER_A_LAST_HANDSHAKE_TIME:
			if (len >= sizeof(peer->handshake_s))
				memcpy(&peer->handshake_s, value, sizeof(peer->handshake_s));
			break;
		case WGPEER_A_RX_BYTES:
			if (len >= 8)
				peer->rx_bytes = mnl_attr_get_u64(attr);
			break;
		case WGPEER_A_TX_BYTES:
			if (len >= 8)
				peer->tx_bytes = mnl_attr_get_u64(attr);
			break;
		case WGPEER_A_ALLOWEDIPS:
			mnl_attr_for_each_nested(ip, attr)
				allowed_take(peer, ip);
			break;
		default:
			break;
		}
	}
	return keyed;
}

int dt_wg_message_parse(const struct nlmsghdr *nlh, dt_wg_peer_fn fn, void *data)
{
	const struct nlattr *attr, *one;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return -EBADMSG;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != WGDEVICE_A_PEERS)
			continue;
		mnl_attr_for_each_nested(one, attr) {
			struct dt_wg_peer peer;
			int err = peer_take(&peer, one) ? fn(&peer, data) : 0;

			if (err < 0)
				return err;
		}
	}
	return 0;
}

struct dump {
	dt_wg_peer_fn fn;
	void *data;
};

/* The kernel tells the private key, too. The message lies in the buffer of dt_netlink_talk(), which stays. */
static void private_key_wipe(const struct nlmsghdr *nlh)
{
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
		return;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == WGDEVICE_A_PRIVATE_KEY)
			sodium_memzero(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
}

/* data: NULL, or a struct dump. */
static int message_take(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *dump = data;

	private_key_wipe(nlh);
	return dump ? dt_wg_message_parse(nlh, dump->fn, dump->data) : 0;
}

int dt_wg_kernel_peers(struct dt_wg *wg, dt_wg_peer_fn fn, void *data)
{
	struct dump dump = {fn, data};
	char buf[256];

	return dt_netlink_talk(&wg->genl, device_begin(wg, buf, WG_CMD_GET_DEVICE, NLM_F_DUMP), message_take, &dump);
}

bool dt_wg_kernel_has(struct dt_wg *wg)
{
	char buf[256];

	return wg->family.id && dt_netlink_talk(&wg->genl, device_begin(wg, buf, WG_CMD_GET_DEVICE, NLM_F_DUMP),
						message_take, NULL) == 0;
}

int dt_wg_kernel_configure(struct dt_wg *wg, const uint8_t secret[DT_KEY_LEN], uint16_t port, bool keep_peers)
{
	char buf[512];
	struct nlmsghdr *nlh = device_begin(wg, buf, WG_CMD_SET_DEVICE, 0);
	int err;

	mnl_attr_put(nlh, WGDEVICE_A_PRIVATE_KEY, DT_KEY_LEN, secret);
	if (port)
		mnl_attr_put_u16(nlh, WGDEVICE_A_LISTEN_PORT, port);
	if (!keep_peers)
		mnl_attr_put_u32(nlh, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
	err = dt_netlink_talk(&wg->genl, nlh, NULL, NULL);
	sodium_memzero(buf, sizeof(buf));
	return err;
}

int dt_wg_kernel_create(struct dt_wg *wg)
{
	int err = dt_rt_link_create(&wg->route, wg->name, "wireguard");

	if (err == 0 && !wg->family.id) /* the module came with the first device */
		err = dt_genl_resolve(&wg->genl, "wireguard", &wg->family, NULL, NULL);
	return err;
}
