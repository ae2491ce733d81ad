/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat.bpf in a scene of its own: unpinned maps, one client with one lease for each family, and one source port, so that
 * the outcome of every packet is known. Used by the tests and by bench/nat_ns.c.
 */
#ifndef TEST_BPF_SCENE_H
#define TEST_BPF_SCENE_H

#include "base/addr.h"
#include "bpf/packet.h"
#include "nat.skel.h"

#define SCENE_CLIENT_ID 0x1122334455667788ULL
#define SCENE_DPT 50000
#define SCENE_SOURCE 40000
#define SCENE_RPT 443
#define SCENE_SPORT 51515

struct scene {
	struct nat_bpf *skel;
	struct dt_nat_config config;
	struct dt_client_limits limits;
};

/* Needs root. 0 or negative errno. */
int scene_open(struct scene *s);
void scene_close(struct scene *s);
/* Sets everything back to the start. */
void scene_reset(struct scene *s);

const char *scene_client(unsigned family);
const char *scene_relay(unsigned family);
const char *scene_server(unsigned family);

void scene_config_store(struct scene *s);
void scene_limits_store(struct scene *s);
void scene_lease_put(struct scene *s, unsigned family, uint64_t expires_ns);
/* Instead of the lease: a converter's, for this client. */
void scene_converter_put(struct scene *s, unsigned family, uint64_t expires_ns, bool other_client);
/* Its lease has ended a short while ago. */
void scene_converter_close(struct scene *s, unsigned family);
void scene_lease_delete(struct scene *s, unsigned family);
void scene_policy_put(struct scene *s, uint64_t client_id, unsigned kind, const char *prefix);
void scene_route_put(struct scene *s, const char *prefix, uint32_t oif);
void scene_routes_clear(struct scene *s);
/* Refills the bucket that limits the relay's own ICMP errors. */
void scene_icmp_refill(struct scene *s);
/* Makes all flows this much older. */
void scene_flows_age(struct scene *s, uint64_t ns);
/* Entries in the map "flows", two for each flow. */
unsigned scene_entries(const struct scene *s);
uint64_t scene_counter(const struct scene *s, unsigned counter);
/* The first entry of this direction; false: there is none. */
bool scene_flow(const struct scene *s, unsigned dir, struct dt_flow *out);

/*
 * Runs nat_l2 on a frame. What comes out is in frame (2048 bytes), its length in *len. gso_size 0: not an aggregate.
 * Returns the verdict (TC_ACT_*), or -1000 plus a negative errno.
 */
int scene_run(struct scene *s, uint8_t *frame, size_t *len, uint32_t gso_size, uint32_t gso_segs);

#endif
