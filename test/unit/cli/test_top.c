/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `top` without a terminal and without a clock: what is known, what keys do, and what is on a screen of any size. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "cli/top/frame.h"
#include "cli/top/keys.h"
#include "cli/top/model.h"
#include "cli/quoted.h"

#define UNKNOWN "'gain':{'known':false,'text':'unknown'}"

/* --- series ------------------------------------------------------------------------------------ */

static void is_drawn(const struct dt_series *s, size_t columns, double highest, bool ascii, const char *expected)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	dt_series_print(s, columns, highest, ascii, to);
	fclose(to);
	cr_assert_str_eq(text, expected);
	free(text);
}

Test(top, sparklines_have_eight_heights_and_gaps)
{
	struct dt_series s = {.count = 0};

	is_drawn(&s, 3, 8, false, "   ");
	for (int i = 0; i <= 8; i++)
		dt_series_add(&s, i);
	is_drawn(&s, 10, 8, false, " ▁▂▃▄▅▆▇██");
	is_drawn(&s, 9, 8, true, "_.:-=+*##");
	dt_series_add(&s, -1);
	dt_series_add(&s, 4);
	is_drawn(&s, 3, 8, true, "# =");
	cr_assert(dt_series_highest(&s, 2) == 4);
	cr_assert(dt_series_highest(&s, 5) == 8);
	is_drawn(&s, 2, 0, true, " _");
}

Test(top, a_series_forgets_the_oldest)
{
	struct dt_series s = {.count = 0};

	for (int i = 0; i < 3 * DT_SERIES_SAMPLES; i++)
		dt_series_add(&s, i < 2 * DT_SERIES_SAMPLES ? 1e9 : 1);
	cr_assert(s.count == DT_SERIES_SAMPLES);
	cr_assert(dt_series_highest(&s, DT_SERIES_SAMPLES) == 1);
}

/* --- a daemon, told ------------------------------------------------------------------------------ */

static json_t *status(int scale)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "{'mode':'client','uptime_s':100,'total':{'connections':3,'moving':2,'receive_bps':%d,'send_bps':0,"
		 "'detours_share':0.6," UNKNOWN "},'relays':[{'name':'fra','state':'up','rtt_us':25000,"
		 "'receive_bps':%d,'send_bps':0,'share':0.6," UNKNOWN "},{'name':'nyc','state':'down'," UNKNOWN "}],"
		 "'connections':["
		 "{'id':1,'program':'curl','uid':4000000000,'remote':'203.0.113.7:443','receive_bps':%d,'send_bps':0,"
		 "'age_s':7,'why':''," UNKNOWN ",'subflows':[{'via':'direct','carrier':'direct','state':'established',"
		 "'share':0.4,'receive_bps':%d,'send_bps':0},{'via':'fra','carrier':'nat','state':'established',"
		 "'share':0.6,'receive_bps':%d,'send_bps':0}]},"
		 "{'id':2,'program':'rsync','remote':'203.0.113.8:22','receive_bps':0,'send_bps':5,'age_s':9,'why':'',"
		 "'subflows':[{'via':'direct','carrier':'direct','state':'established','share':1}]},"
		 "{'id':3,'program':'e\\u001b[31mvil','remote':'203.0.113.9:80','receive_bps':0,'send_bps':0,"
		 "'why':'','subflows':[]}]}",
		 100 * scale, 60 * scale, 100 * scale, 40 * scale, 60 * scale);
	return parsed(text);
}

static struct dt_top_view view(void)
{
	struct dt_options options = {.command = 0};
	struct dt_top_view v = {.typing = false};

	cr_assert(dt_choose_parse(&v.choose, &options, stderr) == 0);
	return v;
}

static struct dt_top_model model(void)
{
	struct dt_top_model m;

	dt_top_model_init(&m);
	dt_top_model_answer(&m, status(1), 1000);
	return m;
}

