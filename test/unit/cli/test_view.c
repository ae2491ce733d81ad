/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `status` for people: what is chosen, in which order, and that nothing a daemon says breaks the screen. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "cli/view.h"
#include "cli/quoted.h"

static struct dt_choose choose_by(struct dt_options options)
{
	struct dt_choose choose;

	cr_assert(dt_choose_parse(&choose, &options, stderr) == 0);
	return choose;
}
#define CHOOSE(...) choose_by((struct dt_options){__VA_ARGS__})

static json_t *connections(void)
{
	return parsed("[{'id':1,'program':'curl','uid':0,'remote':'203.0.113.7:443','receive_bps':10,'send_bps':5,"
		      "'age_s':100,'subflows':[{'via':'direct'},{'via':'fra'}],'gain':{'known':true,'percent':-5.0}},"
		      "{'id':2,'program':'rsync','uid':4000000000,'remote':'203.0.113.7:22','receive_bps':20,"
		      "'send_bps':0,'age_s':50,'subflows':[{'via':'direct'}],'gain':{'known':false}},"
		      "{'id':3,'program':'curl','uid':4000000000,'remote':'[2001:db8::1]:443','receive_bps':0,"
		      "'send_bps':0,'age_s':200,'converter':'conv','subflows':[{'via':'direct'},{'via':'nyc'}],"
		      "'gain':{'known':true,'percent':61.0}}]");
}

/* The ids of those chosen, in order: "2 1". */
static void chooses(struct dt_choose choose, const char *ids)
{
	char got[64] = "";
	json_t *all = connections(), *list, *item;
	size_t i;

	list = dt_choose(&choose, all, false);
	json_array_foreach(list, i, item)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%d", i ? " " : "",
			 (int)json_integer_value(json_object_get(item, "id")));
	cr_assert_str_eq(got, ids);
	json_decref(list);
	json_decref(all);
}

Test(view, connections_are_sorted)
{
	chooses(CHOOSE(.relay = false), "2 1 3");
	chooses(CHOOSE(.value[DT_CLI_SORT] = "up"), "1 2 3");
	chooses(CHOOSE(.value[DT_CLI_SORT] = "age"), "3 1 2");
	chooses(CHOOSE(.value[DT_CLI_SORT] = "gain"), "3 1 2");
	chooses(CHOOSE(.value[DT_CLI_SORT] = "program"), "1 3 2");
	chooses(CHOOSE(.value[DT_CLI_SORT] = "server"), "2 1 3");
}

Test(view, connections_are_filtered)
{
	chooses(CHOOSE(.value[DT_CLI_VIA] = "conv"), "3");
	chooses(CHOOSE(.value[DT_CLI_PROGRAM] = "curl"), "1 3");
	chooses(CHOOSE(.value[DT_CLI_USER] = "root"), "1");
	chooses(CHOOSE(.value[DT_CLI_USER] = "4000000000"), "2 3");
	chooses(CHOOSE(.value[DT_CLI_VIA] = "fra"), "1");
	chooses(CHOOSE(.value[DT_CLI_VIA] = "direct"), "2 1 3");
	chooses(CHOOSE(.value[DT_CLI_SERVER] = "203.0.113.7"), "2 1");
	chooses(CHOOSE(.value[DT_CLI_SERVER] = "203.0.113.7:22"), "2");
	chooses(CHOOSE(.value[DT_CLI_SERVER] = "203.0.113.0/24", .value[DT_CLI_PROGRAM] = "curl"), "1");
	chooses(CHOOSE(.value[DT_CLI_SERVER] = "[2001:db8::1]:443"), "3");
	chooses(CHOOSE(.value[DT_CLI_SERVER] = "2001:db8::/32"), "3");
	chooses(CHOOSE(.value[DT_CLI_VIA] = "par"), "");
}

static void is_refused(enum dt_cli_option option, const char *value)
{
	struct dt_options options = {0};
	struct dt_choose choose;
	char *said = NULL;
	FILE *errors;
	size_t len;

	options.value[option] = value;
	errors = open_memstream(&said, &len);
	cr_assert(dt_choose_parse(&choose, &options, errors) == -EINVAL, "%s", value);
	fclose(errors);
	cr_assert(strchr(said, '\n') == said + len - 1, "one line: %s", said);
	free(said);
}

Test(view, wrong_values_are_refused)
{
	is_refused(DT_CLI_SORT, "size");
	is_refused(DT_CLI_LIMIT, "-1");
	is_refused(DT_CLI_LIMIT, "1x");
	is_refused(DT_CLI_LIMIT, "99999999999999999999999");
	is_refused(DT_CLI_SERVER, "example.org");
	is_refused(DT_CLI_USER, "no-such-user");
	is_refused(DT_CLI_USER, "4294967296");
}

