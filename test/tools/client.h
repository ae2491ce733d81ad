/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client of protocol v2 without a path manager, for tests and measurements: its keys, its socket, its link. */
#ifndef TEST_TOOLS_CLIENT_H
#define TEST_TOOLS_CLIENT_H

#include "proto/client_link.h"

#define CLIENT_USAGE "SECRET-KEY-FILE RELAY-PUBLIC-KEY RELAY-ADDRESS:PORT"

struct client {
	struct dt_keypair keys;
	struct dt_pair_keys pair;
	struct dt_client_session session;
	struct dt_endpoint relay;
	struct dt_client_link *link; /* NULL until client_link() */
	int fd;
};

/* Reads the three arguments of CLIENT_USAGE. -EINVAL: one is invalid or cannot be read; -EKEYREJECTED. */
int client_parse(struct client *c, char **args);
/* A socket that is connected to the relay. 0 or negative errno. */
int client_connect(struct client *c);
/* The same with a link, which must not be moved in memory. 0 or negative errno. */
int client_link(struct client *c);
/* Sends what the link has to send, and hands it what arrives within 10 ms. */
void client_pump(struct client *c);
void client_close(struct client *c);

#endif
