/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/wireguard_go.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/unix.h"

#define PROGRAM "wireguard-go"
#define WAIT_MS 3000
/* For the first answer: a busy machine with one slow core takes seconds to start it. */
#define START_WAIT_MS 15000
#define ANSWER_MAX (4 << 20)
#define HEX_LEN (2 * DT_KEY_LEN + 1)

/* --- its socket -------------------------------------------------------------------------------- */

static int socket_connect(const char *name)
{
	char path[sizeof(DT_WG_GO_DIR) + IF_NAMESIZE + sizeof("/.sock")];

	snprintf(path, sizeof(path), DT_WG_GO_DIR "/%s.sock", name);
	return dt_unix_connect(path, SOCK_STREAM);
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

/* Answers hold the private key. */
static void answer_free(char *text, size_t room)
{
	if (text)
		sodium_memzero(text, room);
	free(text);
}

/* As realloc(), to twice the room. NULL: no memory, or it never ends; text is freed. */
static char *answer_grow(char *text, size_t *room)
{
	char *grown = *room < ANSWER_MAX ? malloc(2 * *room) : NULL;

	if (grown)
		memcpy(grown, text, *room);
	answer_free(text, *room);
	*room *= 2;
	return grown;
}

/*
 * Reads until the empty line that ends an answer, and waits at most wait_ms for each piece. *out is for answer_free(), with
 * *room. -ETIMEDOUT; -EIO: it ended without one, or never does.
 */
static int answer_read(int fd, int wait_ms, char **out, size_t *room)
{
	char *text = malloc(*room = 4096);
	size_t len = 0;
	int err = -EIO;

	while (text) {
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		ssize_t got;

		if (len + 1 == *room && !(text = answer_grow(text, room)))
			break;
		got = poll(&pfd, 1, wait_ms);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			err = -ETIMEDOUT;
			break;
		}
		got = recv(fd, text + len, *room - 1 - len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		len += (size_t)got;
		text[len] = '\0';
		if (len >= 2 && strcmp(text + len - 2, "\n\n") == 0) {
			*out = text;
			return 0;
		}
	}
	answer_free(text, *room);
	return err;
}

/* The answer's last line is errno=N, N zero or negative. */
static int answer_errno(const char *text)
{
	const char *line = strstr(text, "errno=");

	return line ? atoi(line + 6) : -EIO;
}

/* Sends a request. fn: NULL, or is called for each peer of the answer. */
static int talk(const struct dt_wg *wg, int wait_ms, const char *request, dt_wg_peer_fn fn, void *data)
{
	int fd = socket_connect(wg->name), err;
	char *text = NULL;
	size_t room;

	if (fd < 0)
		return fd;
	err = all_write(fd, request, strlen(request));
	if (err == 0)
		err = answer_read(fd, wait_ms, &text, &room);
	close(fd);
	if (err)
		return err;
	err = answer_errno(text);
	if (err == 0 && fn)
		err = dt_wg_uapi_parse(text, fn, data);
	else if (err > 0)
		err = -err;
	answer_free(text, room);
	return err;
}

bool dt_wg_go_runs(const struct dt_wg *wg)
{
	int fd = socket_connect(wg->name);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

void dt_wg_go_await_end(const struct dt_wg *wg)
{
	for (int waited_ms = 0; waited_ms < WAIT_MS && dt_wg_go_runs(wg); waited_ms += 10)
		usleep(10000);
}

/* --- the program ------------------------------------------------------------------------------- */

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

/* In the child: becomes the program. Never returns. */
static void program_exec(const char *device)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* a session of its own: the signals of our terminal are not meant for it */
	setsid();
	signal(SIGPIPE, SIG_DFL);
	if (null >= 0)
		for (int fd = 0; fd <= 2; fd++)
			dup2(null, fd);
	execlp(PROGRAM, PROGRAM, device, (char *)NULL);
	_exit(127);
}

/* Until it answers for the first time: its socket is there before it is. */
static int answer_await(struct dt_wg *wg)
{
	for (int waited_ms = 0; waited_ms < WAIT_MS && !dt_wg_go_runs(wg); waited_ms += 10)
		usleep(10000);
	if (talk(wg, START_WAIT_MS, "get=1\n\n", NULL, NULL) == 0)
		return 0;
	return dt_wg_fail(wg, -ETIMEDOUT, PROGRAM " %s was started and does not answer at its socket", wg->name);
}

int dt_wg_go_start(struct dt_wg *wg)
{
	int status = 0;
	pid_t pid;

	if (!program_found())
		return dt_wg_fail(wg, -EOPNOTSUPP, "this kernel has no WireGuard, and " PROGRAM " is not installed");
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		program_exec(wg->name);
	/* it goes into the background by itself once the device is there */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return dt_wg_fail(wg, -EIO, PROGRAM " %s did not start (is /dev/net/tun there?)", wg->name);
	return answer_await(wg);
}

/* --- requests ---------------------------------------------------------------------------------- */

static void hex_of(char out[HEX_LEN], const uint8_t key[DT_KEY_LEN])
{
	sodium_bin2hex(out, HEX_LEN, key, DT_KEY_LEN);
}

static bool hex_key(uint8_t out[DT_KEY_LEN], const char *hex)
{
	size_t len;

	return sodium_hex2bin(out, DT_KEY_LEN, hex, strlen(hex), NULL, &len, NULL) == 0 && len == DT_KEY_LEN;
}

/* Takes one line of a peer; unknown names are skipped. -EBADMSG: not an endpoint. */
static int peer_line_take(struct dt_wg_peer *peer, const char *name, const char *value)
{
	if (strcmp(name, "endpoint") == 0)
		return dt_endpoint_parse(&peer->endpoint, value) < 0 ? -EBADMSG : 0;
	if (strcmp(name, "allowed_ip") == 0) {
		if (peer->nallowed < sizeof(peer->allowed) / sizeof(peer->allowed[0]) &&
		    dt_prefix_parse(&peer->allowed[peer->nallowed], value) == 0)
			peer->nallowed++;
	} else if (strcmp(name, "persistent_keepalive_interval") == 0) {
		peer->keepalive_s = (uint16_t)strtoul(value, NULL, 10);
	} else if (strcmp(name, "last_handshake_time_sec") == 0) {
		peer->handshake_s = strtoull(value, NULL, 10);
	} else if (strcmp(name, "rx_bytes") == 0) {
		peer->rx_bytes = strtoull(value, NULL, 10);
	} else if (strcmp(name, "tx_bytes") == 0) {
		peer->tx_bytes = strtoull(value, NULL, 10);
	}
	return 0;
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
		} else if (open) { /* else of the device */
			err = peer_line_take(&peer, line, value);
		}
	}
	if (err == 0 && open)
		err = fn(&peer, data);
	return err;
}