static const char client[] =
	"{'version':1,'mode':'client','release':'1.2','uptime_s':7300,'total':{'connections':2,'moving':1,'receive_bps'"
	":"
	"91200000,'send_bps':1200000,'detours_share':0.62,'gain':{'known':true,'text':'+61 % \\u00b1 8, measured 3 "
	"times, "
	"last 4 min ago'}},'relays':[{'name':'fra','state':'up','reason':'','rtt_us':12100,'receive_bps':56500000,"
	"'send_bps':740000,'share':0.62,'seen_s_ago':1,'gain':{'known':true,'percent':61,'error_percent':8,"
	"'text':'+61 % \\u00b1 8, measured 3 times, last 4 min ago'}},{'name':'nyc','state':'down','reason':'no "
	"answer',"
	"'rtt_us':0,'receive_bps':0,'send_bps':0,'share':0.0,'gain':{'known':false,'text':'unknown'}}],"
	"'connections':[{'id':1,'remote':'203.0.113.7:443','why':'1 of 2 detours: nyc: down','program':'curl','uid':0,"
	"'rule':'bulk','age_s':95,'receive_bps':91200000,'send_bps':1200000,'gain':{'known':false,'text':'unknown',"
	"'at_most_percent':163.2},'subflows':[{'via':'direct','carrier':'direct','state':'established','share':0.38},"
	"{'via':'fra','carrier':'wireguard','state':'established','share':0.62},{'via':'nyc','carrier':'nat',"
	"'state':'pending'}]},{'id':2,'remote':'198.51.100.200:22','why':'0 of 0 detours by rule none','age_s':7200,"
	"'receive_bps':0,'send_bps':0,'subflows':[{'via':'direct','carrier':'direct','state':'established','share':0.0,"
	"'backup':true}]}],'counters':{'joins':3,'lost_events':0}}";
static const char relay[] =
	"{'version':1,'mode':'relay','release':'1.2','uptime_s':60,'open_flows':7,'draining':true,'total':{'receive_"
	"bps':"
	"5000,'send_bps':10},'before_nat':[{'interface':'eth0','what':'filter 5 (x)'}],'clients':[{'name':'laptop',"
	"'address':'203.0.113.9:4242','seen_s_ago':1,'receive_bps':5000,'send_bps':10,'leases':2,'flows':7,'bytes_up':"
	"10,"
	"'bytes_down':1000000,'limits_reached':['max-rate','max-flows']},{'name':'old'}],'counters':{}}";

static const char converting[] =
	"{'version':1,'mode':'relay','release':'1.2','uptime_s':60,'open_flows':3,'converted_connections':1,'draining':"
	"false,"
	"'total':{'receive_bps':20000000,'send_bps':10},'clients':[{'name':'laptop','receive_bps':20000000,'send_bps':"
	"10,"
	"'leases':2,'flows':3,'bytes_up':10,'bytes_down':1000000,'convert':true,'converted':{'leases':1,'connections':"
	"1,"
	"'bytes_up':0,'bytes_down':4000000}},{'name':'old','leases':0,'flows':0}],'counters':{}}";

static char *shown(const char *text, size_t width, size_t limit)
{
	struct dt_choose choose = CHOOSE(.relay = false);
	struct dt_screen screen = {.columns = width};
	json_t *status = parsed(text), *list;
	bool is_relay;
	char *out = NULL;
	size_t len;
	FILE *to = open_memstream(&out, &len);

	cr_assert(status, "%s", text);
	is_relay = strstr(text, "'relay'") != NULL;
	choose.limit = limit;
	dt_text_clean_json(status);
	list = dt_choose(&choose, json_object_get(status, is_relay ? "clients" : "connections"), is_relay);
	dt_view_status(status, list, &choose, &screen, to);
	fclose(to);
	json_decref(list);
	json_decref(status);
	return out;
}

static void reads(const char *text, size_t width, const char *expected)
{
	char *out = shown(text, width, 20);

	cr_assert_str_eq(out, expected);
	free(out);
}

Test(view, of_a_client_in_80_columns)
{
	reads(client, 80,
	      "detourd 1.2, client, for 2 h: 2 connections, 1 moving; 91.2 Mbit/s down,\n"
	      "  1.2 Mbit/s up, 62 % over relays; gain +61 % ± 8, measured 3 times, last 4 min\n"
	      "  ago\n"
	      "\n"
	      "RELAY  STATE      RTT         DOWN          UP  SHARE  GAIN       LAST SEEN\n"
	      "fra    up     12.1 ms  56.5 Mbit/s  740 kbit/s   62 %  +61 % ± 8    1 s ago\n"
	      "nyc    down                0 bit/s     0 bit/s    0 %  unknown\n"
	      "  no answer\n"
	      "\n"
	      "ID  PROGRAM  USER  SERVER             RULE   AGE         DOWN          UP\n"
	      " 1  curl     root  203.0.113.7:443    bulk  95 s  91.2 Mbit/s  1.2 Mbit/s\n"
	      "  direct 38 %, fra (wireguard) 62 %, nyc pending; gain unknown, at most +163 %\n"
	      " 2                 198.51.100.200:22         2 h      0 bit/s     0 bit/s\n"
	      "  direct 0 % backup; 0 of 0 detours by rule none\n"
	      "\n"
	      "counters: joins 3\n");
}

