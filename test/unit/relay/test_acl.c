/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Forbidden destinations, checked in both places: in the table in user space (when a lease is made or renewed), and in
 * BPF at the start of a flow, with a map filled from the same table.
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bpf/scene.h"
#include "relay/acl.h"

/* clang-format off */
static const char *const forbidden[] = {
	/* IPv4: this network, private, shared, loopback, link-local and metadata */
	"0.0.0.0", "0.1.2.3", "0.255.255.255", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
	"100.127.255.255", "127.0.0.1", "127.255.255.254", "169.254.0.1", "169.254.169.254", "169.254.170.2",
	"172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255", "168.63.129.16",
	/* protocol assignments, documentation, benchmarking, relays, multicast, reserved */
	"192.0.0.1", "192.0.0.170", "192.0.0.192", "192.0.2.7", "198.51.100.7", "203.0.113.7", "198.18.0.1",
	"198.19.255.255", "192.88.99.1", "192.31.196.1", "192.52.193.1", "192.175.48.1", "224.0.0.1", "232.1.1.1",
	"239.255.255.250", "240.0.0.1", "255.255.255.254", "255.255.255.255",
	/* IPv6: unspecified, loopback, encodings of IPv4 */
	"::", "::1", "::7f00:1", "::10.0.0.1", "::203.0.113.7", "::8.8.8.8", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8",
	"64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "64:ff9b:1:ffff::1",
	"2002:7f00:1::1", "2002:a00:1::1", "2002:808:808::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
	"2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff:ffff::1",
	/* v4-mapped: the same as IPv4 */
	"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:192.168.1.1", "::ffff:224.0.0.1",
	/* discard, documentation, segment routing, local, multicast */
	"100::1", "100:0:0:1::1", "2001:db8::1", "2001:db8:ffff::1", "3fff::1", "3fff:fff::1", "5f00::1", "fc00::1",
	"fd00:ec2::254", "fdff::1", "fe80::1", "febf::1", "fec0::1", "feff::1", "ff02::1", "ff0e::1", "2620:4f:8000::1",
	/* the relay's own: an interface's, its broadcast, the public address behind 1:1 NAT */
	"93.184.216.34", "93.184.216.63", "185.10.10.10", "2a01:4f8::1", "::ffff:93.184.216.34",
};
static const char *const own[] = {"93.184.216.34", "93.184.216.63", "185.10.10.10", "2a01:4f8::1"};

static const char *const open_[] = {
	"1.1.1.1",	 "8.8.8.8",	 "9.255.255.255", "11.0.0.0",	"100.63.255.255", "100.128.0.0", "126.255.255.255",
	"128.0.0.1",	 "169.253.1.1",	 "172.15.255.255", "172.32.0.0", "192.167.1.1",	  "192.169.0.0", "198.17.255.255",
	"198.20.0.0",	 "223.255.255.255", "93.184.216.35", "2a01:4f8::2", "2606:4700::1111", "2001:200::1", "2003::1",
	"2620:4f:8001::1", "::ffff:8.8.8.8",
};

/* clang-format on */
static struct dt_acl table(void)
{
	struct dt_acl p = {0};

	cr_assert_eq(dt_acl_add_builtin(&p), 0);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		struct dt_ip ip;

		dt_ip_parse(&ip, own[i]);
		cr_assert_eq(dt_acl_own_add(&p.own, &ip), 0);
	}
	return p;
}

Test(acl, forbidden_targets)
{
	struct dt_acl p = table();
	size_t count = sizeof(forbidden) / sizeof(forbidden[0]);
	struct dt_ip ip;

	cr_assert_geq(count, 60);
	for (size_t i = 0; i < count; i++) {
		cr_assert_eq(dt_ip_parse(&ip, forbidden[i]), 0, "%s", forbidden[i]);
		cr_assert(!dt_acl_permits(&p, 1, &ip), "%s is permitted", forbidden[i]);
	}
	for (size_t i = 0; i < sizeof(open_) / sizeof(open_[0]); i++) {
		dt_ip_parse(&ip, open_[i]);
		cr_assert(dt_acl_permits(&p, 1, &ip), "%s is forbidden", open_[i]);
	}
	dt_acl_fini(&p);
}

