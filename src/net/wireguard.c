/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/wireguard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/wireguard.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unix.h"
#include "net/rtnetlink.h"

#define PROGRAM "wireguard-go"
#define UAPI_DIR "/var/run/wireguard"
#define UAPI_WAIT_MS 3000
#define ANSWER_MAX (4 << 20)
#define HEX_LEN (2 * DT_KEY_LEN + 1)

static int fail(struct dt_wg *wg, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static int fail(struct dt_wg *wg, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(wg->error, sizeof(wg->error), fmt, args);
	va_end(args);
	return err;
}

void dt_wg_device_name(char out[IF_NAMESIZE], const char *relay)
{
	uint8_t hash[crypto_generichash_BYTES_MIN];

	if (snprintf(out, IF_NAMESIZE, "dt-%s", relay) < IF_NAMESIZE)
		return;
	crypto_generichash(hash, sizeof(hash), (const uint8_t *)relay, strlen(relay), NULL, 0);
	snprintf(out + IF_NAMESIZE - 6, 6, "-%02x%02x", hash[0], hash[1]);
}

/* --- the userspace program --------------------------------------------------------------------- */

static int uapi_connect(const char *name)
{
	char path[sizeof(UAPI_DIR) + IF_NAMESIZE + sizeof("/.sock")];

	snprintf(path, sizeof(path), UAPI_DIR "/%s.sock", name);
	return dt_unix_connect(path, 0);
}

static int all_write(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t done = send(fd, text, len, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		text += done;
		len -= (size_t)done;
	}
	return 0;
}

/* Reads until the empty line that ends an answer. *out is malloc'ed. */
static int answer_read(int fd, char **out)
{
	size_t len = 0, room = 4096;
	char *text = malloc(room);

	while (text) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (len + 1 == room) {
			char *grown = room < ANSWER_MAX ? realloc(text, room * 2) : NULL;

			if (!grown)
				break;
			text = grown;
			room *= 2;
		}
		if (poll(&pfd, 1, UAPI_WAIT_MS) <= 0)
			break;
		got = recv(fd, text + len, room - 1 - len, 0);
		if (got <= 0)
			break;
		len += (size_t)got;
		text[len] = '\0';
		if (len >= 2 && strcmp(text + len - 2, "\n\n") == 0) {
			*out = text;
			return 0;
		}
	}
	free(text);
	return -EIO;
}

/* The answer's last line is errno=N, N zero or negative. */
static int answer_errno(const char *text)
{
	const char *line = strstr(text, "errno=");

	return line ? atoi(line + 6) : -EIO;
}

/* *answer may be NULL: only the result matters. */
static int uapi_talk(struct dt_wg *wg, const char *request, char **answer)
{
	int fd = uapi_connect(wg->name), err;
	char *text = NULL;

	if (fd < 0)
		return fd;
	err = all_write(fd, request, strlen(request));
	if (err == 0)
		err = answer_read(fd, &text);
	close(fd);
	if (err == 0)
		err = answer_errno(text);
	if (err == 0 && answer)
		*answer = text;
	else
		free(text);
	return err > 0 ? -err : err;
}

static bool program_found(void)
{
	const char *path = getenv("PATH");
	char *copy = strdup(path && *path ? path : "/usr/local/bin:/usr/bin:/bin"), *dir, *rest = copy;
	bool found = false;

	while (copy && !found && (dir = strsep(&rest, ":"))) {
		char file[512];

		snprintf(file, sizeof(file), "%s/" PROGRAM, dir);
		found = access(file, X_OK) == 0;
	}
	free(copy);
	return found;
}

