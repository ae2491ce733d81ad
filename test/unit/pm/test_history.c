/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "pm/decide/history.h"

static const uint8_t key_a[DT_KEY_LEN] = {1}, key_b[DT_KEY_LEN] = {2};

static struct dt_ip ip(const char *text)
{
	struct dt_ip out;

	cr_assert(dt_ip_parse(&out, text) == 0);
	return out;
}

Test(history, has_one_entry_for_each_prefix_and_relay)
{
	struct dt_history *h = dt_history_new();
	struct dt_ip near = ip("203.0.113.1"), neighbour = ip("203.0.113.200"), far = ip("203.0.114.1");
	struct dt_ip six = ip("2001:db8:1:2::3"), six_neighbour = ip("2001:db8:1:ff::1"), six_far = ip("2001:db8:2::");

	dt_history_note(h, &near, key_a, DT_WAY_DOWN, 10e6, 10, 1000);
	dt_history_note(h, &six, key_a, DT_WAY_DOWN, 5e6, 10, 1000);
	cr_assert(dt_history_get(h, &neighbour, key_a, DT_WAY_DOWN).mean_bps == 10e6);
	cr_assert(dt_history_get(h, &far, key_a, DT_WAY_DOWN).last_s == 0);
	cr_assert(dt_history_get(h, &near, key_b, DT_WAY_DOWN).last_s == 0);
	cr_assert(dt_history_get(h, &six_neighbour, key_a, DT_WAY_DOWN).mean_bps == 5e6);
	cr_assert(dt_history_get(h, &six_far, key_a, DT_WAY_DOWN).last_s == 0);
	dt_history_failed(h, &near, key_a, 1100);
	cr_assert(dt_history_get(h, &near, key_a, DT_WAY_DOWN).last_bps == 0 &&
		  dt_history_get(h, &near, key_a, DT_WAY_DOWN).mean_bps == 10e6);
	dt_history_free(h);
}

Test(history, knows_until_when_a_measured_relay_is_backup)
{
	struct dt_history *h = dt_history_new();
	struct dt_gain verdict = {.backups = 2, .backup_until_s = 1500, .backup_bps = 3e6};
	struct dt_ip server = ip("203.0.113.1");

	dt_history_note_backup(h, &server, key_a, DT_WAY_DOWN, &verdict);
	cr_assert(dt_history_count(h) == 0, "never measured, so there is no entry");
	dt_history_note(h, &server, key_a, DT_WAY_DOWN, 1e6, 1, 1000);
	dt_history_note_backup(h, &server, key_a, DT_WAY_DOWN, &verdict);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_DOWN).backups == 2);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_DOWN).backup_until_s == 1500);
	dt_history_free(h);
}

Test(history, is_bounded_and_ages)
{
	struct dt_history *h = dt_history_new();

	for (uint32_t i = 0; i < DT_HISTORY_MAX + 100; i++) {
		struct dt_ip server = dt_ip_from_v4(htonl(i << 8));

		dt_history_note(h, &server, key_a, DT_WAY_DOWN, 1e6, 1, 1000 + i);
	}
	cr_assert(dt_history_count(h) == DT_HISTORY_MAX);
	cr_assert(dt_history_get(h, &(struct dt_ip){.b = {[10] = 0xff, [11] = 0xff}}, key_a, DT_WAY_DOWN).last_s == 0,
		  "the oldest was removed");
	dt_history_note(h, &(struct dt_ip){.b = {[0] = 0x20}}, key_a, DT_WAY_DOWN, 1e6, 1,
			1000 + DT_HISTORY_AGE_S + 2 * DT_HISTORY_MAX);
	cr_assert(dt_history_count(h) == 2, "for this destination, and for any");
	dt_history_free(h);
}

Test(history, is_the_same_after_format_and_parse)
{
	struct dt_history *h = dt_history_new(), *again = dt_history_new();
	struct dt_ip server = ip("203.0.113.1"), six = ip("2001:db8:1:2::3");
	struct dt_gain was, is;
	unsigned line;
	char *text, *text_again;

	cr_assert(sodium_init() >= 0);
	dt_history_note(h, &server, key_a, DT_WAY_DOWN, 12345678, 30, 1000);
	dt_history_note(h, &six, key_b, DT_WAY_DOWN, 1e6, 3, 1001);
	dt_history_failed(h, &six, key_a, 1002);
	text = dt_history_format(h);
	cr_assert(dt_history_parse(again, text, 1003, &line) == 0);
	text_again = dt_history_format(again);
	cr_assert_str_eq(text, text_again);
	was = dt_history_get(h, &server, key_a, DT_WAY_DOWN);
	is = dt_history_get(again, &server, key_a, DT_WAY_DOWN);
	cr_assert(was.mean_bps == is.mean_bps && was.weight_s == is.weight_s && was.last_s == is.last_s);
	free(text);
	free(text_again);
	dt_history_free(h);
	dt_history_free(again);
}

