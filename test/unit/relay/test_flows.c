/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table's user-space half over real BPF maps, and what it does when the kernel refuses to read or write one.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "relay/flows.h"

#define CLIENT 7

static struct dt_nat_config config = {.half_open_ns = 10 * DT_SEC, .idle_ns = 1000 * DT_SEC, .closing_ns = 20 * DT_SEC};
static struct dt_flow_maps maps = {.config = &config};
static struct dt_flows *flows;
static bool reads_fail;
static int writes_fail_fd; /* 0: none */

/* The unit tests are linked with these two wrapped (CMakeLists.txt). */
int __real_bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
				const struct bpf_map_batch_opts *opts);
int __wrap_bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
				const struct bpf_map_batch_opts *opts);
int __real_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);
int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags);

int __wrap_bpf_map_lookup_batch(int fd, void *in, void *out, void *keys, void *values, __u32 *count,
				const struct bpf_map_batch_opts *opts)
{
	return reads_fail ? -EIO : __real_bpf_map_lookup_batch(fd, in, out, keys, values, count, opts);
}

int __wrap_bpf_map_update_elem(int fd, const void *key, const void *value, __u64 flags)
{
	return fd == writes_fail_fd ? -E2BIG : __real_bpf_map_update_elem(fd, key, value, flags);
}

static int map_new(const char *name, unsigned key_size, unsigned value_size)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, name, key_size, value_size, 5000, NULL);

	cr_assert_geq(fd, 0);
	return fd;
}

static void init(void)
{
	if (geteuid() != 0)
		cr_skip_test("BPF maps need root");
	maps.flows_fd = map_new("flows", sizeof(struct dt_flow_key), sizeof(struct dt_flow));
	maps.usage_fd = map_new("usage", sizeof(uint64_t), sizeof(struct dt_client_usage));
	maps.ended_fd = map_new("ended", sizeof(uint64_t), sizeof(struct dt_client_ended));
	cr_assert_eq(dt_flows_new(&flows, &maps), 0);
	cr_assert_eq(dt_flows_client_add(flows, CLIENT), 0);
}

static void fini(void)
{
	reads_fail = false;
	writes_fail_fd = 0;
	dt_flows_free(flows);
	close(maps.flows_fd);
	close(maps.usage_fd);
	close(maps.ended_fd);
}
TestSuite(flows, .init = init, .fini = fini);

/* An established flow of CLIENT from this port, of 1000 bytes each way. */
static void flow_begin(uint16_t port)
{
	struct dt_endpoint client, relay, source, server;
	struct dt_flow_key up_key = {0}, down_key = {0};
	struct dt_flow up = {.client_id = CLIENT, .state = DT_FLOW_ESTABLISHED, .bytes = 1000, .seen_ns = DT_SEC};
	struct dt_client_usage usage;
	uint64_t counted[] = {0, CLIENT};

	dt_endpoint_parse(&client, "192.0.2.1:1");
	dt_endpoint_parse(&relay, "198.51.100.1:50000");
	dt_endpoint_parse(&source, "198.51.100.1:40000");
	dt_endpoint_parse(&server, "203.0.113.1:443");
	up_key = (struct dt_flow_key){
		.src = client.ip, .dst = relay.ip, .sport_be16 = htons(port), .dport_be16 = htons(50000)};
	down_key = (struct dt_flow_key){
		.src = server.ip, .dst = source.ip, .sport_be16 = htons(443), .dport_be16 = htons(port)};
	up.dir = DT_DIR_UP;
	up.new_src = source.ip;
	up.new_dst = server.ip;
	up.new_sport_be16 = htons(port);
	up.new_dport_be16 = htons(443);
	cr_assert_eq(bpf_map_update_elem(maps.flows_fd, &up_key, &up, BPF_NOEXIST), 0);
	up.dir = DT_DIR_DOWN;
	up.new_src = relay.ip;
	up.new_dst = client.ip;
	up.new_sport_be16 = htons(50000);
	cr_assert_eq(bpf_map_update_elem(maps.flows_fd, &down_key, &up, BPF_NOEXIST), 0);
	for (int i = 0; i < 2; i++) {
		cr_assert_eq(bpf_map_lookup_elem(maps.usage_fd, &counted[i], &usage), 0);
		usage.started++;
		usage.established++;
		cr_assert_eq(bpf_map_update_elem(maps.usage_fd, &counted[i], &usage, BPF_ANY), 0);
	}
}

