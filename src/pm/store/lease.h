/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One lease, granted or requested: this link may reach this server. Requested by link/leases.c. */
#ifndef DETOURD_PM_STORE_LEASE_H
#define DETOURD_PM_STORE_LEASE_H

#include "base/addr.h"
#include "base/hash.h"
#include "pm/store/marks.h"

struct dt_relay_link;
struct dt_subflow;

enum dt_lease_state {
	DT_LEASE_ASKED,
	DT_LEASE_READY,
	DT_LEASE_REFUSED, /* see reason; requested again after retry_ns */
};

struct dt_pm_lease {
	struct dt_relay_link *link;
	struct {
		struct dt_ip ip;
		uint16_t port;
		uint16_t converts; /* 1: a converter lease; 0: a NAT lease */
	} server;
	enum dt_lease_state state;
	uint16_t dpt;	   /* the lease's port at the relay */
	uint8_t reason;	   /* enum dt_reason; DT_REASON_OK in state REFUSED: the relay did not answer */
	uint32_t rtt_us;   /* from the relay to the server and back, measured by the relay; 0: unknown */
	uint32_t resets;   /* joins under it that the server refused by an RST, as the relay has seen */
	uint64_t reset_ns; /* when the relay told of the last one; 0: never */
	bool ask_why;	 /* a join was refused: the relay, which looks every 2 s, is asked soon whether by the server */
	uint8_t outcome; /* enum dt_convert_outcome: of a converter lease, how the relay last reached the server */
	unsigned denied; /* refusals in a row for what the relay's owner allows and has */
	unsigned logged; /* the reason last logged + 1, so that one that stays is logged once; 0: none */
	bool under_way;	 /* a request, the first one or a renewal, waits for its reply */
	bool used;	 /* a connection used it since the last renewal */
	uint64_t asked_ns;
	uint64_t expires_ns;
	uint64_t renew_ns;
	uint64_t retry_ns;
	struct dt_subflow *subflows;
	struct dt_lease_marks todo;
	UT_hash_handle hh;
};

#endif