Test(view, of_a_relay_in_80_columns)
{
	reads(relay, 80,
	      "detourd 1.2, relay, for 60 s: 2 clients, 7 open flows; 5.0 kbit/s down, 10 bit/s\n"
	      "  up\n"
	      "draining: no new leases; stops when no flow is open, now 7\n"
	      "eth0: another program's filter 5 (x) sees packets before the NAT; if it ends the\n"
	      "  chain, no detour works by this interface\n"
	      "\n"
	      "CLIENT  ADDRESS           LAST SEEN        DOWN        UP  LEASES  FLOWS\n"
	      "laptop  203.0.113.9:4242    1 s ago  5.0 kbit/s  10 bit/s       2      7\n"
	      "  max-rate, max-flows\n"
	      "old                           never           ?         ?       0      0\n");
}

Test(view, of_a_client_whose_connections_are_converted)
{
	reads("{'version':1,'mode':'client','release':'1.2','total':{'connections':2,'moving':0,'receive_bps':0,'send_"
	      "bps':0},"
	      "'relays':[{'name':'fra','state':'up'}],'connections':[{'id':1,'remote':'203.0.113.7:443','converter':'"
	      "nyc',"
	      "'why':'converted by nyc; 1 of 1 "
	      "detours','gain':{'known':false,'text':'unknown'},'subflows':[{'via':'direct',"
	      "'state':'established','share':0.38},{'via':'fra','state':'established','share':0.62}]},{'id':2,'remote':"
	      "'203.0.113.7:22','converter':'nyc','why':'converted by nyc; 0 of 1 detours; fra: "
	      "down','subflows':[{'via':"
	      "'direct','state':'established','share':0.0}]}]}",
	      120,
	      "detourd 1.2, client: 2 connections, 0 moving; 0 bit/s down, 0 bit/s up\n"
	      "\n"
	      "RELAY  STATE  DOWN  UP  SHARE\n"
	      "fra    up        ?   ?      ?\n"
	      "\n"
	      "ID  SERVER           DOWN  UP  PATHS\n"
	      " 1  203.0.113.7:443     ?   ?  converted by nyc: direct 38 %, fra 62 %; gain unknown\n"
	      " 2  203.0.113.7:22      ?   ?  converted by nyc: direct 0 %; 0 of 1 detours; fra: down\n");
}

Test(view, of_a_relay_that_converts)
{
	reads(converting, 120,
	      "detourd 1.2, relay, for 60 s: 2 clients, 3 open flows, 1 converted connection; 20.0 Mbit/s down, 10 "
	      "bit/s up\n"
	      "\n"
	      "CLIENT  LAST SEEN         DOWN        UP  LEASES  FLOWS  CONVERTED  CARRIED DOWN  CARRIED UP\n"
	      "laptop      never  20.0 Mbit/s  10 bit/s       2      3          1        5.0 MB        10 B\n"
	      "old         never            ?         ?       0      0                      0 B         0 B\n");
}

/* As long as a line is, no wider, and nothing a terminal would obey. */
static void holds_at(const char *text, size_t width, size_t limit)
{
	char *out = shown(text, width, limit);

	for (const char *c = out; *c; c++)
		cr_assert((unsigned char)*c >= 0x20 || *c == '\n');
	for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n"))
		cr_assert(dt_text_width(line) <= width, "at %zu columns: %s", width, line);
	free(out);
}

Test(view, fits_every_screen)
{
	for (size_t width = 20; width <= 200; width++) {
		holds_at(client, width, 20);
		holds_at(relay, width, 20);
	}
}

Test(view, an_older_or_hostile_daemon_shows_something)
{
	static const char *const texts[] = {
		"{}",
		"{'mode':'client'}",
		"{'mode':'relay'}",
		"{'mode':5,'relays':5,'connections':{'a':1},'counters':[1],'total':'x'}",
		"{'mode':'client','relays':[5,null,[]],'connections':[null,5,{},{'subflows':5,'gain':7,'uid':'x'}]}",
		"{'mode':'relay','clients':[null,{},{'limits_reached':[5,null],'address':7}],'before_nat':[7]}",
		"{'mode':'client','connections':[{'id':-9223372036854775807,'uid':-1,'age_s':-5,'receive_bps':-1,"
		"'remote':'\\u001b[2J','program':'\\u202e\\u0007','subflows':[{'via':'x','share':-1e308,"
		"'state':'established'}]}],'relays':[{'name':'\\u009b','rtt_us':9223372036854775807,'share':1e308,"
		"'gain':{'text':'\\u001b','at_most_percent':1e308}}]}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		holds_at(texts[i], 40, 20);
}

Test(view, the_rest_is_counted)
{
	char *out = shown(client, 80, 1);

	cr_assert(strstr(out, "203.0.113.7:443") && !strstr(out, "198.51.100.200"));
	cr_assert(strstr(out, "\nand 1 more connections; --limit 0 shows all\n"));
	free(out);
}