static const char *all_doomed(const struct dt_flow_view *view, void *data)
{
	return "test";
}

static struct dt_flow_totals totals_of(uint64_t client_id)
{
	struct dt_flow_totals totals;

	cr_assert_eq(dt_flows_totals(flows, client_id, &totals), 0);
	return totals;
}

static int sample(void)
{
	int more;

	dt_flows_sample_begin(flows);
	do
		more = dt_flows_sample_step(flows, DT_SEC);
	while (more > 0);
	return more;
}

static int sweep(uint64_t now_ns, dt_flow_doomed_fn doomed)
{
	int more;

	dt_flows_sweep_begin(flows, now_ns, doomed, NULL);
	do
		more = dt_flows_sweep_step(flows, DT_SEC);
	while (more > 0);
	return more;
}

Test(flows, how_many_are_open_is_known_only_after_a_complete_sweep)
{
	uint64_t open;

	flow_begin(1000);
	cr_assert(!dt_flows_open(flows, &open), "no sweep yet");
	cr_assert_eq(sweep(2 * DT_SEC, NULL), 0);
	cr_assert(dt_flows_open(flows, &open));
	cr_assert_eq(open, 1);

	flow_begin(1001);
	reads_fail = true;
	cr_assert_eq(sweep(3 * DT_SEC, NULL), -EIO);
	cr_assert(!dt_flows_open(flows, &open), "nobody may take a relay for drained now");
	cr_assert_eq(open, 1, "the last known number");
	cr_assert_eq(sample(), -EIO);

	reads_fail = false;
	cr_assert_eq(sweep(4 * DT_SEC, NULL), 0);
	cr_assert(dt_flows_open(flows, &open));
	cr_assert_eq(open, 2);
}

Test(flows, a_sweep_in_steps_ends_all_the_doomed)
{
	int more, steps = 0;
	uint64_t open;

	for (uint16_t port = 1000; port < 2500; port++)
		flow_begin(port);
	cr_assert_eq(dt_flows_sweep_step(flows, DT_SEC), 0, "none has begun");
	dt_flows_sweep_begin(flows, 2 * DT_SEC, NULL, NULL);
	while ((more = dt_flows_sweep_step(flows, 0)) > 0) {
		steps++;
		cr_assert(!dt_flows_open(flows, &open), "it is not over");
	}
	cr_assert_eq(more, 0);
	cr_assert_geq(steps, 2);
	cr_assert(dt_flows_open(flows, &open));
	cr_assert_eq(open, 1500);

	dt_flows_sweep_begin(flows, 3 * DT_SEC, all_doomed, NULL);
	while ((more = dt_flows_sweep_step(flows, 0)) > 0)
		;
	cr_assert_eq(more, 0);
	cr_assert_eq(dt_flows_sweep_doomed(flows), 1500);
	cr_assert_eq(totals_of(CLIENT).flows, 0);
	dt_flows_sweep_begin(flows, 4 * DT_SEC, NULL, NULL);
	reads_fail = true;
	cr_assert_eq(dt_flows_sweep_step(flows, 0), -EIO);
	cr_assert_eq(dt_flows_sweep_step(flows, 0), 0, "it is over");
}

