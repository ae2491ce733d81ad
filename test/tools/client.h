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
	struct dt_link *link; /* NULL until client_link() */
	int fd;
};

/* Takes CLIENT_USAGE, three arguments. -EINVAL: one is not understood, or cannot be read; -EKEYREJECTED. */
int client_parse(struct client *c, char **args);
/* A socket that is connected to the relay. 0 or negative errno. */
int client_connect(struct client *c);
/* The same with a link, which has to stay where it is. 0 or negative errno. */
int client_link(struct client *c);
/* What the link has to send is sent, and what arrives within 10 ms is the link's. */
void client_pump(struct client *c);
void client_close(struct client *c);

#endif