/* It goes into the background by itself once the device is there. */
static int program_start(struct dt_wg *wg)
{
	int status = 0;
	pid_t pid;

	if (!program_found())
		return fail(wg, -EOPNOTSUPP, "this kernel has no WireGuard, and " PROGRAM " is not installed");
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		/* a session of its own: the signals of our terminal are not meant for it */
		setsid();
		signal(SIGPIPE, SIG_DFL);
		if (null >= 0)
			for (int fd = 0; fd <= 2; fd++)
				dup2(null, fd);
		execlp(PROGRAM, PROGRAM, wg->name, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return fail(wg, -EIO, PROGRAM " %s did not start (is /dev/net/tun there?)", wg->name);
	for (int waited_ms = 0; waited_ms < UAPI_WAIT_MS; waited_ms += 10) {
		int fd = uapi_connect(wg->name);

		if (fd >= 0) {
			close(fd);
			return 0;
		}
		usleep(10000);
	}
	return fail(wg, -EIO, PROGRAM " %s does not answer at its socket", wg->name);
}

static void hex_of(char out[HEX_LEN], const uint8_t key[DT_KEY_LEN])
{
	sodium_bin2hex(out, HEX_LEN, key, DT_KEY_LEN);
}

static bool hex_key(uint8_t out[DT_KEY_LEN], const char *hex)
{
	size_t len;

	return sodium_hex2bin(out, DT_KEY_LEN, hex, strlen(hex), NULL, &len, NULL) == 0 && len == DT_KEY_LEN;
}

int dt_wg_uapi_parse(char *text, dt_wg_peer_fn fn, void *data)
{
	struct dt_wg_peer peer;
	bool open = false;
	char *line;
	int err = 0;

	while (err == 0 && (line = strsep(&text, "\n")) && *line) {
		char *value = strchr(line, '=');

		if (!value)
			return -EBADMSG;
		*value++ = '\0';
		if (strcmp(line, "public_key") == 0) {
			if (open)
				err = fn(&peer, data);
			memset(&peer, 0, sizeof(peer));
			open = true;
			if (!hex_key(peer.public_key, value))
				return -EBADMSG;
		} else if (!open) {
			continue; /* of the device */
		} else if (strcmp(line, "endpoint") == 0) {
			if (dt_endpoint_parse(&peer.endpoint, value) < 0)
				return -EBADMSG;
		} else if (strcmp(line, "allowed_ip") == 0) {
			if (peer.nallowed < sizeof(peer.allowed) / sizeof(peer.allowed[0]) &&
			    dt_prefix_parse(&peer.allowed[peer.nallowed], value) == 0)
				peer.nallowed++;
		} else if (strcmp(line, "persistent_keepalive_interval") == 0) {
			peer.keepalive_s = (uint16_t)strtoul(value, NULL, 10);
		} else if (strcmp(line, "last_handshake_time_sec") == 0) {
			peer.handshake_s = strtoull(value, NULL, 10);
		} else if (strcmp(line, "rx_bytes") == 0) {
			peer.rx_bytes = strtoull(value, NULL, 10);
		} else if (strcmp(line, "tx_bytes") == 0) {
			peer.tx_bytes = strtoull(value, NULL, 10);
		}
	}
	if (err == 0 && open)
		err = fn(&peer, data);
	return err;
}

/* --- the kernel's ------------------------------------------------------------------------------ */

static struct nlmsghdr *device_begin(struct dt_wg *wg, void *buf, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh = dt_genl_request(buf, &wg->family, cmd, flags);

	mnl_attr_put_u32(nlh, WGDEVICE_A_IFINDEX, wg->ifindex);
	return nlh;
}

static int kernel_peer_put(struct dt_wg *wg, const struct dt_wg_peer *peer, uint32_t flags)
{
	char buf[2048];
	struct nlmsghdr *nlh = device_begin(wg, buf, WG_CMD_SET_DEVICE, 0);
	struct nlattr *peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS), *one = mnl_attr_nest_start(nlh, 0), *list,
		      *ip;

	mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, DT_KEY_LEN, peer->public_key);
	mnl_attr_put_u32(nlh, WGPEER_A_FLAGS, flags);
	if (peer->endpoint.port) {
		struct sockaddr_storage sa;
		socklen_t len = dt_endpoint_to_sockaddr(&peer->endpoint, &sa);

		mnl_attr_put(nlh, WGPEER_A_ENDPOINT, len, &sa);
	}
	if (!(flags & WGPEER_F_REMOVE_ME)) {
		mnl_attr_put_u16(nlh, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive_s);
		list = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
		for (size_t i = 0; i < peer->nallowed; i++) {
			const struct dt_prefix *p = &peer->allowed[i];
			bool v4 = dt_prefix_family(p) == 4;

			ip = mnl_attr_nest_start(nlh, 0);
			mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, v4 ? AF_INET : AF_INET6);
			if (v4)
				mnl_attr_put_u32(nlh, WGALLOWEDIP_A_IPADDR, dt_ip_v4(&p->ip));
			else
				mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, sizeof(p->ip.b), p->ip.b);
			mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, (uint8_t)(p->len - (v4 ? 96 : 0)));
			mnl_attr_nest_end(nlh, ip);
		}
		mnl_attr_nest_end(nlh, list);
	}
	mnl_attr_nest_end(nlh, one);
	mnl_attr_nest_end(nlh, peers);
	return dt_netlink_talk(&wg->genl, nlh, NULL, NULL);
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

