/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The lease table over a real BPF map. */
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "relay/lease_table.h"

static int map_fd;
static struct dt_lease_table *leases;
static const struct dt_port_range ports = {50000, 50009};

static void init(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	if (geteuid() != 0)
		cr_skip_test("BPF maps need root");
	map_fd = bpf_map_create(BPF_MAP_TYPE_HASH, "leases", sizeof(struct dt_lease_key), sizeof(struct dt_lease), 1000,
				&opts);
	cr_assert_geq(map_fd, 0);
	cr_assert_eq(dt_lease_table_new(&leases, map_fd, 100, ports), 0);
}

static void fini(void)
{
	dt_lease_table_free(leases);
	close(map_fd);
}
TestSuite(leases, .init = init, .fini = fini);

static struct dt_lease_entry entry(uint64_t client, const char *from, const char *server)
{
	struct dt_lease_entry e = {.client_id = client, .expires_ns = 1000 * DT_SEC, .created_ns = 1 * DT_SEC};

	dt_ip_parse(&e.client, from);
	dt_ip_parse(&e.relay, "198.51.100.18");
	dt_endpoint_parse(&e.server, server);
	return e;
}

static unsigned in_map(void)
{
	struct dt_lease_key key, next;
	bool more = bpf_map_get_next_key(map_fd, NULL, &next) == 0;
	unsigned count = 0;

	while (more) {
		count++;
		key = next;
		more = bpf_map_get_next_key(map_fd, &key, &next) == 0;
	}
	return count;
}

Test(leases, making_one_twice_is_one)
{
	struct dt_lease_entry a = entry(1, "192.0.2.2", "203.0.113.2:443"), b = a;

	cr_assert_eq(dt_lease_table_make(leases, &a, 10), 0);
	b.expires_ns = 2000 * DT_SEC;
	cr_assert_eq(dt_lease_table_make(leases, &b, 10), 0);
	cr_assert_eq(a.dpt, b.dpt);
	cr_assert_eq(dt_lease_table_count(leases), 1);
	cr_assert_eq(in_map(), 1);
	cr_assert_eq(dt_lease_table_expire(leases, 1500 * DT_SEC) > 0, true);
	cr_assert_eq(dt_lease_table_count(leases), 1, "it was extended");
}

Test(leases, ports_run_out_and_are_never_shared)
{
	bool taken[10] = {false};

	for (int i = 0; i < 10; i++) {
		struct dt_lease_entry e = entry((uint64_t)(i % 2 + 1), "192.0.2.2", "203.0.113.2:443");

		e.server.port = (uint16_t)(100 + i);
		cr_assert_eq(dt_lease_table_make(leases, &e, 100), 0);
		cr_assert(dt_port_range_contains(&ports, e.dpt));
		cr_assert(!taken[e.dpt - 50000], "two clients behind one address share a port");
		taken[e.dpt - 50000] = true;
	}
	struct dt_lease_entry e = entry(3, "192.0.2.2", "203.0.113.9:443");
	cr_assert_eq(dt_lease_table_make(leases, &e, 100), -EADDRNOTAVAIL);
	e = entry(3, "192.0.2.3", "203.0.113.9:443");
	cr_assert_eq(dt_lease_table_make(leases, &e, 100), 0, "another address has ports of its own");
}

Test(leases, a_reserved_port_is_nobodys)
{
	struct dt_lease_entry e = entry(1, "192.0.2.2", "203.0.113.2:443");

	for (uint16_t port = 50000; port < 50009; port++)
		dt_lease_table_reserve(leases, port, true);
	cr_assert_eq(dt_lease_table_make(leases, &e, 10), 0);
	cr_assert_eq(e.dpt, 50009);
	cr_assert(!dt_lease_table_port_is_free(leases, 50009), "a lease has it");
	cr_assert(!dt_lease_table_port_is_free(leases, 50000), "it is reserved");
	dt_lease_table_reserve(leases, 50000, false);
	cr_assert(dt_lease_table_port_is_free(leases, 50000));
	cr_assert_eq(dt_lease_table_release(leases, &e), 0);
	cr_assert(dt_lease_table_port_is_free(leases, 50009));
}