/* The screen as text; every line is within its columns, there are as many lines as rows, and nothing is a control. */
static char *screen_of(const struct dt_top_model *m, struct dt_top_view *v, size_t columns, size_t rows,
		       uint64_t now_ms)
{
	struct dt_screen screen = {.columns = columns, .rows = rows};
	struct dt_top_frame frame = dt_top_frame_make(m, v, &screen, now_ms);
	size_t lines = 0;

	for (char *at = frame.text; *at; lines++) {
		size_t len = strcspn(at, "\n");
		char *line = strndup(at, len);

		cr_assert(dt_text_width(line) <= columns, "%zu columns: %s", columns, line);
		for (char *c = line; *c; c++)
			cr_assert((unsigned char)*c >= 0x20 && *c != 0x7f, "%s", line);
		free(line);
		at += len + (at[len] == '\n');
	}
	cr_assert(lines == rows, "%zu lines on %zu rows:\n%s", lines, rows, frame.text);
	cr_assert(frame.selected == SIZE_MAX || frame.selected < rows);
	return frame.text;
}

static void has(const struct dt_top_model *m, struct dt_top_view *v, size_t columns, size_t rows, uint64_t now_ms,
		const char *text)
{
	char *screen = screen_of(m, v, columns, rows, now_ms);

	cr_assert(strstr(screen, text), "\"%s\" is not in:\n%s", text, screen);
	free(screen);
}

static void lacks(const struct dt_top_model *m, struct dt_top_view *v, size_t columns, size_t rows, uint64_t now_ms,
		  const char *text)
{
	char *screen = screen_of(m, v, columns, rows, now_ms);

	cr_assert(!strstr(screen, text), "\"%s\" is in:\n%s", text, screen);
	free(screen);
}

Test(top, shows_totals_paths_connections_and_events)
{
	struct dt_top_model m = model();
	struct dt_top_view v = view();

	dt_top_model_answer(&m, status(2), 2000);
	dt_top_model_event(&m, parsed("{'time':'2026-11-29T10:00:00.000Z','level':'info','event':'decision','id':1,"
				      "'remote':'203.0.113.7:443','relay':'fra','detail':'pays: 16 with'}"));
	has(&m, &v, 120, 30, 2000, "3 connections, 2 moving; gain unknown");
	has(&m, &v, 120, 30, 2000, "down   200 bit/s ");
	has(&m, &v, 120, 30, 2000, "▅█");
	has(&m, &v, 120, 30, 2000, "fra     up      25.0 ms    120 bit/s");
	has(&m, &v, 120, 30, 2000, "direct                      80 bit/s      0 bit/s   40 %");
	has(&m, &v, 120, 30, 2000, "nyc     down");
	has(&m, &v, 120, 30, 2000, "203.0.113.7:443");
	has(&m, &v, 120, 30, 2000, "direct 40 %, fra 60 %; gain unknown");
	has(&m, &v, 120, 30, 2000, "e?[31mvil");
	has(&m, &v, 120, 30, 2000, "decision 1 203.0.113.7:443 fra: pays: 16 with");
	dt_top_model_fini(&m);
}

Test(top, fits_any_screen)
{
	struct dt_top_model m = model(), none;
	struct dt_top_view v = view();

	dt_top_model_init(&none);
	for (size_t columns = 10; columns < 220; columns += columns < 30 ? 1 : 17)
		for (size_t rows = 1; rows < 60; rows += rows < 20 ? 1 : 7)
			for (int what = 0; what < 8; what++) {
				v.help = what == 1;
				v.detail = what == 2 ? 1 : what == 3 ? 99 : 0;
				v.typing = what == 4;
				v.ascii = what == 5;
				free(screen_of(what == 6 ? &none : &m, &v, columns, rows, 5000));
			}
	has(&m, &v, 20, 10, 1000, "PROGRAM         DOWN");
	dt_top_model_fini(&none);
	dt_top_model_fini(&m);
}