static int message_take(const struct nlmsghdr *nlh, void *data)
{
	const struct dump *dump = data;

	return dt_wg_message_parse(nlh, dump->fn, dump->data);
}

/* --- either ------------------------------------------------------------------------------------ */

int dt_wg_peer_set(struct dt_wg *wg, const struct dt_wg_peer *peer)
{
	char text[1024], hex[HEX_LEN], endpoint[DT_ENDPOINT_STRLEN], prefix[DT_PREFIX_STRLEN];
	size_t len;

	wg->error[0] = '\0';
	if (!wg->userspace)
		return kernel_peer_put(wg, peer, WGPEER_F_REPLACE_ALLOWEDIPS);
	hex_of(hex, peer->public_key);
	len = (size_t)snprintf(text, sizeof(text),
			       "set=1\npublic_key=%s\nreplace_allowed_ips=true\npersistent_keepalive_interval=%u\n",
			       hex, peer->keepalive_s);
	if (peer->endpoint.port)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "endpoint=%s\n",
					dt_endpoint_format(&peer->endpoint, endpoint));
	for (size_t i = 0; i < peer->nallowed; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "allowed_ip=%s\n",
					dt_prefix_format(&peer->allowed[i], prefix));
	snprintf(text + len, sizeof(text) - len, "\n");
	return uapi_talk(wg, text, NULL);
}

int dt_wg_peer_remove(struct dt_wg *wg, const uint8_t public_key[DT_KEY_LEN])
{
	struct dt_wg_peer peer = {0};
	char text[256], hex[HEX_LEN];

	wg->error[0] = '\0';
	if (!wg->userspace) {
		memcpy(peer.public_key, public_key, DT_KEY_LEN);
		return kernel_peer_put(wg, &peer, WGPEER_F_REMOVE_ME);
	}
	hex_of(hex, public_key);
	snprintf(text, sizeof(text), "set=1\npublic_key=%s\nremove=true\n\n", hex);
	return uapi_talk(wg, text, NULL);
}

int dt_wg_peers(struct dt_wg *wg, dt_wg_peer_fn fn, void *data)
{
	struct dump dump = {fn, data};
	char buf[256], *answer;
	int err;

	if (!wg->userspace)
		return dt_netlink_talk(&wg->genl, device_begin(wg, buf, WG_CMD_GET_DEVICE, NLM_F_DUMP), message_take,
				       &dump);
	err = uapi_talk(wg, "get=1\n\n", &answer);
	if (err)
		return err;
	err = dt_wg_uapi_parse(answer, fn, data);
	free(answer);
	return err;
}

static int configure(struct dt_wg *wg, const uint8_t *secret, uint16_t port, bool keep_peers)
{
	char buf[512], text[256], hex[HEX_LEN];
	struct nlmsghdr *nlh;
	int err;

	if (wg->userspace) {
		hex_of(hex, secret);
		snprintf(text, sizeof(text), "set=1\nprivate_key=%s\nlisten_port=%u\n%s\n", hex, port,
			 keep_peers ? "" : "replace_peers=true\n");
		err = uapi_talk(wg, text, NULL);
		sodium_memzero(text, sizeof(text));
		sodium_memzero(hex, sizeof(hex));
	} else {
		nlh = device_begin(wg, buf, WG_CMD_SET_DEVICE, 0);
		mnl_attr_put(nlh, WGDEVICE_A_PRIVATE_KEY, DT_KEY_LEN, secret);
		if (port)
			mnl_attr_put_u16(nlh, WGDEVICE_A_LISTEN_PORT, port);
		if (!keep_peers)
			mnl_attr_put_u32(nlh, WGDEVICE_A_FLAGS, WGDEVICE_F_REPLACE_PEERS);
		err = dt_netlink_talk(&wg->genl, nlh, NULL, NULL);
		sodium_memzero(buf, sizeof(buf));
	}
	if (err == -EADDRINUSE)
		return fail(wg, err, "UDP port %u is taken by another program", port);
	return err;
}

