/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What WireGuard tunnels need, where the configuration wants some. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/doctor/context.h"
#include "cli/doctor/process.h"

static bool is_wanted(const struct dt_doctor *d)
{
	if (d->server)
		return d->server->wireguard_port != 0;
	for (size_t i = 0; d->client && i < d->client->nrelays; i++)
		if (d->client->relays[i].carrier != DT_CARRIER_NAT || d->client->relays[i].by_rule_tunnel)
			return true;
	return false;
}

/* Is there a program of this name in PATH? */
static bool has_program(const char *name)
{
	const char *at = getenv("PATH");
	char path[512];

	for (at = at ? at : "/usr/sbin:/usr/bin:/sbin:/bin"; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
		snprintf(path, sizeof(path), "%.*s/%s", (int)strcspn(at, ":"), at, name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

/* Built in, loaded, or a module that the kernel loads when a device is made. */
static bool kernel_has_it(void)
{
	const char *const dry_run[] = {"modprobe", "-n", "-q", "wireguard", NULL};
	int code;

	if (access("/sys/module/wireguard", F_OK) == 0)
		return true;
	free(dt_process_output(dry_run, false, &code));
	return code == 0;
}

void dt_doctor_tunnel(struct dt_doctor *d)
{
	if (!is_wanted(d))
		return;
	if (kernel_has_it()) {
		dt_finding_fine(&d->found, "wireguard", "the kernel has WireGuard");
		return;
	}
	if (!has_program("wireguard-go"))
		dt_finding_add(&d->found, DT_FIND_NO_WIREGUARD, NULL,
			       "the kernel has no WireGuard loaded, and there is no wireguard-go");
	else if (access("/dev/net/tun", F_OK) < 0)
		dt_finding_add(&d->found, DT_FIND_NO_TUN, NULL, "wireguard-go is there, but no /dev/net/tun");
	else
		dt_finding_fine(&d->found, "wireguard", "wireguard-go is there");
}
