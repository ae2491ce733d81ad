/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat.bpf and its pinned maps. The maps are the only copy of leases and flows: a new run goes on with what the last one
 * left, and replaces the programs in place. User space writes only what maps.h says it writes.
 */
#ifndef DETOURD_RELAY_DATAPLANE_H
#define DETOURD_RELAY_DATAPLANE_H

#include "relay/config.h"
#include "net/network.h"
#include "relay/acl.h"

struct dt_dataplane;

/*
 * Locks the pin directory, makes or finds the maps, and loads the programs. Attaches nothing. Logs why it failed:
 * -EBUSY: another relay uses the directory; -EPERM; -EOPNOTSUPP: the kernel lacks something; -EPROTO: maps of another
 * version.
 */
int dt_dataplane_open(struct dt_dataplane **out, const struct dt_relay_config *config);
/* Leaves maps, programs and filters as they are. d may be NULL. */
void dt_dataplane_close(struct dt_dataplane *d);

/* Puts nat.bpf on the tunnels' device, and on every interface but lo that glob names: see dt_filters_attach(). */
int dt_dataplane_attach(struct dt_dataplane *d, const struct dt_network *n, const char *glob);
/* Had this interface the filter at the last dt_dataplane_attach()? */
bool dt_dataplane_guards(const struct dt_dataplane *d, uint32_t ifindex);
/*
 * Looks for other programs that see packets before the filters, on the interfaces of the last dt_dataplane_attach(). Logs
 * what changed. -ENOMEM, or the kernel's error: then nothing changed.
 */
int dt_dataplane_neighbours(struct dt_dataplane *d, struct dt_netlink *nl);
const struct dt_neighbours *dt_dataplane_neighbours_known(const struct dt_dataplane *d);
/* Port ranges, limits and time-outs of the configuration. Reserves the ports. */
int dt_dataplane_configure(struct dt_dataplane *d, const struct dt_relay_config *config);
/* Reserves the ports again if another program has overwritten that setting. Logs. */
int dt_dataplane_keep_ports(struct dt_dataplane *d);
/* As BPF sees it now; stays valid, and follows changes. */
const struct dt_nat_config *dt_dataplane_config(const struct dt_dataplane *d);
/* Depth of max-rate's bucket: 400 ms, so that TCP finds its rate, but at least 128 kB. */
uint64_t dt_rate_bucket_ns(uint64_t rate_bps);
/* The WireGuard interface; 0: none. */
int dt_dataplane_tunnel(struct dt_dataplane *d, uint32_t ifindex);
/* How long flows go on without the daemon. */
#define DT_DATAPLANE_ALONE_MIN 11
/* The daemon is there: flows may begin for another minute, and go on for another eleven. */
int dt_dataplane_alive(struct dt_dataplane *d, uint64_t now_ns);
/* From now on no flow begins, as if the daemon were gone; existing flows go on. */
int dt_dataplane_rest(struct dt_dataplane *d);
/* From now on flows follow exactly these routes. */
int dt_dataplane_routes(struct dt_dataplane *d, const struct dt_network *n);
/* Begins to replace the destinations that are permitted; "old" is what BPF has: see dt_acl_change_begin(). */
void dt_dataplane_acl_begin(const struct dt_dataplane *d, struct dt_acl_change *change, const struct dt_acl *old,
			    const struct dt_acl *fresh);
/* After a change that ended with DT_ACL_STORED: from now on flows follow what was stored, and these own addresses. */
int dt_dataplane_acl_switch(struct dt_dataplane *d, const struct dt_acl_own *own);
/* Deletes what is not valid: see dt_acl_prune_step(). */
int dt_dataplane_acl_prune(const struct dt_dataplane *d, struct dt_acl_prune *at, uint64_t until_ns);
/* Changes the relay's own addresses only: see dt_acl_own_replace(). */
int dt_dataplane_acl_own(struct dt_dataplane *d, struct dt_acl *acl, struct dt_acl_own *own, bool *added);
/* Prefixes for which there is room: half of the map, which holds the old ones and the new for a moment. */
size_t dt_dataplane_acl_room(const struct dt_dataplane *d);
/* Adds a local NAT address. */
int dt_dataplane_address(struct dt_dataplane *d, const struct dt_ip *ip);
/* Removes those for which keep says no. */
int dt_dataplane_addresses_prune(struct dt_dataplane *d, bool (*keep)(const struct dt_ip *ip, void *data), void *data);
/* The next dt_dataplane_attach() replaces every filter. */
void dt_dataplane_attach_again(struct dt_dataplane *d);

enum dt_dataplane_map {
	DT_MAP_LEASES,
	DT_MAP_CONVERTERS,
	DT_MAP_SYNS,
	DT_MAP_FLOWS,
	DT_MAP_CLIENTS,
	DT_MAP_SHARES,
	DT_MAP_USAGE,
	DT_MAP_ENDED
};
int dt_dataplane_fd(const struct dt_dataplane *d, enum dt_dataplane_map map);
/* The program of relay/rate_grant.h. */
int dt_dataplane_rate_fd(const struct dt_dataplane *d);
/* Of nat.bpf, see relay/nat_counters.h. -ENOMEM, or the map's error; then out is incomplete. */
int dt_dataplane_counters(const struct dt_dataplane *d, uint64_t out[DT_NAT_COUNTERS]);

/* Removes our filters from every interface, the pins, and the reservation of ports. 0 also if there was nothing. */
int dt_dataplane_flush(const char *pins);

#endif