static int syn_to(struct scene *s, const struct dt_ip *server)
{
	unsigned family = dt_ip_family(server);
	struct packet_spec spec = {
		family, scene_client(family), scene_relay(family), SCENE_SPORT, SCENE_DPT, SYN, OPT_JOIN_SYN, 1400, 64,
		0};
	struct dt_lease_key key = {.dpt_be16 = htons(SCENE_DPT)};
	struct dt_lease lease = {.client_id = SCENE_CLIENT_ID,
				 .expires_ns = dt_now_ns() + DT_SEC,
				 .server = *server,
				 .rpt_be16 = htons(SCENE_RPT)};
	uint8_t frame[2048];
	size_t len = packet_build(&spec, frame);

	dt_ip_parse(&key.client, spec.src);
	dt_ip_parse(&key.relay, spec.dst);
	bpf_map_update_elem(bpf_map__fd(s->skel->maps.leases), &key, &lease, BPF_ANY);
	return scene_run(s, frame, &len, 0, 0);
}

Test(acl, forbidden_targets_at_flow_start, .timeout = 60)
{
	struct dt_acl p = table();
	struct scene s;
	struct dt_ip ip;

	if (geteuid() != 0)
		cr_skip_test("loading BPF needs root");
	cr_assert_eq(scene_open(&s), 0);
	cr_assert_eq(dt_acl_store(&p, bpf_map__fd(s.skel->maps.policy), s.config.policy_generation), 0);
	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		dt_ip_parse(&ip, forbidden[i]);
		cr_assert_eq(syn_to(&s, &ip), TC_ACT_SHOT, "%s", forbidden[i]);
		cr_assert_eq(scene_counter(&s, DT_NAT_DROP_DESTINATION), i + 1, "%s", forbidden[i]);
	}
	for (size_t i = 0; i < sizeof(open_) / sizeof(open_[0]); i++) {
		scene_reset(&s);
		cr_assert_eq(dt_acl_store(&p, bpf_map__fd(s.skel->maps.policy), s.config.policy_generation), 0);
		dt_ip_parse(&ip, open_[i]);
		cr_assert_eq(syn_to(&s, &ip), TC_ACT_REDIRECT, "%s", open_[i]);
	}
	dt_acl_fini(&p);
	scene_close(&s);
}

static struct dt_acl policy_of(const char *const *rules)
{
	struct dt_acl p = table();

	for (; *rules; rules += 3) {
		struct dt_prefix prefix;

		cr_assert_eq(dt_prefix_parse(&prefix, rules[2]), 0);
		dt_acl_add(&p, rules[0][0] == 'c' ? SCENE_CLIENT_ID : 0,
			   rules[1][0] == 'a' ? DT_POLICY_ALLOW : DT_POLICY_DENY, &prefix);
	}
	return p;
}