Test(top, a_terminal_without_utf8_gets_ascii)
{
	struct dt_top_model m = model();
	struct dt_top_view v = view();
	char *screen;

	dt_top_model_event(&m, parsed("{'event':'decision','detail':'h\u00e4 \u6f22 \u00b1 8'}"));
	v.ascii = true;
	has(&m, &v, 80, 24, 1000, "h? ?? ~ 8");
	screen = screen_of(&m, &v, 40, 24, 1000);
	for (char *c = screen; *c; c++)
		cr_assert((unsigned char)*c < 0x80, "%s", screen);
	free(screen);
	dt_top_model_fini(&m);
}

Test(top, a_dead_daemon_leaves_a_gap)
{
	struct dt_top_model m = model();
	struct dt_top_view v = view();

	dt_top_model_problem(&m, "cannot connect\033[2J");
	has(&m, &v, 80, 24, 8000, "no answer for 7 s, trying again: cannot connect?[2J");
	has(&m, &v, 80, 24, 8000, "203.0.113.7");
	dt_top_model_answer(&m, status(1), 9000);
	lacks(&m, &v, 80, 24, 9000, "no answer");
	has(&m, &v, 80, 24, 9000, "█ █");
	dt_top_model_fini(&m);
	dt_top_model_init(&m);
	has(&m, &v, 80, 24, 0, "asking the daemon");
	dt_top_model_problem(&m, "cannot connect to /run/detourd/client.sock: No such file; is detourd running?");
	has(&m, &v, 60, 24, 9000, "running?\n"); /* not cut */
	dt_top_model_problem(&m, "no such file");
	has(&m, &v, 80, 24, 9000, "no answer, trying again: no such file");
	dt_top_model_fini(&m);
}

/* --- keys -------------------------------------------------------------------------------------- */

static void press(struct dt_top_view *v, const struct dt_top_model *m, const char *keys)
{
	for (; *keys; keys++)
		dt_top_press(v, m, *keys == '\n' ? DT_TOP_ENTER : *keys == '\033' ? DT_TOP_ESCAPE : *keys);
}

/* The ids in the list, in order, the selected one in brackets. */
static void lists(const struct dt_top_view *v, const struct dt_top_model *m, const char *expected)
{
	json_t *list = dt_top_list(v, m), *item;
	char got[256] = "";
	size_t i;

	json_array_foreach(list, i, item)
		snprintf(got + strlen(got), sizeof(got) - strlen(got),
			 i == dt_top_selected(v, list) ? "%s[%d]" : "%s%d", i ? " " : "",
			 (int)json_integer_value(json_object_get(item, "id")));
	cr_assert_str_eq(got, expected);
	json_decref(list);
}

Test(top, keys_select_and_the_selection_stays_with_its_connection)
{
	struct dt_top_model m = model();
	struct dt_top_view v = view();

	lists(&v, &m, "[1] 2 3");
	press(&v, &m, "j");
	lists(&v, &m, "1 [2] 3");
	dt_top_model_answer(&m, parsed("{'mode':'client','connections':[{'id':1},{'id':3,'send_bps':1},{'id':2}]}"),
			    2000);
	lists(&v, &m, "3 1 [2]");
	dt_top_press(&v, &m, DT_TOP_DOWN);
	lists(&v, &m, "3 1 [2]");
	press(&v, &m, "kkk");
	lists(&v, &m, "[3] 1 2");
	dt_top_press(&v, &m, DT_TOP_END);
	lists(&v, &m, "3 1 [2]");
	dt_top_model_answer(&m, parsed("{'mode':'client','connections':[{'id':3},{'id':1}]}"), 3000);
	lists(&v, &m, "[3] 1");
	dt_top_model_answer(&m, parsed("{'mode':'client','connections':[]}"), 3000);
	press(&v, &m, "jk\n");
	lists(&v, &m, "");
	cr_assert(v.detail == 0);
	dt_top_model_fini(&m);
}