int dt_wg_go_peers(const struct dt_wg *wg, dt_wg_peer_fn fn, void *data)
{
	return talk(wg, WAIT_MS, "get=1\n\n", fn, data);
}

int dt_wg_go_peer_set(const struct dt_wg *wg, const struct dt_wg_peer *peer)
{
	char text[1024], hex[HEX_LEN], endpoint[DT_ENDPOINT_STRLEN], prefix[DT_PREFIX_STRLEN];
	size_t len;

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
	return talk(wg, WAIT_MS, text, NULL, NULL);
}

int dt_wg_go_peer_remove(const struct dt_wg *wg, const uint8_t public_key[DT_KEY_LEN])
{
	char text[256], hex[HEX_LEN];

	hex_of(hex, public_key);
	snprintf(text, sizeof(text), "set=1\npublic_key=%s\nremove=true\n\n", hex);
	return talk(wg, WAIT_MS, text, NULL, NULL);
}

int dt_wg_go_configure(const struct dt_wg *wg, const uint8_t secret[DT_KEY_LEN], uint16_t port, bool keep_peers)
{
	char text[256], hex[HEX_LEN];
	int err;

	hex_of(hex, secret);
	snprintf(text, sizeof(text), "set=1\nprivate_key=%s\nlisten_port=%u\n%s\n", hex, port,
		 keep_peers ? "" : "replace_peers=true\n");
	err = talk(wg, WAIT_MS, text, NULL, NULL);
	sodium_memzero(text, sizeof(text));
	sodium_memzero(hex, sizeof(hex));
	return err;
}
