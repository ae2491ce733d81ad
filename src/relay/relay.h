/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The running relay: what its modules share. Only src/relay includes this. */
#ifndef DETOURD_RELAY_RELAY_H
#define DETOURD_RELAY_RELAY_H

#include <uv.h>

#include "base/control.h"
#include "base/log.h"
#include "proto/relay_session.h"
#include "relay/config.h"
#include "relay/dataplane.h"
#include "relay/flowlog.h"
#include "relay/flows.h"
#include "relay/leases.h"
#include "relay/listener.h"
#include "net/network.h"
#include "relay/policy.h"
#include "relay/tunnels.h"

/* One [client NAME]; conf points into the configuration in force. */
struct dt_relay_client {
	const struct dt_peer_conf *conf;
	struct dt_relay_peer *peer;
	uint64_t id;
	bool revoked; /* while a reload ends what it has */
	struct dt_relay_client *next;
};

enum dt_relay_counter {
	DT_RELAY_COUNT_REQUESTS,
	DT_RELAY_COUNT_TOKENS_SENT,
	DT_RELAY_COUNT_DROPPED_MALFORMED,
	DT_RELAY_COUNT_DROPPED_AUTH,
	DT_RELAY_COUNT_DROPPED_REPLAY,
	DT_RELAY_COUNT_DROPPED_GREEDY,
	DT_RELAY_COUNT_LEASES_MADE,
	DT_RELAY_COUNT_LEASES_RENEWED,
	DT_RELAY_COUNT_LEASES_RELEASED,
	DT_RELAY_COUNT_DENIED_DESTINATION,
	DT_RELAY_COUNT_DENIED_QUOTA,
	DT_RELAY_COUNT_DENIED_NO_PORT,
	DT_RELAY_COUNT_DENIED_FAMILY,
	DT_RELAY_COUNT_DENIED_DRAINING,
	DT_RELAY_COUNT_TUNNELS_MADE,
	DT_RELAY_COUNT_TUNNELS_ENDED,
	DT_RELAY_COUNTERS
};

struct dt_relay {
	uv_loop_t *loop;
	int lock_fd; /* this network namespace is ours */
	struct dt_relay_config *config;
	struct dt_dataplane *dataplane;
	struct dt_network network;
	struct dt_policy policy;
	struct dt_leases *leases;
	struct dt_flows *flows;
	struct dt_flowlog *flowlog;
	struct dt_tunnels *tunnels; /* NULL: wireguard-port = 0 */
	struct dt_relay_proto *proto;
	struct dt_relay_client *clients;
	struct dt_listener **listeners;
	size_t nlisteners;
	struct dt_control *control;
	uv_timer_t alive;
	uv_timer_t sweep;
	bool draining; /* takes no new leases, and stops when no flow is open */
	uint64_t counters[DT_RELAY_COUNTERS];
	struct dt_log_limit denied_log;
};

/* relay/requests.c: a dt_listener_fn; data is the relay. */
size_t dt_relay_datagram(void *data, const struct dt_endpoint *from, const struct dt_ip *to, const uint8_t *in,
			 size_t len, uint8_t *reply);

/*
 * What of a family (4 or 6) clients can reach this relay at: the address line, a bound address, or the default route's;
 * local as it stands on an interface, public as the world sees it. False: none.
 */
bool dt_relay_address(const struct dt_relay *r, unsigned family, struct dt_ip *local, struct dt_ip *public);

/* --- clients.c --------------------------------------------------------------------------------- */

/* NULL if there is none of this id; a revoked one is there until dt_relay_clients_drop_revoked(). */
const struct dt_peer_conf *dt_relay_client_conf(const struct dt_relay *r, uint64_t id);
/* Is there a client of this id, and not revoked? */
bool dt_relay_client_permitted(uint64_t id, void *relay);
/* Those of the configuration; logs why it failed. */
int dt_relay_clients_open(struct dt_relay *r);
void dt_relay_clients_close(struct dt_relay *r);
/* Could fresh be taken? Logs why not. */
int dt_relay_clients_check(const struct dt_relay_config *fresh);
/* Every client points into fresh, but the revoked, which still point into the old one. */
int dt_relay_clients_replace(struct dt_relay *r, const struct dt_relay_config *fresh);
void dt_relay_clients_drop_revoked(struct dt_relay *r);

/* --- permission.c ------------------------------------------------------------------------------ */

/* Is there room for the prefixes of this configuration? Logs why not: -E2BIG. */
int dt_permission_check(const struct dt_relay *r, const struct dt_relay_config *config);
/* The policy anew, in the map too, and the end of every lease and flow that is no longer permitted. Logs. */
int dt_permission_apply(struct dt_relay *r);

/* --- the whole --------------------------------------------------------------------------------- */

/* relay/status.c: a dt_control_status_fn; data is the relay. */
void dt_relay_status(FILE *out, const char *about, void *data);

#endif