Test(flows, a_sample_in_steps_counts_each_flow_once)
{
	int steps = 1;

	for (uint16_t port = 1000; port < 2500; port++)
		flow_begin(port);
	dt_flows_sample_begin(flows);
	cr_assert_eq(dt_flows_sample_step(flows, 0), 1, "there is more");
	cr_assert_eq(totals_of(CLIENT).bytes_up, 0, "numbers of the last one until it is over");
	dt_flows_sweep_begin(flows, 2 * DT_SEC, all_doomed, NULL);
	cr_assert_eq(dt_flows_sweep_step(flows, DT_SEC), 1);
	cr_assert_eq(dt_flows_sweep_doomed(flows), 0, "the sweep rests");
	while (dt_flows_sample_step(flows, 0) > 0)
		steps++;
	cr_assert_geq(steps, 2);
	cr_assert_eq(totals_of(CLIENT).bytes_up, 1500000);

	while (dt_flows_sweep_step(flows, 0) > 0)
		;
	cr_assert_eq(dt_flows_sweep_doomed(flows), 1500);
	cr_assert_eq(totals_of(CLIENT).bytes_up, 1500000, "ended or open, each is counted once");
	cr_assert_eq(sample(), 0);
	cr_assert_eq(totals_of(CLIENT).bytes_up, 1500000);

	dt_flows_sample_begin(flows);
	dt_flows_sample_cancel(flows);
	dt_flows_sweep_begin(flows, 3 * DT_SEC, NULL, NULL);
	cr_assert_eq(dt_flows_sweep_step(flows, DT_SEC), 0, "nothing keeps it");
}

Test(flows, a_sample_after_a_sweep_begins_anew)
{
	for (uint16_t port = 1000; port < 2500; port++)
		flow_begin(port);
	dt_flows_sample_begin(flows);
	cr_assert_eq(dt_flows_sample_step(flows, 0), 1);
	dt_flows_sample_cancel(flows);
	cr_assert_eq(sweep(2 * DT_SEC, all_doomed), 0);
	cr_assert_eq(sample(), 0);
	cr_assert_eq(totals_of(CLIENT).bytes_up, 1500000);
	cr_assert_eq(totals_of(0).bytes_down, 1500000);
}

Test(flows, what_could_not_be_counted_is_counted_by_the_next_sweep)
{
	struct dt_client_ended ended;
	uint64_t id = CLIENT;

	flow_begin(1000);
	writes_fail_fd = maps.ended_fd;
	cr_assert_eq(sweep(2 * DT_SEC, all_doomed), -E2BIG);
	cr_assert_eq(dt_flows_sweep_doomed(flows), 1);
	cr_assert_eq(bpf_map_lookup_elem(maps.ended_fd, &id, &ended), 0);
	cr_assert_eq(ended.flows, 0, "BPF still counts it");
	writes_fail_fd = 0;
	cr_assert_eq(sweep(3 * DT_SEC, NULL), 0);
	cr_assert_eq(bpf_map_lookup_elem(maps.ended_fd, &id, &ended), 0);
	cr_assert_eq(ended.flows, 1);
	cr_assert_eq(ended.bytes_up, 1000);
	cr_assert_eq(totals_of(CLIENT).flows, 0);
}

static bool nobody(uint64_t client_id, void *data)
{
	return false;
}

Test(flows, a_client_is_forgotten_once_it_has_no_flow)
{
	struct dt_flow_totals totals;

	flow_begin(1000);
	cr_assert_eq(dt_flows_prune(flows, nobody, NULL), 0);
	cr_assert_eq(totals_of(CLIENT).flows, 1, "it has one");
	cr_assert_eq(sweep(2 * DT_SEC, all_doomed), 0);
	cr_assert_eq(dt_flows_prune(flows, nobody, NULL), 0);
	cr_assert_eq(dt_flows_totals(flows, CLIENT, &totals), -ENOENT);
	cr_assert_eq(sample(), 0);
	cr_assert_eq(totals_of(0).bytes_up, 1000, "the relay's own totals stay");
}

Test(flows, a_new_run_counts_anew)
{
	flow_begin(1000);
	flow_begin(1001);
	dt_flows_free(flows);
	reads_fail = true;
	cr_assert_eq(dt_flows_new(&flows, &maps), -EIO, "no start with wrong numbers");
	reads_fail = false;
	cr_assert_eq(dt_flows_new(&flows, &maps), 0);
	cr_assert_eq(totals_of(CLIENT).flows, 2);
	cr_assert_eq(sample(), 0);
	cr_assert_eq(totals_of(CLIENT).bytes_up, 2000);
	cr_assert_eq(totals_of(CLIENT).bytes_down, 2000);
}