Test(top, keys_change_the_order)
{
	struct dt_top_model m = model();
	struct dt_top_view v = view();

	press(&v, &m, "ss"); /* down, up */
	has(&m, &v, 80, 24, 1000, "s by up");
	lists(&v, &m, "[2] 1 3");
	press(&v, &m, "s"); /* age */
	lists(&v, &m, "[2] 1 3");
	press(&v, &m, "ssss"); /* gain, program, server, and rate again */
	has(&m, &v, 80, 24, 1000, "s by rate");
	lists(&v, &m, "[1] 2 3");
	dt_top_model_fini(&m);
}

Test(top, the_filter_is_typed)
{
	struct dt_top_model m = model();
	struct dt_top_view v = view();

	press(&v, &m, "/RSync");
	cr_assert(v.typing);
	has(&m, &v, 80, 24, 1000, "filter: RSync_");
	lists(&v, &m, "[2]");
	dt_top_press(&v, &m, DT_TOP_BACKSPACE);
	cr_assert_str_eq(v.filter, "RSyn");
	press(&v, &m, "\n");
	cr_assert(!v.typing && !v.quit);
	lists(&v, &m, "[2]");
	press(&v, &m, "\033/fra\n");
	lists(&v, &m, "[1]");
	press(&v, &m, "\033/none");
	lists(&v, &m, "");
	has(&m, &v, 80, 24, 1000, "no connection matches");
	press(&v, &m, "\033");
	lists(&v, &m, "[1] 2 3");
	press(&v, &m, "/");
	dt_top_press(&v, &m, 0x00e4);
	dt_top_press(&v, &m, 0x20ac);
	dt_top_press(&v, &m, 0x1f600);
	cr_assert_str_eq(v.filter, "ä€😀");
	dt_top_press(&v, &m, DT_TOP_BACKSPACE);
	cr_assert_str_eq(v.filter, "ä€");
	for (int i = 0; i < 100; i++)
		dt_top_press(&v, &m, 0x20ac);
	cr_assert(strlen(v.filter) < DT_TOP_FILTER_MAX);
	dt_top_model_fini(&m);
}

Test(top, other_keys)
{
	struct dt_top_model m = model();
	struct dt_top_view v = view();

	press(&v, &m, "p");
	cr_assert(v.paused);
	has(&m, &v, 80, 24, 1000, "paused");
	press(&v, &m, "p?");
	cr_assert(!v.paused && v.help);
	has(&m, &v, 80, 24, 1000, "quit");
	press(&v, &m, "q");
	cr_assert(!v.quit && !v.help);
	cr_assert(dt_top_wanted(&v) < 100);
	press(&v, &m, "s");
	cr_assert(dt_top_wanted(&v) >= 100);
	press(&v, &m, "q");
	cr_assert(v.quit);
	dt_top_model_fini(&m);
}

Test(top, one_connection_over_the_last_minutes)
{
	struct dt_top_model m = model();
	struct dt_top_view v = view();

	press(&v, &m, "\n");
	cr_assert(v.detail == 1);
	for (int i = 2; i <= 5; i++)
		dt_top_model_answer(&m, status(i > 3 ? 1 : 2), (uint64_t)i * 1000);
	dt_top_model_event(&m, parsed("{'event':'decision','id':1,'detail':'of this one'}"));
	dt_top_model_event(&m, parsed("{'event':'decision','id':2,'detail':'of another'}"));
	has(&m, &v, 100, 24, 5000, "connection 1 to 203.0.113.7:443, of curl (4000000000), for 7 s");
	has(&m, &v, 100, 24, 5000, "▅██▅▅");
	has(&m, &v, 100, 24, 5000, "of this one");
	lacks(&m, &v, 100, 24, 5000, "of another");
	/* it may end while one looks */
	dt_top_model_answer(&m, parsed("{'mode':'client','connections':[]}"), 6000);
	has(&m, &v, 100, 24, 6000, "it has ended");
	has(&m, &v, 100, 24, 6000, "▅██▅▅ ");
	press(&v, &m, "\033");
	cr_assert(v.detail == 0);
	dt_top_model_fini(&m);
}