Test(history, takes_nothing_from_a_damaged_file)
{
	struct dt_history *h = dt_history_new();
	struct dt_ip server = ip("203.0.113.1");
	unsigned line;
	char *text;

	cr_assert(sodium_init() >= 0);
	dt_history_note(h, &server, key_a, DT_WAY_DOWN, 1e6, 3, 1000);
	dt_history_note(h, &server, key_b, DT_WAY_DOWN, 1e6, 3, 1000);
	dt_history_note_payoff(h, &server, key_a, DT_WAY_DOWN, &(struct dt_payoff_sample){0.5, 0.1}, 1, 1000);
	text = dt_history_format(h);
	dt_history_free(h);
	for (size_t len = 0; len < strlen(text); len++) { /* cut off anywhere */
		char *cut = strndup(text, len);

		h = dt_history_new();
		cr_assert(dt_history_parse(h, cut, 1000, &line) == -EINVAL, "cut at %zu", len);
		cr_assert(dt_history_count(h) == 0 && dt_ledger_count(dt_history_ledger(h)) == 0);
		dt_history_free(h);
		free(cut);
	}
	h = dt_history_new();
	text[strlen("detourd-history 3\n")] = 'x';
	cr_assert(dt_history_parse(h, text, 1000, &line) == -EINVAL && line == 2);
	dt_history_free(h);
	free(text);
}

Test(history, keeps_the_two_directions_apart)
{
	struct dt_history *h = dt_history_new();
	struct dt_ip server = ip("203.0.113.1"), other = ip("198.51.100.1");
	struct dt_gain verdict = {.backups = 1, .backup_until_s = 1500};

	dt_history_note(h, &server, key_a, DT_WAY_DOWN, 40e6, 10, 1000);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_UP).last_s == 0);
	dt_history_note(h, &server, key_a, DT_WAY_UP, 5e6, 10, 1000);
	dt_history_note_backup(h, &server, key_a, DT_WAY_UP, &verdict);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_DOWN).backup_until_s == 0);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_UP).backup_until_s == 1500);
	/* what the relay carried is known for other destinations, too */
	cr_assert(dt_history_get(h, &other, key_a, DT_WAY_UP).last_s == 0);
	cr_assert(dt_history_elsewhere(h, key_a, DT_WAY_UP).mean_bps == 5e6);
	dt_history_failed(h, &server, key_a, 1100);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_DOWN).last_bps == 0);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_UP).last_bps == 0);
	dt_history_free(h);
}

Test(history, keeps_a_verdict_on_a_direct_path_that_was_never_measured_alone)
{
	static const uint8_t no_relay[DT_KEY_LEN];
	struct dt_history *h = dt_history_new();
	struct dt_ip server = ip("203.0.113.1");
	struct dt_gain verdict = {.last_s = 1000, .backups = 1, .backup_until_s = 1030};

	dt_history_note_backup(h, &server, no_relay, DT_WAY_DOWN, &verdict);
	cr_assert(dt_history_get(h, &server, no_relay, DT_WAY_DOWN).backup_until_s == 1030);
	dt_history_free(h);
}

Test(history, reads_a_file_without_directions)
{
	static const char text[] = "detourd-history 1\n"
				   "203.0.113.0 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= 1000000 900000 30 1000\n"
				   "end 1\n";
	struct dt_history *h = dt_history_new();
	struct dt_ip server = ip("203.0.113.1");
	unsigned line;

	cr_assert(sodium_init() >= 0);
	cr_assert(dt_history_parse(h, text, 1000, &line) == 0, "line %u", line);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_DOWN).mean_bps == 1e6);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_UP).last_bps == 9e5);
	dt_history_free(h);
}

struct gains {
	unsigned count;
	struct dt_payoff payoff;
	struct dt_prefix prefix;
};

static void gain_see(const struct dt_prefix *prefix, enum dt_way way, const struct dt_payoff *payoff, void *data)
{
	struct gains *gains = data;

	cr_assert(way == DT_WAY_UP);
	gains->count++;
	gains->payoff = *payoff;
	gains->prefix = *prefix;
}

