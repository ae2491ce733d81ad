/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a probe finds out about one address of a server. */
#ifndef DETOURD_CLI_PROBE_RESULT_H
#define DETOURD_CLI_PROBE_RESULT_H

#include "base/addr.h"

enum dt_probe_tcp {
	DT_PROBE_ANSWERS,
	DT_PROBE_REFUSED,
	DT_PROBE_SILENT,
	DT_PROBE_UNREACHABLE, /* see error */
};

enum dt_probe_mptcp {
	DT_PROBE_UNASKED, /* see error: this host cannot ask */
	DT_PROBE_YES,
	DT_PROBE_NO,	  /* the answer carries no MP_CAPABLE */
	DT_PROBE_DROPPED, /* SYNs with MP_CAPABLE are not answered, others are */
	DT_PROBE_LOST,	  /* the handshake has it, later segments do not */
};

enum dt_probe_joins {
	DT_PROBE_UNTRIED,
	DT_PROBE_TAKEN, /* its SYN is; servers refuse for a limit only after that */
	DT_PROBE_RESET,
	DT_PROBE_UNANSWERED,
	DT_PROBE_NO_JOIN, /* answered as if it carried no MP_JOIN */
};

struct dt_probe {
	struct dt_endpoint server;
	struct dt_ip source; /* this host's address towards it */
	enum dt_probe_tcp tcp;
	int tcp_error; /* errno */
	uint32_t rtt_us;
	enum dt_probe_mptcp mptcp;
	int mptcp_error; /* errno */
	bool acked;	 /* a DATA_FIN was acknowledged: options pass both ways in later segments too */

	bool raw; /* it could look at segments; without this the rest is not known */
	bool c_flag;
	enum dt_probe_joins joins;
	/* SYNs with few hops to live, and what routers quoted of them */
	unsigned hops;		  /* the last that quoted it in full; 0: none did */
	unsigned stripped_hop;	  /* the first that quoted it without MP_CAPABLE; 0: none did */
	struct dt_ip stripped_at; /* that router */
};

#endif
