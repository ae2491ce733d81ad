/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The running path manager: state shared by its modules. A module includes only lower floors (test/lint/floors checks):
 *
 *     daemon.c, reload.c           start, stop, and what a new configuration changes
 *     status.c                     answers to `detourd status` and `detourd why`
 *     explain.c                    the texts of every `why`; reads only
 *     events/, plan/               what happened; what should be. Neither includes the other: events set marks, which
 *                                  plan/run.c takes
 *     act/                         commands to the kernel
 *     link/                        conversations with relays: links, leases, tunnels
 *     store/                       what is known
 *     decide/, kernel/             pure decisions; readers of BPF
 *     conf/                        client.conf
 */
#ifndef DETOURD_PM_STORE_PM_H
#define DETOURD_PM_STORE_PM_H

#include <uv.h>

#include "net/mptcp_pm.h"
#include "net/network.h"
#include "pm/decide/fallback.h"
#include "pm/kernel/takeover.h"
#include "pm/store/converted.h"
#include "pm/store/counters.h"
#include "pm/store/marks.h"

struct dt_accepted;
struct dt_arrivals;
struct dt_pulse_reader;
struct dt_client_config;
struct dt_connection;
struct dt_control;
struct dt_convert;
struct dt_doubts;
struct dt_leavings;
struct dt_feed;
struct dt_history;
struct dt_inventory;
struct dt_mptcpify;
struct dt_network_before;
struct dt_pm_relay;
struct dt_pm_web;
struct dt_runner;
struct dt_server_limits;
struct dt_source_routes;
struct dt_state_file;
struct dt_stock;
struct dt_tallies;
struct dt_track;
struct dt_watch;
struct dt_youth;

struct dt_pm {
	uv_loop_t *loop;
	struct dt_client_config *config;
	bool stopping;
	uint64_t began_ns;
	struct dt_control *control;
	struct dt_pm_web *web; /* NULL: nothing is served */
	uint64_t counters[DT_PM_COUNTERS];
	struct dt_tallies *tallies; /* store/tally.c */

	/* the seam to the kernel */
	struct dt_mptcp_pm mptcp;
	struct dt_netlink diag;
	int mib_fd; /* net/mptcp_mib.h; negative: not open */
	struct dt_network network;
	struct dt_takeover takeover;
	struct dt_track *track;
	struct dt_inventory *inventory;
	struct dt_pulse_reader *pulses; /* NULL: no BPF; set by dt_watch_open() */
	struct dt_arrivals *arrivals;
	struct dt_mptcpify *mptcpify; /* NULL: not wanted yet, or not possible on this kernel */
	int mptcpify_err;	      /* negative errno: why [mptcp] has no effect; 0: it has */
	struct dt_convert *convert;   /* NULL: not wanted yet, or not possible on this kernel */
	int convert_err;	      /* negative errno: why convert has no effect; 0: it has */
	int cgroup_fd;		      /* root of the cgroup tree; -1: none is mounted */

	/* what is known */
	struct dt_connection *connections;
	struct dt_connection *early; /* those with a young detour */
	uint64_t looked_ns;	     /* plan/choice.c: when it last looked at them */
	uint64_t next_number;
	struct dt_pm_relay *relays;
	int relays_open;	    /* including those that are closing */
	unsigned stock_number;	    /* number of the last inventory */
	unsigned add_addr_accepted; /* announced addresses that may be joined, as set by ip mptcp limits */
	struct dt_ip unused_endpoints[DT_MPTCP_ENDPOINTS_MAX]; /* of ip mptcp, without an effect: events/endpoints.c */
	size_t nunused_endpoints;
	struct dt_server_limits *server_limits;
	struct dt_destinations destinations; /* servers with which connections fell back to TCP */
	struct dt_conversions conversions;   /* servers whose new connections go to a converter */
	struct dt_history *history;
	struct dt_todo todo;

	/* each belongs to one module, which alone knows what is in it */
	struct dt_accepted *accepted;		  /* events/accepted.c */
	struct dt_doubts *doubts;		  /* events/lifetime.c */
	struct dt_leavings *leavings;		  /* act/leave.c */
	struct dt_feed *feed;			  /* events/feed.c */
	struct dt_network_before *network_before; /* events/network.c */
	struct dt_runner *runner;		  /* plan/run.c */
	struct dt_source_routes *routes;	  /* act/routes.c */
	struct dt_state_file *state;		  /* store/state_file.c */
	struct dt_stock *stock;			  /* events/stock.c */
	struct dt_watch *watch;			  /* events/watch.c; NULL: not possible on this kernel */
	struct dt_youth *youth;			  /* events/young.c */
	struct dt_endpoint spare; /* act/join.c: a local port that was free after the last join; port 0: none */
};

#endif
