/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/client.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

int client_parse(struct client *c, char **args)
{
	uint8_t secret[DT_KEY_LEN], public[DT_KEY_LEN];
	char text[256];

	memset(c, 0, sizeof(*c));
	c->fd = -1;
	if (sodium_init() < 0 || dt_file_read(args[0], text, sizeof(text)) < 0 || dt_key_parse(secret, text) < 0 ||
	    dt_key_parse(public, args[1]) < 0 || dt_endpoint_parse(&c->relay, args[2]) < 0)
		return -EINVAL;
	dt_keypair_from_secret(&c->keys, secret);
	dt_client_session_init(&c->session);
	return dt_pair_keys_client(&c->pair, &c->keys, public);
}

int client_connect(struct client *c)
{
	struct sockaddr_storage sa;
	socklen_t len = dt_endpoint_to_sockaddr(&c->relay, &sa);

	c->fd = socket(sa.ss_family, SOCK_DGRAM, 0);
	return c->fd < 0 || connect(c->fd, (struct sockaddr *)&sa, len) < 0 ? -errno : 0;
}

int client_link(struct client *c)
{
	int err = client_connect(c);

	return err < 0 ? err : dt_client_link_new(&c->link, &c->pair, &c->session, dt_now_ns());
}

void client_pump(struct client *c)
{
	uint8_t buf[DT_WIRE_MAX];
	uint64_t now_ns = dt_now_ns();
	struct pollfd pfd = {.fd = c->fd, .events = POLLIN};
	ssize_t got;
	size_t len;

	dt_client_link_tick(c->link, now_ns);
	while ((len = dt_client_link_output(c->link, now_ns, buf, sizeof(buf))) > 0)
		if (send(c->fd, buf, len, 0) < 0)
			perror("send");
	if (poll(&pfd, 1, 10) <= 0)
		return;
	while ((got = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
		dt_client_link_input(c->link, dt_now_ns(), buf, (size_t)got);
}

void client_close(struct client *c)
{
	dt_client_link_free(c->link);
	if (c->fd >= 0)
		close(c->fd);
}
