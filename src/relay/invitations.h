/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who was invited, and who joined by it: one file, which only this relay writes. It is read once, at start; every change
 * is in the file before it is in force. Ended invitations are kept for a while, so that their holders are told why.
 */
#ifndef DETOURD_RELAY_INVITATIONS_H
#define DETOURD_RELAY_INVITATIONS_H

#include "relay/config.h"

/* Invitations that are open and clients that joined, together. */
#define DT_INVITATIONS_MAX 1000
/* Ended ones that are remembered, and for how long. */
#define DT_INVITATIONS_ENDED_MAX 1000
#define DT_INVITATIONS_ENDED_S (30 * 24 * 3600)
#define DT_INVITATION_FOR_MAX_S (365 * 24 * 3600)

struct dt_relay_client;

enum dt_invitation_state {
	DT_INVITATION_OPEN,
	DT_INVITATION_JOINED,
	DT_INVITATION_EXPIRED,	 /* nobody joined in time */
	DT_INVITATION_WITHDRAWN, /* also: who had joined was revoked */
};

/* Times are seconds since 1970; 0: it has not happened. */
struct dt_invitation {
	struct dt_peer_conf conf;	/* the client to be; its public key is zero until somebody joined */
	uint8_t public_key[DT_KEY_LEN]; /* of the invitation */
	uint64_t until_s, joined_s, withdrawn_s;
	struct dt_relay_client *holder; /* of the invitation, as the protocol knows him; the caller's */
	struct dt_invitation *prev, *next;
};

struct dt_invitations {
	char *path;
	struct dt_invitation *list;
};

/* A missing file is an empty one. -EINVAL: the file has errors; -ENOMEM. Logs why it failed. */
int dt_invitations_load(struct dt_invitations *out, const char *path);
void dt_invitations_fini(struct dt_invitations *all);

enum dt_invitation_state dt_invitation_state(const struct dt_invitation *i, uint64_t now_s);
/* The word in status. */
const char *dt_invitation_state_word(enum dt_invitation_state state);
/* The open invitation or joined client of this name; NULL: there is none. */
struct dt_invitation *dt_invitations_find(const struct dt_invitations *all, const char *name, uint64_t now_s);

/*
 * Each of these stores the change, or changes nothing: errors of writing the file, -ENOMEM.
 * add: *out is made from name, public_key, until_s, convert and max_rate_bps (0: the default). -EEXIST: dt_invitations_find() finds
 * this name; -EDQUOT: there are too many.
 */
int dt_invitations_add(struct dt_invitations *all, const struct dt_invitation *wanted, uint64_t now_s,
		       struct dt_invitation **out);
int dt_invitations_join(struct dt_invitations *all, struct dt_invitation *i, const uint8_t key[DT_KEY_LEN],
			uint64_t now_s);
int dt_invitations_withdraw(struct dt_invitations *all, struct dt_invitation *i, uint64_t now_s);
/* Takes back a join, also if that cannot be stored. */
void dt_invitations_unjoin(struct dt_invitations *all, struct dt_invitation *i);
/* The next one that ended long ago, taken from the list; NULL: there is none. To be freed by dt_invitation_free(). */
struct dt_invitation *dt_invitations_take_old(struct dt_invitations *all, uint64_t now_s);
void dt_invitation_free(struct dt_invitation *i);

#endif