/* The relay's lists, then the client's; in user space and, from the same table, in BPF. */
Test(acl, lists, .timeout = 60)
{
	static const struct {
		const char *rules[10];
		const char *target;
		bool permitted;
	} rows[] = {
		{{"relay", "allow", "10.0.5.0/24"}, "10.0.5.7", true},
		{{"relay", "allow", "10.0.5.0/24"}, "10.0.6.7", false},
		{{"relay", "allow", "10.0.0.0/8", "relay", "deny", "10.0.5.0/24"}, "10.0.5.7", false},
		{{"relay", "allow", "10.0.5.7", "relay", "deny", "10.0.5.0/24"}, "10.0.5.7", false},
		{{"relay", "deny", "8.8.8.0/24"}, "8.8.8.8", false},
		{{"relay", "deny", "0.0.0.0/0"}, "2606:4700::1111", true},
		{{"relay", "deny", "::/0"}, "8.8.8.8", true},
		{{"relay", "allow", "::/0"}, "10.0.0.1", false},
		{{"relay", "allow", "0.0.0.0/0"}, "10.0.0.1", true},
		{{"client", "allow", "8.8.8.0/24"}, "8.8.8.8", true},
		{{"client", "allow", "8.8.8.0/24"}, "1.1.1.1", false},
		{{"client", "allow", "8.8.8.0/24"}, "2606:4700::1111", false},
		{{"client", "allow", "10.0.0.0/8"}, "10.0.0.1", false},
		{{"client", "deny", "8.8.8.0/24"}, "8.8.8.8", false},
		{{"client", "allow", "8.8.0.0/16", "client", "deny", "8.8.8.0/24"}, "8.8.8.8", false},
		{{"relay", "allow", "10.0.5.0/24", "client", "deny", "10.0.5.0/24"}, "10.0.5.7", false},
		{{"relay", "allow", "93.184.216.34"}, "93.184.216.34", true},
	};
	struct scene s;
	uint32_t generation = 10;

	if (geteuid() != 0)
		cr_skip_test("loading BPF needs root");
	cr_assert_eq(scene_open(&s), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_acl p = policy_of(rows[i].rules);
		struct dt_ip ip;

		dt_ip_parse(&ip, rows[i].target);
		cr_assert_eq(dt_acl_permits(&p, SCENE_CLIENT_ID, &ip), rows[i].permitted, "row %zu", i);
		scene_reset(&s);
		s.config.policy_generation = ++generation;
		scene_config_store(&s);
		cr_assert_eq(dt_acl_store(&p, bpf_map__fd(s.skel->maps.policy), generation), 0);
		cr_assert_eq(syn_to(&s, &ip), rows[i].permitted ? TC_ACT_REDIRECT : TC_ACT_SHOT, "row %zu in BPF", i);
		dt_acl_fini(&p);
	}
	scene_close(&s);
}

/* Which line denies it, and which would open it. */
Test(acl, explained)
{
	static const struct {
		const char *rules[10];
		const char *target, *words;
	} rows[] = {
		{{NULL}, "8.8.8.8", "it is permitted"},
		{{NULL}, "10.0.5.7", "10.0.0.0/8 (private) is denied by default; allow = 10.0.5.7 in [relay] opens it"},
		{{NULL},
		 "fd00::7",
		 "fc00::/7 (unique local, cloud metadata) is denied by default; allow = fd00::7 in [relay] opens it"},
		{{NULL},
		 "93.184.216.34",
		 "it is this relay's own address, denied by default; allow = 93.184.216.34 in [relay] opens it"},
		{{"relay", "allow", "10.0.0.0/8", "relay", "deny", "10.0.5.0/24"},
		 "10.0.5.7",
		 "deny = 10.0.5.0/24 in [relay]"},
		{{"client", "deny", "8.8.0.0/16"}, "8.8.8.8", "deny = 8.8.0.0/16 in [client laptop]"},
		{{"client", "allow", "9.9.9.9"},
		 "8.8.8.8",
		 "it is not in the allow list of [client laptop]; allow = 8.8.8.8 there opens it"},
		{{"client", "allow", "10.0.0.0/8"},
		 "10.0.0.1",
		 "10.0.0.0/8 (private) is denied by default; allow = 10.0.0.1 in [relay] opens it"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct dt_acl p = policy_of(rows[i].rules);
		struct dt_ip ip;
		char words[160];

		dt_ip_parse(&ip, rows[i].target);
		dt_acl_explain(&p, SCENE_CLIENT_ID, "laptop", &ip, words, sizeof(words));
		cr_expect_str_eq(words, rows[i].words, "row %zu: %s", i, words);
		dt_acl_fini(&p);
	}
}

static void own_expect(struct scene *s, const struct dt_acl *p, const char *text, bool permitted)
{
	struct dt_policy_key key = {.prefixlen = DT_POLICY_PREFIX_BASE + 128,
				    .generation = s->config.policy_generation,
				    .kind = DT_POLICY_BUILTIN,
				    .family = 4};
	uint32_t value;

	dt_ip_parse(&key.ip, text);
	cr_assert_eq(dt_acl_permits(p, SCENE_CLIENT_ID, &key.ip), permitted, "%s", text);
	cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.policy), &key, &value), permitted ? -ENOENT : 0,
		     "%s in BPF", text);
}

