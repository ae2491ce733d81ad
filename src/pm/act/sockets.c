/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/act/sockets.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "pm/conf/client_conf.h"
#include "pm/kernel/convert.h"
#include "pm/kernel/mptcpify.h"
#include "pm/store/pm.h"

/* Does the configuration have any connection converted? */
static bool conversion_is_wanted(const struct dt_client_config *config)
{
	bool wanted = config->convert != DT_CONVERT_NO;

	for (size_t i = 0; i < config->nrules; i++)
		wanted = wanted || config->rules[i].convert > DT_CONVERT_NO;
	return wanted;
}

void dt_sockets_convert_apply(struct dt_pm *pm)
{
	int err;

	if (pm->convert || !conversion_is_wanted(pm->config)) {
		pm->convert_err = 0;
		return;
	}
	err = pm->cgroup_fd < 0 ? -ENODEV : dt_convert_open(&pm->convert, pm->takeover.netns_cookie, pm->cgroup_fd);
	if (err && err != pm->convert_err)
		dt_log_warn("convert has no effect: %s", dt_convert_problem(err));
	pm->convert_err = err;
	for (size_t i = 0; err == 0 && i < pm->conversions.nearlier; i++)
		err = dt_convert_earlier(pm->convert, &pm->conversions.earlier[i].at,
					 &pm->conversions.earlier[i].server);
	if (err && !pm->convert_err)
		dt_log_warn("programs see the relay as the peer of some older connections: %s", strerror(-err));
}

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
