/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What store/conversion.h keeps of servers whose connections are converted. */
#ifndef DETOURD_PM_STORE_CONVERTED_H
#define DETOURD_PM_STORE_CONVERTED_H

#include "base/addr.h"
#include "base/hash.h"
#include "detourd/maps.h"
#include "pm/decide/worth.h"

#define DT_CONVERSIONS_MAX 256 /* the one that was used longest ago makes room */
#define DT_CONVERSIONS_EARLIER_MAX DT_CONVERT_EARLIER_MAX
#define DT_CONVERSION_NAME_LEN 64
#define DT_CONVERSION_WAS 4    /* addresses that are remembered, of one server */
#define DT_CONVERSION_DIRECT 4 /* plain connections that are measured at a time, of one server */

/* A plain connection with the server, which is measured. */
struct dt_conversion_plain {
	struct dt_endpoint local; /* port 0: none */
	uint64_t bytes[2];	  /* received, acknowledged, when last looked at */
	uint64_t looked_ns;	  /* 0: never */
	uint64_t moved_ns;	  /* or began */
};

struct dt_conversion {
	struct {
		struct dt_ip ip;
		uint16_t port, pad;
	} key; /* the server */
	uint64_t since_ns;
	uint64_t used_ns;  /* a connection to it was last made */
	uint64_t pause_ns; /* direct until then */
	bool doubted;	   /* a connection has just ended: did the relay reach the server? */
	bool told;	   /* the kernel has "to" */
	char why[128];	   /* why new connections are direct; "": they are not */
	char relay[DT_CONVERSION_NAME_LEN];
	struct dt_endpoint to; /* the converter; port 0: new connections are direct */
	struct dt_endpoint
		was[DT_CONVERSION_WAS]; /* those before; a connection that began there may be noticed later */
	uint64_t connections;
	struct dt_worth worth;
	struct dt_conversion_plain direct[DT_CONVERSION_DIRECT]; /* the latest */
	struct dt_worth_moved moved[DT_WORTH_KINDS];		 /* in the last second, while it is summed up */
	UT_hash_handle hh;
};

/* An address of a converter that connections were led to, by an earlier run or until its server was forgotten. */
struct dt_conversion_earlier {
	struct dt_endpoint at;
	struct dt_endpoint server;
	char relay[DT_CONVERSION_NAME_LEN];
};

struct dt_conversions {
	struct dt_conversion *all;
	struct dt_conversion_earlier *earlier;
	size_t nearlier; /* <= DT_CONVERSIONS_EARLIER_MAX */
	bool due;	 /* something changed: plan/convert has work before its next tick */
};

#endif