/* An address of the relay goes and another comes; nothing else is stored anew. */
Test(acl, own_addresses_change, .timeout = 60)
{
	static const char *const fresh[] = {"185.10.10.10", "8.8.8.8", "1.1.1.1", "8.8.8.8", "10.1.2.3", "fe80::1"};
	struct dt_acl p = table();
	struct dt_acl_own now = {0};
	struct scene s;
	struct dt_ip ip;
	bool added;

	if (geteuid() != 0)
		cr_skip_test("loading BPF needs root");
	cr_assert_eq(scene_open(&s), 0);
	cr_assert_eq(dt_acl_store(&p, bpf_map__fd(s.skel->maps.policy), s.config.policy_generation), 0);
	for (size_t i = 0; i < sizeof(fresh) / sizeof(fresh[0]); i++) {
		dt_ip_parse(&ip, fresh[i]);
		cr_assert_eq(dt_acl_own_add(&now, &ip), 0);
	}
	cr_assert_eq(now.count, 3, "each once, and none that a built-in range covers");
	own_expect(&s, &p, "93.184.216.34", false);
	cr_assert_eq(dt_acl_own_replace(&p, &now, bpf_map__fd(s.skel->maps.policy), s.config.policy_generation, &added),
		     0);
	cr_assert(added);
	own_expect(&s, &p, "93.184.216.34", true);
	own_expect(&s, &p, "185.10.10.10", false);
	own_expect(&s, &p, "8.8.8.8", false);
	own_expect(&s, &p, "10.1.2.3", false);
	cr_assert_eq(dt_acl_own_replace(&p, &now, bpf_map__fd(s.skel->maps.policy), s.config.policy_generation, &added),
		     0);
	cr_assert(!added, "none is new");
	own_expect(&s, &p, "8.8.8.8", true);
	dt_acl_fini(&p);
	scene_close(&s);
}

/* How many entries a client has under a generation. */
static unsigned entries_under(const struct scene *s, uint64_t client_id, uint32_t generation)
{
	int fd = bpf_map__fd(s->skel->maps.policy);
	struct dt_policy_key key, *last = NULL;
	unsigned count = 0;

	while (bpf_map_get_next_key(fd, last, &key) == 0) {
		count += key.client_id == client_id && key.generation == generation;
		last = &key;
	}
	return count;
}

static unsigned entries_of(const struct scene *s, uint64_t client_id)
{
	return entries_under(s, client_id, s->config.policy_generation);
}

static void client_lists(struct dt_acl *p, uint64_t client_id, const char *text)
{
	struct dt_prefix prefix;

	cr_assert_eq(dt_prefix_parse(&prefix, text), 0);
	cr_assert_eq(dt_acl_add(p, client_id, DT_POLICY_ALLOW, &prefix), 0);
}

/* Makes "fresh" of "old" in the map; how it ended, and in how many steps of one entry. */
static enum dt_acl_phase change(const struct scene *s, const struct dt_acl *old, const struct dt_acl *fresh,
				unsigned *steps)
{
	struct dt_acl_change c;
	int more = 1;

	dt_acl_change_begin(&c, old, fresh, bpf_map__fd(s->skel->maps.policy), s->config.policy_generation);
	for (*steps = 0; more == 1; ++*steps)
		more = dt_acl_change_step(&c, 0);
	cr_assert_eq(more, 0);
	return c.phase;
}