Test(leases, quotas)
{
	struct dt_lease_entry a = entry(1, "192.0.2.2", "203.0.113.2:443"),
			      b = entry(1, "192.0.2.2", "203.0.113.3:443");

	cr_assert_eq(dt_lease_table_make(leases, &a, 1), 0);
	cr_assert_eq(dt_lease_table_make(leases, &b, 1), -EDQUOT);
	cr_assert_eq(dt_lease_table_make(leases, &a, 1), 0, "its own lease again does not count twice");
	b.client_id = 2;
	cr_assert_eq(dt_lease_table_make(leases, &b, 1), 0);
	cr_assert_eq(dt_lease_table_count_client(leases, 1), 1);
	dt_lease_table_configure(leases, 2, ports);
	struct dt_lease_entry c = entry(3, "192.0.2.4", "203.0.113.3:443");
	cr_assert_eq(dt_lease_table_make(leases, &c, 5), -EDQUOT, "the relay's own limit");
}

Test(leases, renewal_and_release)
{
	struct dt_lease_entry a = entry(1, "192.0.2.2", "203.0.113.2:443"), b, stranger;

	cr_assert_eq(dt_lease_table_make(leases, &a, 10), 0);
	b = a;
	b.expires_ns = 3000 * DT_SEC;
	cr_assert_eq(dt_lease_table_renew(leases, &b, 10), 0);
	stranger = a;
	stranger.client_id = 2;
	cr_assert_eq(dt_lease_table_renew(leases, &stranger, 10), -ENOENT, "another client's");
	cr_assert_eq(dt_lease_table_release(leases, &stranger), -ENOENT);
	/* the lease follows its client to another address */
	dt_ip_parse(&b.client, "192.0.2.77");
	cr_assert_eq(dt_lease_table_renew(leases, &b, 10), 0);
	cr_assert_eq(in_map(), 1, "the old entry is gone");
	cr_assert_eq(dt_lease_table_release(leases, &b), 0);
	cr_assert_eq(in_map(), 0);
	cr_assert_eq(dt_lease_table_renew(leases, &b, 10), -ENOENT);
}

Test(leases, expiry)
{
	for (int i = 0; i < 5; i++) {
		struct dt_lease_entry e = entry(1, "192.0.2.2", "203.0.113.2:443");

		e.server.port = (uint16_t)(i + 1);
		e.expires_ns = (uint64_t)(i + 1) * 10 * DT_SEC;
		cr_assert_eq(dt_lease_table_make(leases, &e, 10), 0);
	}
	dt_lease_table_expire(leases, 35 * DT_SEC);
	cr_assert_eq(dt_lease_table_count(leases), 2);
	cr_assert_eq(in_map(), 2);
	dt_lease_table_expire(leases, 51 * DT_SEC);
	cr_assert_eq(in_map(), 0);
}

Test(leases, a_new_process_finds_them)
{
	struct dt_lease_entry a = entry(1, "192.0.2.2", "203.0.113.2:443"), b = a;

	cr_assert_eq(dt_lease_table_make(leases, &a, 10), 0);
	dt_lease_table_free(leases);
	cr_assert_eq(dt_lease_table_new(&leases, map_fd, 100, ports), 0);
	cr_assert_eq(dt_lease_table_count_client(leases, 1), 1);
	cr_assert_eq(dt_lease_table_make(leases, &b, 10), 0);
	cr_assert_eq(b.dpt, a.dpt, "the same port as before");
	/* leases on ports that a new configuration does not have are ended */
	cr_assert_eq(dt_lease_table_configure(leases, 100, (struct dt_port_range){51000, 51010}), 1);
	cr_assert_eq(in_map(), 0);
}

Test(leases, a_smaller_quota_takes_effect_by_renewals)
{
	struct dt_lease_entry a = entry(1, "192.0.2.2", "203.0.113.2:443"),
			      b = entry(1, "192.0.2.2", "203.0.113.2:444");

	cr_assert_eq(dt_lease_table_make(leases, &a, 2), 0);
	cr_assert_eq(dt_lease_table_make(leases, &b, 2), 0);
	cr_assert_eq(dt_lease_table_renew(leases, &a, 1), -EDQUOT);
	cr_assert_eq(dt_lease_table_count(leases), 1);
	cr_assert_eq(in_map(), 1);
	cr_assert_eq(dt_lease_table_renew(leases, &b, 1), 0, "now the quota is kept");
	cr_assert_eq(dt_lease_table_make(leases, &b, 0), -EDQUOT,
		     "asking for an existing lease does not avoid the quota");
	cr_assert_eq(dt_lease_table_count(leases), 0);
}

