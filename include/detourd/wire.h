/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Protocol v2 on the wire; docs/protocol.md describes it. Every constant and structure of the protocol is here and
 * nowhere else. All integers are big endian. One UDP datagram is
 *
 *     struct dt_wire_header | encrypted { struct dt_wire_body, options } | 16-byte tag
 *
 * encrypted with XChaCha20-Poly1305; the header is the associated data.
 */
#ifndef DETOURD_WIRE_H
#define DETOURD_WIRE_H

#include <stdint.h>

#define DT_WIRE_PORT 45672
#define DT_WIRE_VERSION 2

#define DT_KEY_LEN 32
#define DT_KEY_ID_LEN 8
#define DT_SESSION_LEN 8
#define DT_NONCE_LEN 24
#define DT_TAG_LEN 16
#define DT_TOKEN_LEN 16

struct dt_wire_header {
	uint8_t ver;
	uint8_t reserved[3];		 /* zero */
	uint8_t key_id[DT_KEY_ID_LEN];	 /* names the pair of static keys, the same in both directions */
	uint8_t session[DT_SESSION_LEN]; /* random, chosen at the sender's start */
	uint8_t counter[8];		 /* of the sender's session, from 1, rises with every datagram */
	uint8_t nonce[DT_NONCE_LEN];	 /* random, of this datagram only */
};
_Static_assert(sizeof(struct dt_wire_header) == 52, "wire");

/* Requests; a reply carries the same op with DT_OP_REPLY set. */
enum dt_op {
	DT_OP_LEASE = 1,	/* make (or find again) the lease for rip:rpt */
	DT_OP_RENEW = 2,	/* extend the lease of dpt; moves it to a newly proven client address */
	DT_OP_RELEASE = 3,	/* end the lease of dpt: no new flows */
	DT_OP_PING = 4,		/* keep-alive, round-trip time, addresses */
	DT_OP_TUNNEL = 5,	/* make (or find again, and extend) this client's WireGuard peer */
	DT_OP_UNTUNNEL = 6,	/* end it */
	DT_OP_JOIN = 7,		/* from the holder of an invitation: make the key of DT_OPTION_KEY a client */
	DT_OP_CONVERT = 0x40,	/* make (or find again, and extend) the converter lease for rip:rpt */
	DT_OP_UNCONVERT = 0x41, /* end it: no new connections */
};
#define DT_OP_REPLY 0x80

enum dt_reason {
	DT_REASON_OK = 0,
	DT_REASON_TOKEN = 1,	   /* the request had no valid token: here is one, ask again with it */
	DT_REASON_SESSIONS = 2,	   /* too many live sessions of this key */
	DT_REASON_DESTINATION = 3, /* rip is denied */
	DT_REASON_QUOTA = 4,	   /* max-leases */
	DT_REASON_NO_PORT = 5,	   /* no free lease port */
	DT_REASON_NO_LEASE = 6,	   /* RENEW or RELEASE of a lease that does not exist */
	DT_REASON_FAMILY = 7,	   /* rip is not of the family this request came by, or no NAT address of it */
	DT_REASON_UNSUPPORTED = 8, /* op unknown to this relay */
	DT_REASON_DRAINING = 9,	   /* the relay takes no new leases */
	DT_REASON_NO_TUNNEL = 10,  /* this relay has no WireGuard, or no such peer */
	/* answers to JOIN */
	DT_REASON_USED = 11,	       /* another key joined by this invitation */
	DT_REASON_EXPIRED = 12,	       /* the invitation is too old */
	DT_REASON_WITHDRAWN = 13,      /* the relay's owner took it back, or revoked who joined by it */
	DT_REASON_KEY = 14,	       /* no key, a weak one, or one that the relay knows already */
	DT_REASON_STORE = 15,	       /* the relay cannot store a new client */
	DT_REASON_NO_CONVERTER = 0x40, /* this relay converts nothing for this client, or cannot now */
};

