/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the copying process knows: clients, leases, and the connections under them. Only src/convert includes this. */
#ifndef DETOURD_CONVERT_STATE_H
#define DETOURD_CONVERT_STATE_H

#include "base/addr.h"
#include "base/hash.h"
#include "base/log.h"
#include "detourd/wire.h"

struct dt_copier;

/* What epoll's data points to. */
struct dt_source {
	void (*ready)(struct dt_source *s, uint32_t events, struct dt_copier *copier);
};

/* One client of the relay, with its limits. */
struct dt_copy_client {
	uint64_t id;
	uint32_t max_connections, max_new;
	uint64_t rate;	     /* bytes a second, each direction */
	int64_t tokens[2];   /* bytes that may be copied now, by enum dt_flow_dir */
	uint64_t asked_ns;   /* when the daemon was asked for more; 0: it has answered */
	uint64_t filled_ns;  /* tokens were added or asked for until then */
	uint64_t new_ns;     /* when the bucket for new connections is full again (GCRA) */
	size_t held;	     /* bytes in side.held, of all its connections */
	uint64_t limited_ns; /* the daemon was told that a connection was reset for a limit */
	uint32_t connections;
	uint64_t refused, bytes[2];
	bool is_told; /* the daemon knows these numbers */
	UT_hash_handle hh;
};

#define DT_COPY_CAME 64

/* A connection to a server, made at the client's SYN: it waits for the client's, which is to be accepted. */
struct dt_copy_early {
	struct dt_endpoint from;
	int fd;
	uint64_t begun_ns;
	struct dt_copy_early *prev, *next;
};

#define DT_COPY_PORTS 16

/* Free of other connections with the lease's server, when it was told. */
struct dt_copy_port {
	uint16_t port;
	uint64_t at_ns;
};

/* A lease and its listening socket. */
struct dt_copy_lease {
	struct dt_source source;
	struct dt_copier *copier;
	int fd;
	struct {
		struct dt_ip ip;
		uint16_t port, pad;
	} relay;
	struct dt_ip allowed; /* who may connect; joins come from anywhere */
	struct dt_endpoint server;
	bool special;			   /* the owner allows this server although it is special-purpose */
	bool is_over;			   /* takes no new connections; goes with the last one */
	bool waits;			   /* for max-new-flows, with connections in its queue */
	struct dt_copy_lease *prev, *next; /* of those that wait */
	struct dt_copy_client *client;
	struct dt_copy_pair *pairs;
	struct dt_copy_early *early; /* the oldest first */
	size_t nearly;
	struct dt_endpoint came[DT_COPY_CAME]; /* whose connections were accepted last: a SYN told late is no new one */
	size_t ncame;
	/* source ports that came with SYNs told late: the next connection's */
	struct dt_copy_port ports[DT_COPY_PORTS];
	size_t nports;
	UT_hash_handle hh;
};

/* One end of a converted connection. "held" is what is for this end and did not fit into its socket. */
struct dt_copy_side {
	struct dt_source source;
	struct dt_copy_pair *pair;
	int fd;
	bool readable, writable; /* not known to be otherwise */
	bool eof;		 /* all that it sent is read */
	bool failed;		 /* reset, or timed out */
	bool shut;		 /* the other one's end of data was passed on to it */
	uint8_t *held;
	uint32_t held_at, held_len;
	uint64_t received; /* bytes read from it */
};

struct dt_copy_pair {
	struct dt_copy_side client, server;
	struct dt_copy_lease *lease;
	struct dt_endpoint from;
	bool connected;			  /* to the server */
	bool queued;			  /* in one of the copier's lists */
	struct dt_copy_side *drained;	  /* not NULL: it gets what is still under way to it, then a reset */
	int drain_left;			  /* bytes that it has not acknowledged, when last looked at */
	uint64_t drain_ns;		  /* when that last changed */
	uint64_t begun_ns, moved_ns;	  /* CLOCK_BOOTTIME */
	struct dt_copy_pair *prev, *next; /* of the lease */
	struct dt_copy_pair *queue_next;
};

struct dt_copier {
	int epoll_fd;
	int route_fd; /* NETLINK_ROUTE, for look-ups */
	struct dt_outbox *outbox;
	struct dt_copy_client *clients;
	struct dt_copy_lease *leases;
	struct dt_copy_lease *waiting;	/* for max-new-flows; the next one first */
	size_t npairs, max_pairs;	/* with connections that were made early */
	bool drains;			/* one at least has an end that drains */
	bool retires;			/* ends by itself when the last lease has gone */
	bool orphaned;			/* the daemon has been away for long: nothing new begins */
	struct dt_copy_pair *ready;	/* something is to be copied */
	struct dt_copy_pair *throttled; /* max-rate is used up */
	struct dt_copy_pair *ended;	/* to be freed once no event can mean them any more */
	uint64_t now_ns;
	struct dt_log_limit log;
};

#endif