Test(leases, round_trip_time_to_the_server)
{
	struct dt_lease_entry e = entry(1, "192.0.2.2", "203.0.113.2:443"), moved;
	struct dt_endpoint relay;

	cr_assert_eq(dt_lease_table_make(leases, &e, 10), 0);
	cr_assert_eq(e.rtt_us, 0, "not known yet");
	relay = (struct dt_endpoint){e.relay, e.dpt};
	dt_lease_table_note_rtt(leases, &e.client, &relay, 50000);
	dt_lease_table_note_rtt(leases, &e.client, &relay, 20000);
	cr_assert_eq(dt_lease_table_renew(leases, &e, 10), 0);
	cr_assert_eq(e.rtt_us, 20000, "the shortest");
	dt_lease_table_note_rtt(leases, &e.client, &relay, 1020000);
	cr_assert_eq(dt_lease_table_renew(leases, &e, 10), 0);
	cr_assert_eq(e.rtt_us, 145000, "a longer one counts little");
	moved = e;
	dt_ip_parse(&moved.client, "192.0.2.3");
	cr_assert_eq(dt_lease_table_renew(leases, &moved, 10), 0);
	cr_assert_eq(moved.rtt_us, 145000, "it moves with the lease");
	relay.port = 1;
	dt_lease_table_note_rtt(leases, &moved.client, &relay, 10); /* no such lease */
}

Test(leases, joins_that_the_server_refused)
{
	struct dt_lease_entry e = entry(1, "192.0.2.2", "203.0.113.2:443");
	struct dt_endpoint relay;

	cr_assert_eq(dt_lease_table_make(leases, &e, 10), 0);
	relay = (struct dt_endpoint){e.relay, e.dpt};
	dt_lease_table_note_reset(leases, &e.client, &relay);
	dt_lease_table_note_reset(leases, &e.client, &relay);
	cr_assert_eq(dt_lease_table_renew(leases, &e, 10), 0);
	cr_assert_eq(e.resets, 2);
	dt_ip_parse(&e.client, "192.0.2.3");
	cr_assert_eq(dt_lease_table_renew(leases, &e, 10), 0);
	cr_assert_eq(e.resets, 2, "they move with the lease");
	relay.port = 1;
	dt_lease_table_note_reset(leases, &e.client, &relay); /* no such lease */
}

static bool is_even(const struct dt_lease_entry *e, void *data)
{
	++*(unsigned *)data;
	return e->server.port % 2 == 0;
}

/* One lease a step. The one that is next is released in between, and another is made. */
Test(leases, a_check_is_in_steps)
{
	struct dt_lease_entry e[7];
	unsigned seen = 0, steps = 1;
	size_t removed = 0;

	for (int i = 0; i < 7; i++) {
		e[i] = entry(1, "192.0.2.2", "203.0.113.2:443");
		e[i].server.port = (uint16_t)(i + 1);
		if (i < 6)
			cr_assert_eq(dt_lease_table_make(leases, &e[i], 10), 0);
	}
	dt_lease_table_check_begin(leases);
	cr_assert(dt_lease_table_check_step(leases, is_even, &seen, 0, &removed));
	cr_assert_eq(seen, 1);
	cr_assert_eq(dt_lease_table_release(leases, &e[1]), 0);
	cr_assert_eq(dt_lease_table_make(leases, &e[6], 10), 0);
	while (dt_lease_table_check_step(leases, is_even, &seen, 0, &removed))
		steps++;
	cr_assert_eq(seen, 6, "all but the one that was released");
	cr_assert_eq(steps, 5);
	cr_assert_eq(removed, 2, "4 and 6");
	cr_assert_eq(in_map(), 4);
	cr_assert(!dt_lease_table_check_step(leases, is_even, &seen, 0, &removed), "it is over");
	cr_assert_eq(seen, 6);
}
