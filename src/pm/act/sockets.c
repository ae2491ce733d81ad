/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/act/sockets.h"

#include <string.h>

#include "base/log.h"
#include "pm/conf/client_conf.h"
#include "pm/kernel/mptcpify.h"
#include "pm/store/pm.h"

/* Opened when first wanted, and never closed before the end: an open hook costs nothing. */
void dt_sockets_apply(struct dt_pm *pm)
{
	const struct dt_mptcp_conf *conf = &pm->config->mptcp;
	int err = 0;

	if (!pm->mptcpify && !conf->enable) {
		pm->mptcpify_err = 0;
		return;
	}
	if (!pm->mptcpify) {
		err = dt_mptcpify_open(&pm->mptcpify, pm->takeover.netns_cookie);
		if (err) {
			if (err != pm->mptcpify_err)
				dt_log_warn("[mptcp] has no effect: %s; %s", dt_mptcpify_problem(err),
					    DT_MPTCPIFY_INSTEAD);
			pm->mptcpify_err = err;
			return;
		}
		dt_log_info("chosen programs' new sockets become MPTCP");
	}
	err = dt_mptcpify_configure(pm->mptcpify, conf);
	if (err)
		dt_log_warn("[mptcp] has no effect: %s", strerror(-err));
	pm->mptcpify_err = err;
}