Test(top, the_past_of_connections_is_bounded)
{
	struct dt_top_model m = model();

	for (int i = 0; i < 3 * DT_TOP_CONNECTIONS; i++) {
		json_t *one = parsed("{'mode':'client','connections':[{'id':0,'subflows':[{'via':'direct'}]}]}");

		json_integer_set(json_object_get(json_array_get(json_object_get(one, "connections"), 0), "id"), 10 + i);
		dt_top_model_answer(&m, one, 2000 + (uint64_t)i);
	}
	cr_assert(m.nconnections == DT_TOP_CONNECTIONS);
	cr_assert(dt_top_model_connection(&m, 9 + 3 * DT_TOP_CONNECTIONS));
	cr_assert(!dt_top_model_connection(&m, 1));
	for (int i = 0; i < 3 * DT_TOP_EVENTS; i++)
		dt_top_model_event(&m, parsed("{'event':'relay','detail':'down'}"));
	cr_assert(json_array_size(m.events) == DT_TOP_EVENTS);
	dt_top_model_fini(&m);
}

Test(top, a_relay_shows_its_clients)
{
	struct dt_top_model m;
	struct dt_top_view v = view();

	dt_top_model_init(&m);
	dt_top_model_answer(&m,
			    parsed("{'mode':'relay','open_flows':3,'total':{'receive_bps':10,'send_bps':2},'clients':["
				   "{'name':'laptop','address':'192.0.2.2:5','receive_bps':10,'send_bps':2,'leases':1,"
				   "'flows':3,'seen_s_ago':1},{'name':'phone','leases':0,'flows':0}]}"),
			    1000);
	has(&m, &v, 100, 24, 1000, "2 clients, 3 open flows");
	has(&m, &v, 100, 24, 1000, "laptop  192.0.2.2:5");
	has(&m, &v, 100, 24, 1000, "phone");
	press(&v, &m, "\n");
	cr_assert(v.detail == 0);
	press(&v, &m, "/phone");
	lacks(&m, &v, 100, 24, 1000, "laptop  ");
	dt_top_model_fini(&m);
}

Test(top, what_is_no_answer_of_ours_does_no_harm)
{
	static const char *const answers[] = {
		"{}",
		"{'mode':1,'total':[],'relays':{},'connections':{}}",
		"{'mode':'client','relays':[1,null,{'name':{}}],'connections':[1,null,[],{'id':'x','subflows':5},"
		"{'id':-1,'subflows':[3,{'via':[]}],'receive_bps':-5}],'total':{'receive_bps':1e300,'send_bps':-1}}",
		"{'mode':'relay','clients':[5,{'name':5,'leases':'x'}]}",
		"{'mode':'client','connections':[{'id':1,'receive_bps':9223372036854775807,'age_s':-1,"
		"'subflows':[{'via':'a'},{'via':'a'},{'via':'b','share':1e300}]},{'id':1}]}",
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct dt_top_model m = model();
		struct dt_top_view v = view();

		for (int again = 0; again < 3; again++)
			dt_top_model_answer(&m, parsed(answers[i]), 2000);
		dt_top_model_event(&m, parsed("{'event':5,'id':'x','time':[],'detail':{}}"));
		for (int what = 0; what < 4; what++) {
			v.detail = what == 1 ? 1 : what == 2 ? -1 : 0;
			free(screen_of(&m, &v, 80, 24, 2000));
			press(&v, &m, what ? "j/x\033s" : "");
		}
		dt_top_model_fini(&m);
	}
}
