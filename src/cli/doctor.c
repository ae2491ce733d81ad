/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor.h"

#include <jansson.h>
#include <stdio.h>

#include "base/bpf.h"
#include "cli/doctor/context.h"

/* In this order: what is found early explains what is found late. */
static void (*const both_checks[])(struct dt_doctor *d) = {
	dt_doctor_permission, dt_doctor_kernel, dt_doctor_config, dt_doctor_daemon, dt_doctor_rights, dt_doctor_network,
};
static void (*const client_checks[])(struct dt_doctor *d) = {
	dt_doctor_mptcp, dt_doctor_tunnel, dt_doctor_firewall, dt_doctor_legacy, dt_doctor_relays, dt_doctor_servers,
};
static void (*const relay_checks[])(struct dt_doctor *d) = {
	dt_doctor_nat, dt_doctor_ports, dt_doctor_tunnel, dt_doctor_firewall, dt_doctor_legacy, dt_doctor_requests,
};

#define RUN(checks, d)                                                  \
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) \
	checks[i](d)

static void examine(struct dt_doctor *d)
{
	dt_network_open(&d->network);
	RUN(both_checks, d);
	if (d->relay)
		RUN(relay_checks, d);
	else
		RUN(client_checks, d);
	dt_network_close(&d->network);
}

static void print_json(const struct dt_doctor *d)
{
	json_t *all = json_pack("{s:i, s:s, s:b, s:i, s:i, s:O}", "version", 1, "mode", d->relay ? "relay" : "client",
				"ok", d->found.count[DT_ERROR] == 0, "errors", (int)d->found.count[DT_ERROR],
				"warnings", (int)d->found.count[DT_WARNING], "checks", d->found.list);

	json_dumpf(all, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(all);
}

int dt_cli_doctor(const struct dt_options *options)
{
	struct dt_doctor d = {.relay = options->relay, .config_asked = options->config != NULL};
	int code;

	d.config_path = options->config	 ? options->config
			: options->relay ? DT_RELAY_CONFIG_PATH
					 : DT_CLIENT_CONFIG_PATH;
	dt_bpf_log_to_ours();
	dt_findings_init(&d.found);
	examine(&d);
	if (options->json)
		print_json(&d);
	else
		dt_findings_print(&d.found, stdout);
	code = d.found.count[DT_ERROR] ? 1 : 0;
	json_decref(d.status);
	if (d.client)
		dt_client_config_free(d.client);
	if (d.server)
		dt_relay_config_free(d.server);
	dt_findings_fini(&d.found);
	return code;
}