/* Requests and replies have the same fixed part. */
struct dt_wire_body {
	uint8_t op;
	uint8_t reason; /* enum dt_reason; 0 in requests */
	uint8_t dpt[2]; /* relay port; 0 where there is none yet */
	uint8_t rpt[2]; /* server port */
	uint8_t reserved[2];
	uint8_t rip[16];		      /* server address, IPv4 as v4-mapped */
	uint8_t lifetime[4];		      /* seconds: asked for, granted */
	uint8_t token[DT_TOKEN_LEN];	      /* request: proof of address, zero if none; reply: a fresh one */
	uint8_t echo_session[DT_SESSION_LEN]; /* reply: of the request; request: zero */
	uint8_t echo_counter[8];
};
_Static_assert(sizeof(struct dt_wire_body) == 60, "wire");

/* Options follow the body up to the end: type, length of the value, value. Unknown ones are skipped. */
struct dt_wire_option {
	uint8_t type;
	uint8_t len;
};
enum dt_option {
	DT_OPTION_PAD = 0,     /* value: zeroes; a request is padded so that its reply fits */
	DT_OPTION_SEEN = 1,    /* reply: 16 bytes address, 2 port: the client as the relay saw it */
	DT_OPTION_CONTROL = 2, /* reply: 16 + 2, at most one a family: control address */
	DT_OPTION_NAT = 3,     /* reply: 16: where to join, at most one a family */
	DT_OPTION_TUNNEL = 4,  /* both: struct dt_wire_tunnel */
	DT_OPTION_DRAIN = 5,   /* reply: empty; the relay is about to stop: use others */
	DT_OPTION_RTT = 6, /* reply to LEASE, RENEW or CONVERT: 4 bytes, microseconds from the relay to rip and back */
	DT_OPTION_RESETS = 8, /* reply to LEASE or RENEW: 4 bytes, joins under this lease that rip refused by an RST */
	DT_OPTION_KEY = 7,    /* request JOIN: 32 bytes, the public key of the client to be */
	/* reply: the relay converts for this client. 1 byte, enum dt_convert_outcome: see there */
	DT_OPTION_CONVERTER = 0x40,
};

/*
 * In the reply to CONVERT: how the relay's last connection to rip:rpt under this lease began. Else UNKNOWN. In any reply
 * LIMITED, while it applies.
 */
enum dt_convert_outcome {
	DT_CONVERT_UNKNOWN = 0, /* none has begun yet */
	DT_CONVERT_REACHED = 1,
	DT_CONVERT_REFUSED = 2,	    /* by an RST */
	DT_CONVERT_UNREACHABLE = 3, /* no answer, or no route */
	DT_CONVERT_DENIED = 4,	    /* by the relay, when it was about to connect */
	DT_CONVERT_LIMITED = 5,	    /* the client has as many as it may have, for any server: more are reset */
};

/* Request: the client's key, the addresses it proposes; reply: the relay's key and UDP port, the addresses given. */
struct dt_wire_tunnel {
	uint8_t key[DT_KEY_LEN]; /* WireGuard's public key */
	uint8_t port[2];
	uint8_t ip4[4]; /* the client's in the tunnel; zero: none proposed */
	uint8_t ip6[16];
};
_Static_assert(sizeof(struct dt_wire_tunnel) == 54, "wire");

/* Every request's plaintext is padded to this; a reply is never longer than its request. */
#define DT_WIRE_REQUEST_PLAIN 192
#define DT_WIRE_MAX (sizeof(struct dt_wire_header) + DT_WIRE_REQUEST_PLAIN + DT_TAG_LEN)

/* Times and limits of the protocol. */
#define DT_TOKEN_ROTATE_S 120 /* the last two secrets are valid, so a token lives 120 to 240 s */
#define DT_SESSIONS_PER_CLIENT 8
#define DT_LEASE_LIFETIME_MIN_S 30
#define DT_LEASE_LIFETIME_MAX_S 3600
#define DT_LEASE_LIFETIME_DEFAULT_S 300

#endif
