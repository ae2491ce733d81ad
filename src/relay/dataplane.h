/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat.bpf and its pinned maps. The maps are the only copy of leases and flows: a start finds what the last run
 * left and goes on with it; the programs are replaced in place. What is written here is what maps.h says that
 * user space writes.
 */
#ifndef DETOURD_RELAY_DATAPLANE_H
#define DETOURD_RELAY_DATAPLANE_H

#include "relay/config.h"
#include "net/network.h"
#include "relay/policy.h"

struct dt_dataplane;

/*
 * Takes the pin directory (refused while another relay holds it), makes or finds the maps, loads the programs.
 * Nothing is attached yet. Logs why it failed: -EBUSY in use, -EPERM, -EOPNOTSUPP kernel, -EPROTO other layout.
 */
int dt_dataplane_open(struct dt_dataplane **out, const struct dt_relay_config *config);
/* Leaves maps, programs and filters as they are. May be NULL. */
void dt_dataplane_close(struct dt_dataplane *d);

/* On every interface but lo that glob names; what is attached already is replaced once per run. Logs failures. */
int dt_dataplane_attach(struct dt_dataplane *d, const struct dt_network *n, const char *glob);
/* Ranges, caps and time-outs of the configuration; and the word that a daemon is there. */
int dt_dataplane_configure(struct dt_dataplane *d, const struct dt_relay_config *config);
/* As BPF sees it now. */
const struct dt_nat_config *dt_dataplane_config(const struct dt_dataplane *d);
/* Depth of a bucket: 400 ms, so that TCP finds its rate, but 128 kB at least. */
uint64_t dt_rate_bucket_ns(uint64_t rate_bps);
/* The WireGuard interface; 0: none. */
int dt_dataplane_tunnel(struct dt_dataplane *d, uint32_t ifindex);
int dt_dataplane_alive(struct dt_dataplane *d, uint64_t now_ns);
/* The daemon stops for good: no new flow, while those that are go on. */
int dt_dataplane_rest(struct dt_dataplane *d);
/* Makes exactly these routes the ones that flows follow. */
int dt_dataplane_routes(struct dt_dataplane *d, const struct dt_network *n);
int dt_dataplane_policy(struct dt_dataplane *d, const struct dt_policy *p);
/* Prefixes that dt_dataplane_policy() can store; the map holds the old ones and the new for a moment. */
size_t dt_dataplane_policy_room(const struct dt_dataplane *d);
/* Adds a local NAT address. */
int dt_dataplane_address(struct dt_dataplane *d, const struct dt_ip *ip);
/* Removes those for which keep says no. */
void dt_dataplane_addresses_prune(struct dt_dataplane *d, bool (*keep)(const struct dt_ip *ip, void *data), void *data);
/* The next dt_dataplane_attach() puts every filter anew, should somebody have removed one. */
void dt_dataplane_attach_again(struct dt_dataplane *d);

enum dt_dataplane_map { DT_MAP_LEASES, DT_MAP_FLOWS, DT_MAP_CLIENTS, DT_MAP_USAGE, DT_MAP_ENDED };
int dt_dataplane_fd(const struct dt_dataplane *d, enum dt_dataplane_map map);
/* Sums over all CPUs. */
void dt_dataplane_counters(const struct dt_dataplane *d, uint64_t out[DT_NAT_COUNTERS]);
/* Name as in status. */
const char *dt_nat_counter_name(enum dt_nat_counter counter);

/* Removes filters of ours from every interface, pins and port reservation. 0 also when there was nothing. */
int dt_dataplane_flush(const char *pins);

#endif
