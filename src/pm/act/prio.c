/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/act/prio.h"

#include <string.h>

#include "base/log.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/subflow.h"

void dt_subflow_log_refused(const struct dt_subflow *s, const char *what, int err)
{
	const struct dt_connection *c = s->connection;

	dt_log_debug("%s: %s (%s) via=%s connection=%llu", what, strerror(-err), c->pm->mptcp.commands.error,
		     dt_subflow_via(s), (unsigned long long)c->number);
}

static int prio_send(const struct dt_subflow *s, bool backup)
{
	struct dt_connection *c = s->connection;

	return dt_mptcp_prio(&c->pm->mptcp, c->token, &s->local, &s->remote, backup);
}

void dt_subflow_stir(const struct dt_subflow *s)
{
	int err;

	if (s->state != DT_SUBFLOW_ESTABLISHED)
		return;
	err = prio_send(s, s->backup);
	if (err)
		dt_subflow_log_refused(s, "cannot send MP_PRIO to test a subflow", err);
}

void dt_subflow_prefer(struct dt_subflow *s)
{
	bool backup = dt_connection_backup_due(s);
	int err;

	if (s->state != DT_SUBFLOW_ESTABLISHED || (s->backup == backup && !s->fading.tell))
		return;
	s->fading.tell = false;
	err = prio_send(s, backup);
	if (err)
		dt_subflow_log_refused(s, backup ? "cannot make a subflow backup" : "cannot make a subflow regular",
				       err);
	else
		s->backup = backup;
}

int dt_subflow_set_direct_backup(struct dt_connection *c, bool backup)
{
	int err = dt_mptcp_prio(&c->pm->mptcp, c->token, &c->local, &c->remote, backup);

	if (err == 0)
		c->direct_backup = backup;
	return err;
}
