/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What store/conversion.h keeps of servers whose connections are converted. */
#ifndef DETOURD_PM_STORE_CONVERTED_H
#define DETOURD_PM_STORE_CONVERTED_H

#include "base/addr.h"
#include "base/hash.h"

#define DT_CONVERSIONS_MAX 256 /* the one that was used longest ago makes room */
#define DT_CONVERSION_NAME_LEN 64

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
	struct dt_endpoint to;	   /* the converter; port 0: new connections are direct */
	struct dt_endpoint was[4]; /* those before; a connection that began there may be noticed later */
	uint64_t connections;
	UT_hash_handle hh;
};

struct dt_conversions {
	struct dt_conversion *all;
	bool due; /* something changed: plan/convert has work before its next tick */
};

#endif
