/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor/context.h"

const char *dt_doctor_unit(const struct dt_doctor *d)
{
	return d->relay ? "detourd-relay" : "detourd";
}

const char *dt_doctor_control(const struct dt_doctor *d)
{
	if (d->relay)
		return d->server ? d->server->control : DT_RELAY_CONTROL_PATH;
	return d->client ? d->client->control : DT_CLIENT_CONTROL_PATH;
}