Test(history, keeps_the_gain_of_destinations_and_relays)
{
	struct dt_payoff_sample sample = {0.8, 0.1};
	static const uint8_t no_relay[DT_KEY_LEN];
	struct dt_history *h = dt_history_new();
	struct dt_ip near = ip("203.0.113.1");
	struct gains gains = {0};
	char text[DT_PREFIX_STRLEN], *file;

	dt_history_note_payoff(h, &near, no_relay, DT_WAY_UP, &sample, 1, 1000);
	dt_history_note_payoff(h, &near, key_a, DT_WAY_UP, &sample, 0.5, 1000);
	cr_assert(dt_history_elsewhere(h, key_a, DT_WAY_UP).payoff.gain == 0.4);
	cr_assert(dt_history_elsewhere(h, no_relay, DT_WAY_UP).payoff.gain == 0.8);
	cr_assert(dt_history_get(h, &near, key_a, DT_WAY_UP).last_s == 0, "that is no measurement of the relay alone");
	cr_assert(dt_history_get(h, &near, key_a, DT_WAY_DOWN).payoff.count == 0);
	dt_history_payoffs(h, gain_see, &gains);
	cr_assert(gains.count == 1 && gains.payoff.gain == 0.8, "the destination, neither relays nor all of it");
	cr_assert_str_eq(dt_prefix_format(&gains.prefix, text), "203.0.113.0/24");
	file = dt_history_format(h);
	cr_assert(file);
	free(file);
	dt_history_free(h);
}

Test(history, keeps_the_gain_in_the_file)
{
	struct dt_payoff_sample sample = {0.8, 0.1}, harm = {-0.25, 0.05};
	struct dt_history *h = dt_history_new(), *again = dt_history_new();
	struct dt_ip near = ip("203.0.113.1");
	struct dt_payoff was, is;
	char *file, *file_again;
	unsigned line;

	cr_assert(sodium_init() >= 0);
	dt_history_note_payoff(h, &near, key_a, DT_WAY_UP, &sample, 0.5, 1000);
	dt_history_note_payoff(h, &near, key_a, DT_WAY_UP, &harm, 1, 8000);
	file = dt_history_format(h);
	cr_assert(dt_history_parse(again, file, 9000, &line) == 0, "line %u of\n%s", line, file);
	was = dt_history_get(h, &near, key_a, DT_WAY_UP).payoff;
	is = dt_history_get(again, &near, key_a, DT_WAY_UP).payoff;
	cr_assert(is.count == 2 && is.last_s == 8000 && fabs(was.gain - is.gain) < 1e-5);
	cr_assert(fabs(dt_payoff_error(&was) - dt_payoff_error(&is)) < 1e-3);
	cr_assert(dt_ledger_count(dt_history_ledger(again)) == 2);
	file_again = dt_history_format(again);
	cr_assert_str_eq(file, file_again);
	free(file);
	free(file_again);
	dt_history_free(h);
	dt_history_free(again);
}

Test(history, reads_a_file_without_gains)
{
	static const char text[] =
		"detourd-history 2\n"
		"203.0.113.0 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= up 1000000 900000 30 1000\n"
		"end 1\n";
	struct dt_history *h = dt_history_new();
	struct dt_ip server = ip("203.0.113.1");
	unsigned line;

	cr_assert(sodium_init() >= 0);
	cr_assert(dt_history_parse(h, text, 1000, &line) == 0, "line %u", line);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_UP).last_bps == 9e5);
	cr_assert(dt_history_get(h, &server, key_a, DT_WAY_UP).payoff.count == 0);
	dt_history_free(h);
}

Test(history, refuses_versions_and_records_that_are_none)
{
	static const char *const texts[] = {
		"detourd-history 4\nend 0\n",
		"detourd-history 0\nend 0\n",
		"detourd-history 33\nend 0\n",
		/* of half an hour; without measurements; of more than a line */
		"detourd-history 3\ngain 3600 1800 203.0.113.0 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= up 1 1 1 1 "
		"1\nend 1\n",
		"detourd-history 3\ngain 3600 3600 203.0.113.0 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= up 0 1 1 1 "
		"1\nend 1\n",
		"detourd-history 3\ngain 3600 3600 203.0.113.0 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= up 1 1 1 1 "
		"1 1\nend 1\n",
		"detourd-history 2\ngain 3600 3600 203.0.113.0 AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= up 1 1 1 1 "
		"1\nend 1\n",
	};
	unsigned line;

	cr_assert(sodium_init() >= 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct dt_history *h = dt_history_new();

		cr_assert(dt_history_parse(h, texts[i], 1000, &line) == -EINVAL, "%s", texts[i]);
		cr_assert(dt_ledger_count(dt_history_ledger(h)) == 0);
		dt_history_free(h);
	}
}
