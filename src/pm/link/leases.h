/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leases, one per link and server: requested, renewed, released. */
#ifndef DETOURD_PM_LINK_LEASES_H
#define DETOURD_PM_LINK_LEASES_H

#include <stdbool.h>
#include <stdint.h>

struct dt_endpoint;
struct dt_client_link_event;
struct dt_pm;
struct dt_pm_lease;
struct dt_relay_link;

/* The lease for this server; requested if there is none. Owned by the link. NULL: out of memory. */
struct dt_pm_lease *dt_pm_lease_get(struct dt_relay_link *link, const struct dt_endpoint *server, uint64_t now_ns);
/* The same for connections that end at the relay, which goes on to this server. It is kept while it is asked for. */
struct dt_pm_lease *dt_pm_lease_get_converter(struct dt_relay_link *link, const struct dt_endpoint *server,
					      uint64_t now_ns);
void dt_pm_lease_answered(struct dt_pm_lease *lease, const struct dt_client_link_event *event, uint64_t now_ns);
/* A join under this lease failed: asks whether the relay still has it. */
void dt_pm_lease_verify(struct dt_pm_lease *lease, uint64_t now_ns);
/* Renews, requests again and frees leases that are due, on all links. Called every second. */
void dt_pm_leases_tick(struct dt_pm *pm, uint64_t now_ns);
/* The relay is up or was restarted: renews READY leases, requests the others at once. */
void dt_pm_leases_refresh(struct dt_relay_link *link, uint64_t now_ns);
/* Frees the leases; the subflows under them live on without. With tell, releases them at the relay. */
void dt_pm_leases_drop(struct dt_relay_link *link, bool tell, uint64_t now_ns);

#endif
