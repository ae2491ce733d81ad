/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the relay's daemon and the copying process say to each other, over a SOCK_SEQPACKET socket. Both ends are of this
 * machine, but of different rights: the daemon believes nothing of the process that its own maps do not say.
 *
 * The process listens; the daemon connects. So a new run of the daemon finds a process that an earlier run started, and
 * the connections in it go on.
 */
#ifndef DETOURD_CONVERT_CHANNEL_H
#define DETOURD_CONVERT_CHANNEL_H

#include "base/addr.h"
#include "detourd/wire.h"

/* Raised with every change of the message. A process of another version finishes what it has, beside a new one. */
#define DT_CHANNEL_VERSION 4
/* The process finds its listening end here. */
#define DT_CHANNEL_FD 3
#define DT_CHANNEL_BACKLOG 4

enum dt_channel_type {
	/* daemon to process: */
	DT_CHANNEL_CLIENT, /* a client's limits */
	DT_CHANNEL_LISTEN, /* a lease, with its listening socket */
	DT_CHANNEL_END,	   /* the lease of relay takes no new connections */
	DT_CHANNEL_REVOKE, /* it and its connections end at once */
	DT_CHANNEL_RETIRE, /* all leases as by END; the process then ends by itself, and finds no daemon any more */
	DT_CHANNEL_QUIT,   /* everything ends at once */
	DT_CHANNEL_GRANT,  /* bytes_up, bytes_down: these may be copied; the answer to ASK */
	DT_CHANNEL_SYN,	   /* client begins a connection to relay, which is not accepted yet */
	/* process to daemon: */
	DT_CHANNEL_HELLO,  /* the first message */
	DT_CHANNEL_HAS,	   /* a lease that it has since an earlier run of the daemon, with its socket */
	DT_CHANNEL_READY,  /* these were all */
	DT_CHANNEL_BEGAN,  /* outcome and rtt_us of a connection to a lease's server; or it was reset, for a limit */
	DT_CHANNEL_FLOW,   /* a connection has ended */
	DT_CHANNEL_CLOSED, /* a lease's socket is closed */
	DT_CHANNEL_TOTALS, /* of a client: connections, refused, bytes_up, bytes_down */
	DT_CHANNEL_ASK,	   /* bytes_up, bytes_down: these the client would copy, and max-rate is the daemon's */
	/* RETIRE is 4 in all versions, so what is new goes here */
	DT_CHANNEL_PING, /* daemon to process: answer at once */
	DT_CHANNEL_PONG, /* the answer */
	DT_CHANNEL_TYPES
};

/* Members that a type does not use are zero. Times are of CLOCK_BOOTTIME. */
struct dt_channel_message {
	uint32_t version; /* stays first */
	uint32_t type;
	uint64_t client_id;
	struct dt_endpoint client; /* LISTEN: who may connect, port 0; FLOW, SYN: who did, does */
	struct dt_endpoint relay;  /* address and port of the listening socket: this names the lease */
	struct dt_endpoint source; /* FLOW: towards the server; SYN: its port alone, 0: any */
	struct dt_endpoint server;
	uint32_t special; /* LISTEN: 1: the owner allows this server although it is special-purpose */
	uint32_t outcome; /* enum dt_convert_outcome */
	uint32_t rtt_us;
	uint32_t max_connections, max_new; /* CLIENT: at once; a second */
	uint32_t connections;		   /* TOTALS: open now */
	uint64_t rate;			   /* CLIENT: bytes a second in each direction */
	uint64_t refused;		   /* TOTALS: for a limit, since the process started */
	uint64_t bytes_up, bytes_down;	   /* payload; TOTALS: of all connections, since the process started;
					    ASK, GRANT: of what is to be copied next */
	uint64_t begun_ns, ended_ns;
	char reason[16]; /* FLOW; BEGAN: the limit; zero-terminated */
};

/* The path of the socket, for this network namespace. Negative errno. */
int dt_channel_path(char *out, size_t cap);
/* A listening socket at the path, which replaces what is there. Negative errno. */
int dt_channel_listen(const char *path);
/* A non-blocking connection. -ENOENT, -ECONNREFUSED: there is no process; -EPERM: it is another user's. */
int dt_channel_connect(const char *path);
/* Is the peer root or this user? For a listener: whoever made it. */
bool dt_channel_peer_is_trusted(int fd);
/* passed: a descriptor to pass, or -1. Sets version. -EAGAIN: no room now; others of sendmsg(2). */
int dt_channel_send(int fd, struct dt_channel_message *m, int passed);
/*
 * 1: one message, *passed is a descriptor that is now the caller's, or -1. 0: the peer closed. -EAGAIN; -EBADMSG: not of
 * this form; -EPROTO: of another version, of which m->type alone is set.
 */
int dt_channel_receive(int fd, struct dt_channel_message *m, int *passed);

#endif