/* Clients come and go without another generation; other lists of one that stays need one. */
Test(acl, clients_come_and_go, .timeout = 60)
{
	struct dt_acl old = table(), fresh = table(), other = table();
	struct dt_acl_prune prune = {0};
	uint32_t generation;
	struct scene s;
	unsigned steps;
	int fd;

	if (geteuid() != 0)
		cr_skip_test("loading BPF needs root");
	cr_assert_eq(scene_open(&s), 0);
	fd = bpf_map__fd(s.skel->maps.policy);
	generation = s.config.policy_generation;
	client_lists(&old, 7, "192.0.2.0/24");
	client_lists(&old, 8, "192.0.2.0/24");
	cr_assert_eq(dt_acl_store(&old, fd, generation), 0);
	cr_assert_eq(entries_of(&s, 7), 2, "the prefix, and that there is a list");
	client_lists(&fresh, 8, "192.0.2.0/24");
	client_lists(&fresh, 9, "192.0.2.0/25");
	cr_assert_eq(change(&s, &old, &fresh, &steps), DT_ACL_IN_PLACE);
	cr_assert_eq(entries_of(&s, 7), 0);
	cr_assert_eq(entries_of(&s, 8), 2);
	cr_assert_eq(entries_of(&s, 9), 2);
	client_lists(&other, 8, "192.0.2.128/25");
	cr_assert_eq(change(&s, &fresh, &other, &steps), DT_ACL_STORED);
	cr_assert_eq(entries_of(&s, 9), 2, "what is valid was not changed");
	cr_assert_eq(entries_of(&s, 8), 2);
	cr_assert_eq(entries_under(&s, 8, generation + 1), 2);
	cr_assert_eq(entries_under(&s, 9, generation + 1), 0);
	cr_assert_eq(entries_under(&s, 0, generation + 1), other.relay.count, "all but the own addresses");
	/* what is not valid goes */
	for (steps = 0; dt_acl_prune_step(&prune, fd, generation, 0) > 0; steps++)
		;
	cr_assert_eq(entries_under(&s, 8, generation + 1), 0);
	cr_assert_eq(entries_under(&s, 0, generation + 1), 0);
	cr_assert_eq(entries_of(&s, 9), 2);
	cr_assert_geq(steps, 2 * other.relay.count, "one entry a step");
	dt_acl_fini(&other);
	client_lists(&other, 8, "192.0.2.0/24");
	cr_assert_eq(change(&s, &fresh, &other, &steps), DT_ACL_STORED, "the relay's lists differ");
	dt_acl_fini(&old);
	dt_acl_fini(&fresh);
	dt_acl_fini(&other);
	scene_close(&s);
}

/* However many entries there are, a step with no time left handles one. */
Test(acl, a_change_is_in_steps, .timeout = 60)
{
	struct dt_acl old = table(), fresh = table(), other = table();
	struct scene s;
	unsigned steps;

	if (geteuid() != 0)
		cr_skip_test("loading BPF needs root");
	cr_assert_eq(scene_open(&s), 0);
	cr_assert_eq(dt_acl_store(&old, bpf_map__fd(s.skel->maps.policy), s.config.policy_generation), 0);
	for (unsigned i = 0; i < 100; i++)
		client_lists(&fresh, 1 + i / 50, "192.0.2.0/24");
	cr_assert_eq(change(&s, &old, &fresh, &steps), DT_ACL_IN_PLACE);
	cr_assert_geq(steps, 102, "of two clients");
	cr_assert_leq(steps, 102 + 2 + 4, "and a look at each, and the phases");
	client_lists(&other, 1, "192.0.2.0/24");
	cr_assert_eq(change(&s, &fresh, &other, &steps), DT_ACL_STORED);
	cr_assert_geq(steps, other.relay.count + 2);
	dt_acl_fini(&old);
	dt_acl_fini(&fresh);
	dt_acl_fini(&other);
	scene_close(&s);
}