/* Of a device of that name: is it one of WireGuard's, and whose? */
static int device_find(struct dt_wg *wg)
{
	char buf[256];
	int fd, err;

	wg->ifindex = if_nametoindex(wg->name);
	fd = uapi_connect(wg->name);
	if (fd >= 0)
		close(fd);
	if (wg->ifindex == 0 && fd >= 0)
		return fail(wg, -EEXIST,
			    "a " PROGRAM " with a device %s runs in another network namespace; its socket in " UAPI_DIR
			    " is the whole machine's: choose another name by wireguard-device",
			    wg->name);
	if (wg->ifindex == 0)
		return -ENODEV;
	if (fd >= 0) {
		wg->userspace = true;
		return 0;
	}
	err = wg->family.id
		      ? dt_netlink_talk(&wg->genl, device_begin(wg, buf, WG_CMD_GET_DEVICE, NLM_F_DUMP), NULL, NULL)
		      : -EOPNOTSUPP;
	if (err)
		return fail(wg, -EEXIST,
			    "there is a device %s that is not WireGuard's; choose another name by wireguard-device",
			    wg->name);
	return 0;
}

static int device_make(struct dt_wg *wg)
{
	int err = dt_rt_link_create(&wg->route, wg->name, "wireguard");

	if (err == 0 && !wg->family.id) /* the module came with the first device */
		err = dt_genl_resolve(&wg->genl, "wireguard", &wg->family, NULL, NULL);
	if (err == -EOPNOTSUPP) {
		wg->userspace = true;
		err = program_start(wg);
	}
	if (err)
		return err;
	wg->ifindex = if_nametoindex(wg->name);
	return wg->ifindex ? 0 : fail(wg, -ENODEV, "the device %s did not appear", wg->name);
}

/* Asked beforehand: wireguard-go binds its port in the background and keeps to itself that it could not. */
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

int dt_wg_open(struct dt_wg *wg, const char *name, const uint8_t secret[DT_KEY_LEN], uint16_t port, uint32_t mtu,
	       bool adopt)
{
	bool found = false;
	int err;

	memset(wg, 0, sizeof(*wg));
	snprintf(wg->name, sizeof(wg->name), "%s", name);
	err = dt_netlink_open(&wg->route, NETLINK_ROUTE);
	if (err == 0)
		err = dt_netlink_open(&wg->genl, NETLINK_GENERIC);
	if (err)
		goto failed;
	if (dt_genl_resolve(&wg->genl, "wireguard", &wg->family, NULL, NULL) < 0)
		wg->family.id = 0;
	err = device_find(wg);
	found = err == 0;
	if (found && !adopt) {
		dt_wg_remove(wg);
		found = false;
		err = -ENODEV;
	}
	if (err == -ENODEV)
		err = port && port_taken(port) ? -EADDRINUSE : device_make(wg);
	if (err == -EADDRINUSE)
		fail(wg, err, "UDP port %u is taken by another program", port);
	if (err)
		goto failed;
	err = configure(wg, secret, port, found);
	if (err == 0)
		err = dt_rt_link_up(&wg->route, wg->ifindex, mtu);
	/* the kernel binds its port only now */
	if (err == -EADDRINUSE && port)
		fail(wg, err, "UDP port %u is taken by another program", port);
	if (err == 0)
		return 0;
	if (!found)
		dt_wg_remove(wg);
failed:
	dt_wg_close(wg);
	return err;
}

void dt_wg_remove(struct dt_wg *wg)
{
	/* wireguard-go ends when its device goes, and takes its socket along */
	if (wg->ifindex)
		dt_rt_link_delete(&wg->route, wg->ifindex);
	for (int waited_ms = 0; wg->ifindex && wg->userspace && waited_ms < UAPI_WAIT_MS; waited_ms += 10) {
		int fd = uapi_connect(wg->name);

		if (fd < 0)
			break;
		close(fd);
		usleep(10000);
	}
	wg->ifindex = 0;
	wg->userspace = false;
}

void dt_wg_close(struct dt_wg *wg)
{
	dt_netlink_close(&wg->route);
	dt_netlink_close(&wg->genl);
}
