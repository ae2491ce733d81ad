/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The client's answers to `detourd status` and `detourd why`. */
#include "pm/status.h"

#include <jansson.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/control.h"
#include "net/sock_diag.h"
#include "pm/conf/client_conf.h"
#include "pm/decide/history.h"
#include "pm/decide/rules.h"
#include "pm/explain.h"
#include "pm/gain.h"
#include "pm/kernel/arrivals.h"
#include "pm/kernel/mptcpify.h"
#include "pm/kernel/track.h"
#include "pm/others.h"
#include "pm/rates.h"
#include "pm/store/connection.h"
#include "pm/store/conversion.h"
#include "pm/store/interfaces.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"
#include "pm/store/server.h"
#include "pm/store/subflow.h"
#include "pm/store/tunnel.h"

#define COUNTER_NAME(constant, name) [constant] = name,
static const char *const counter_names[DT_PM_COUNTERS] = {DT_PM_COUNTERS_LIST(COUNTER_NAME)};
#undef COUNTER_NAME

/* Takes over the reference to value; a key whose value could not be made is left out. */
static void put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value);
}

static void put_number(json_t *object, const char *key, uint64_t value)
{
	put(object, key, json_integer((json_int_t)value));
}

/* What a stranger chose, such as the name of a process: bytes that are not UTF-8 become "?". */
static json_t *foreign_text(const char *text)
{
	json_t *value = json_string(text);
	char *ascii;

	if (value)
		return value;
	ascii = strdup(text);
	for (char *c = ascii; c && *c; c++)
		if (*c & 0x80)
			*c = '?';
	value = ascii ? json_string(ascii) : NULL;
	free(ascii);
	return value;
}

/* --- rates and gain ---------------------------------------------------------------------------- */

static const char *way_word(enum dt_way way)
{
	return way == DT_WAY_UP ? "up" : "down";
}

static json_t *payoff_status(const struct dt_payoff *payoff, enum dt_way way)
{
	uint64_t now_s = dt_now_s();
	char text[DT_PAYOFF_STRLEN];
	json_t *gain =
		json_pack("{s:b, s:s}", "known", payoff->count > 0, "text", dt_payoff_format(payoff, now_s, text));

	if (!payoff->count)
		return gain;
	put(gain, "percent", json_real(payoff->gain * 100));
	put(gain, "error_percent", json_real(dt_payoff_error(payoff) * 100));
	put_number(gain, "measured", payoff->count);
	put_number(gain, "age_s", now_s > payoff->last_s ? now_s - payoff->last_s : 0);
	put(gain, "direction", json_string(way_word(way)));
	return gain;
}

static json_t *gain_status(const struct dt_gain_view *view)
{
	json_t *gain = payoff_status(&view->payoff, view->way);

	if (!view->payoff.count && view->at_most >= 0)
		put(gain, "at_most_percent", json_real(view->at_most * 100));
	return gain;
}

static void rates_put(json_t *object, const struct dt_rates *rates)
{
	put_number(object, "receive_bps", rates->down_bps);
	put_number(object, "send_bps", rates->up_bps);
}

static void destination_gain_add(const struct dt_prefix *prefix, enum dt_way way, const struct dt_payoff *payoff,
				 void *all)
{
	char text[DT_PREFIX_STRLEN];

	json_array_append_new(all, json_pack("{s:s, s:o}", "destination", dt_prefix_format(prefix, text), "gain",
					     payoff_status(payoff, way)));
}

static json_t *gains_status(const struct dt_pm *pm)
{
	json_t *all = json_array();

	dt_history_payoffs(pm->history, destination_gain_add, all);
	return all;
}

/* --- relays ------------------------------------------------------------------------------------ */

static json_t *relay_status(const struct dt_pm_relay *relay)
{
	char endpoint[256];
	char key_id[2 * DT_KEY_ID_LEN + 1];
	bool bracket = strchr(relay->conf->host, ':') != NULL;

	snprintf(endpoint, sizeof(endpoint), "%s%s%s:%u", bracket ? "[" : "", relay->conf->host, bracket ? "]" : "",
		 relay->conf->port);
	sodium_bin2hex(key_id, sizeof(key_id), relay->keys.key_id, sizeof(relay->keys.key_id));
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:b, s:i, s:s}", "name", relay->conf->name, "state",
			 dt_client_link_state_word(dt_pm_relay_state(relay)), "reason", dt_explain_relay(relay),
			 "endpoint", endpoint, "carrier", dt_carrier_name(dt_pm_relay_carrier(relay, -1, dt_now_ns())),
			 "rtt_us", (json_int_t)(relay->links ? dt_client_link_rtt_us(relay->links->proto) : 0),
			 "key_id", key_id, "draining", dt_pm_relay_draining(relay), "joins_unanswered",
			 (int)relay->nat_unanswered, "tunnel_problem", relay->tunnel ? relay->tunnel->problem : "");
}

/* The newest answer on any of its links; 0: there was none. */
static uint64_t relay_heard_ns(const struct dt_pm_relay *relay)
{
	uint64_t heard_ns = 0;

	for (const struct dt_relay_link *link = relay->links; link; link = link->next)
		if (dt_client_link_heard_ns(link->proto) > heard_ns)
			heard_ns = dt_client_link_heard_ns(link->proto);
	return heard_ns;
}

static json_t *relays_status(const struct dt_pm *pm, struct dt_rates_all *sum)
{
	struct dt_rates *rates = calloc(pm->config->nrelays + 1, sizeof(*rates));
	json_t *relays = json_array();

	if (!rates)
		return relays;
	dt_rates_sum(pm, sum, rates, pm->config->nrelays);
	for (const struct dt_pm_relay *relay = pm->relays; relay; relay = relay->next) {
		struct dt_gain_view gain = dt_gain_of_relay(pm, relay);
		uint64_t heard_ns = relay_heard_ns(relay);
		json_t *status = relay_status(relay);

		if (relay->index < pm->config->nrelays) {
			rates_put(status, &rates[relay->index]);
			put(status, "share", json_real(dt_rates_share(&rates[relay->index], &sum->all)));
		}
		put(status, "gain", gain_status(&gain));
		if (heard_ns)
			put_number(status, "seen_s_ago", (dt_now_ns() - heard_ns) / DT_SEC);
		json_array_append_new(relays, status);
	}
	free(rates);
	return relays;
}

/* --- connections ------------------------------------------------------------------------------- */

static json_t *subflow_status(const struct dt_connection *c, const char *via, const char *carrier, const char *state,
			      bool backup, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			      bool brief)
{
	char local_text[DT_ENDPOINT_STRLEN], remote_text[DT_ENDPOINT_STRLEN];
	struct dt_tcp_sample sample = {0};
	struct dt_subflow_stats stats = {0};
	struct dt_arrival arrival = {0};
	struct dt_pm *pm = c->pm;
	json_t *status;

	dt_arrivals_get(pm->arrivals, local, remote, &arrival);
	if (brief) {
		sample.bytes_acked = arrival.bytes_acked;
		sample.bytes_received = arrival.bytes_received;
	} else {
		dt_track_get(pm->track, local, remote, &stats);
		dt_sock_diag_get(&pm->diag, local, remote, c->device, &sample);
	}
	status =
		json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "via", via, "carrier",
			  carrier, "state", state, "backup", backup, "local", dt_endpoint_format(local, local_text),
			  "remote", dt_endpoint_format(remote, remote_text), "srtt_us",
			  (json_int_t)(sample.srtt_us ? sample.srtt_us : stats.srtt_us), "bytes_acked",
			  (json_int_t)(sample.bytes_acked > stats.bytes_acked ? sample.bytes_acked : stats.bytes_acked),
			  "bytes_received",
			  (json_int_t)(sample.bytes_received > stats.bytes_received ? sample.bytes_received
										    : stats.bytes_received),
			  "retransmits",
			  (json_int_t)(sample.retransmits > stats.retransmits ? sample.retransmits : stats.retransmits),
			  "rtos", (json_int_t)stats.rtos, "receive_bps", (json_int_t)arrival.rate_bps);
	put_number(status, "send_bps", arrival.sent_bps);
	return status;
}

static void share_put(json_t *subflow, const struct dt_connection *c, const struct dt_endpoint *local,
		      const struct dt_endpoint *remote, const struct dt_rates *whole)
{
	struct dt_rates own = dt_rates_of(c, local, remote);

	put(subflow, "share", json_real(dt_rates_share(&own, whole)));
}

static json_t *additional_status(const struct dt_subflow *s, bool brief)
{
	json_t *status = subflow_status(s->connection, dt_subflow_via(s), dt_carrier_name(s->carrier),
					s->state == DT_SUBFLOW_PENDING ? "pending" : "established", s->backup,
					&s->local, &s->remote, brief);

	if (s->lease && s->lease->rtt_us)
		json_object_set_new(status, "relay_server_rtt_us", json_integer((json_int_t)s->lease->rtt_us));
	if (s->interface[0])
		json_object_set_new(status, "interface", json_string(s->interface));
	if (s->note[0])
		json_object_set_new(status, "note", json_string(s->note));
	return status;
}

static json_t *direct_status(const struct dt_connection *c, bool brief)
{
	json_t *status = subflow_status(c, "direct", "direct", c->direct_established ? "established" : "closed",
					c->direct_backup, &c->local, &c->remote, brief);

	if (c->direct_note[0])
		json_object_set_new(status, "note", json_string(c->direct_note));
	return status;
}

/* Who opened it, which rule it has, and how it does. */
static void circumstances_put(json_t *status, const struct dt_connection *c, const struct dt_rates *whole)
{
	struct dt_plan plan = dt_connection_plan(c);
	struct dt_gain_view gain = dt_gain_of_connection(c);

	if (c->has_origin) {
		put(status, "program", foreign_text(c->origin.program));
		put_number(status, "uid", c->origin.uid);
	}
	if (plan.rule)
		put(status, "rule", json_string(plan.rule->name));
	put_number(status, "age_s", (dt_now_ns() - c->since_ns) / DT_SEC);
	rates_put(status, whole);
	put(status, "gain", gain_status(&gain));
}

static json_t *connection_status(const struct dt_connection *c, bool brief)
{
	char local[DT_ENDPOINT_STRLEN], remote[DT_ENDPOINT_STRLEN], why[1024];
	struct dt_rates whole = dt_rates_connection(c);
	json_t *subflows = json_array(), *subflow = direct_status(c, brief), *status;
	const struct dt_subflow *s;

	if (c->direct_established)
		share_put(subflow, c, &c->local, &c->remote, &whole);
	json_array_append_new(subflows, subflow);
	DL_FOREACH(c->subflows, s) {
		if (!dt_subflow_is_under_way(s))
			continue;
		subflow = additional_status(s, brief);
		if (s->state == DT_SUBFLOW_ESTABLISHED)
			share_put(subflow, c, &s->local, &s->remote, &whole);
		json_array_append_new(subflows, subflow);
	}
	dt_explain(c, why, sizeof(why));
	status = json_pack("{s:I, s:s, s:s, s:s, s:o}", "id", (json_int_t)c->number, "local",
			   dt_endpoint_format(&c->local, local), "remote", dt_endpoint_format(&c->server, remote),
			   "why", why, "subflows", subflows);
	if (*c->converter) {
		put(status, "converter", json_string(c->converter));
		put(status, "converter_address", json_string(dt_endpoint_format(&c->remote, remote)));
	}
	circumstances_put(status, c, &whole);
	return status;
}

/* about NULL: all servers. */
static bool is_about(const struct dt_endpoint *about, const struct dt_endpoint *remote)
{
	return !about || dt_others_is_about(about, remote);
}

/* Servers with which connections are plain TCP. */
static json_t *destinations_status(const struct dt_pm *pm, const struct dt_endpoint *about)
{
	json_t *all = json_array();
	uint64_t now_ns = dt_now_ns();
	const struct dt_destination *d;
	size_t next = 0;

	while ((d = dt_destination_next(&pm->destinations, &next, now_ns))) {
		char remote[DT_ENDPOINT_STRLEN];
		uint64_t sum = 0;

		if (!is_about(about, &d->server))
			continue;
		for (int i = 0; i < DT_FALLBACKS; i++)
			sum += d->connections[i];
		json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:I}", "remote",
						     dt_endpoint_format(&d->server, remote), "why",
						     dt_fallback_text(d->last), "connections", (json_int_t)sum, "age_s",
						     (json_int_t)((now_ns - d->seen_ns) / DT_SEC)));
	}
	return all;
}

/* Servers whose connections are converted, or would be. */
static json_t *conversions_status(const struct dt_pm *pm, const struct dt_endpoint *about)
{
	json_t *all = json_array();

	for (const struct dt_conversion *v = pm->conversions.all; v; v = v->hh.next) {
		struct dt_endpoint server = dt_conversion_server(v);
		char remote[DT_ENDPOINT_STRLEN];

		if (is_about(about, &server))
			json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:I}", "remote",
							     dt_endpoint_format(&server, remote), "converter",
							     v->to.port ? v->relay : "", "why", v->why, "connections",
							     (json_int_t)v->connections));
	}
	return all;
}

/* Servers that refused further subflows, for as long as that is believed. */
static json_t *limits_status(const struct dt_pm *pm, const struct dt_endpoint *about)
{
	json_t *all = json_array();
	uint64_t now_ns = dt_now_ns();
	const struct dt_server_limit *l;
	size_t next = 0;

	while ((l = dt_server_limit_next(pm, &next, now_ns))) {
		char remote[DT_ENDPOINT_STRLEN];

		if (!is_about(about, &l->server))
			continue;
		json_array_append_new(all, json_pack("{s:s, s:I, s:I, s:I}", "remote",
						     dt_endpoint_format(&l->server, remote), "took",
						     (json_int_t)l->limit, "refused", (json_int_t)l->refused, "left_s",
						     (json_int_t)((l->until_ns - now_ns) / DT_SEC)));
	}
	return all;
}

/* One by one: the JSON tree of 10,000 connections would take more memory than the rest of the daemon. */
static void connections_print(const struct dt_pm *pm, const struct dt_endpoint *about, FILE *out)
{
	struct dt_connection *c, *tmp;
	const char *comma = "";

	fputs("\"connections\":[", out);
	HASH_ITER(hh, pm->connections, c, tmp) {
		json_t *status;

		if (!is_about(about, &c->server))
			continue;
		status = connection_status(c, false);
		fputs(comma, out);
		json_dumpf(status, out, DT_CONTROL_JSON);
		json_decref(status);
		comma = ",";
	}
	fputc(']', out);
}

/* Goes on with an object behind its first member. Takes over the reference to rest. */
static void rest_print(json_t *rest, FILE *out)
{
	char *text = json_dumps(rest, DT_CONTROL_JSON);

	json_decref(rest);
	/* without its opening brace */
	fprintf(out, ",%s", text ? text + 1 : "}");
	free(text);
}

/* Endpoints of ip mptcp that have no effect while detourd runs. */
static json_t *endpoints_status(const struct dt_pm *pm)
{
	json_t *all = json_array();

	for (size_t i = 0; i < pm->nunused_endpoints; i++) {
		char address[DT_IP_STRLEN], interface[IF_NAMESIZE];

		dt_interfaces_name(pm, &pm->unused_endpoints[i], interface);
		json_array_append_new(all, json_pack("{s:s, s:s}", "address",
						     dt_ip_format(&pm->unused_endpoints[i], address), "interface",
						     interface));
	}
	return all;
}

/* All connections together. */
static json_t *total_status(const struct dt_pm *pm, const struct dt_rates_all *sum)
{
	struct dt_gain_view gain = dt_gain_of_all(pm);
	json_t *total = json_pack("{s:I, s:I}", "connections", (json_int_t)HASH_COUNT(pm->connections), "moving",
				  (json_int_t)sum->moving);

	rates_put(total, &sum->all);
	put(total, "detours_share", json_real(dt_rates_share(&sum->detours, &sum->all)));
	put(total, "gain", gain_status(&gain));
	return total;
}

/* What follows the connections. */
static json_t *rest_status(const struct dt_pm *pm)
{
	json_t *counters = json_object();
	struct dt_rates_all sum = {0};
	json_t *relays = relays_status(pm, &sum);

	for (int i = 0; i < DT_PM_COUNTERS; i++)
		json_object_set_new(counters, counter_names[i], json_integer((json_int_t)pm->counters[i]));
	if (pm->mptcpify)
		json_object_set_new(counters, "sockets_made_mptcp",
				    json_integer((json_int_t)dt_mptcpify_sockets(pm->mptcpify)));
	return json_pack("{s:i, s:s, s:s, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "version", 1, "mode", "client",
			 "release", DT_VERSION, "uptime_s", (json_int_t)((dt_now_ns() - pm->began_ns) / DT_SEC),
			 "total", total_status(pm, &sum), "relays", relays, "gains", gains_status(pm), "destinations",
			 destinations_status(pm, NULL), "conversions", conversions_status(pm, NULL), "server_limits",
			 limits_status(pm, NULL), "unused_endpoints", endpoints_status(pm), "counters", counters);
}

/* --- in steps: with many connections an answer takes longer than dead paths may wait ------------- */

/* How long the loop's other work may wait. */
#define STEP_NS (5 * DT_MS)

/* A connection may go while the answer is written: so it is known by its token. */
struct status {
	const struct dt_pm *pm;
	bool brief;
	bool begun;
	size_t count, next, written;
	dt_mptcp_token tokens[];
};

struct fast {
	dt_mptcp_token token;
	uint64_t number, bps;
};

/* The fastest first, then the oldest. */
static int fast_compare(const void *left, const void *right)
{
	const struct fast *a = left, *b = right;

	if (a->bps != b->bps)
		return a->bps > b->bps ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* None where memory ran out. */
static void fastest_take(struct status *s, size_t most)
{
	struct fast *all = calloc(HASH_COUNT(s->pm->connections) + 1, sizeof(*all));
	const struct dt_connection *c, *tmp;
	size_t count = 0;

	if (!all)
		return;
	HASH_ITER(hh, s->pm->connections, c, tmp) {
		struct dt_rates rates = dt_rates_connection(c);

		all[count++] = (struct fast){c->token, c->number, rates.down_bps + rates.up_bps};
	}
	qsort(all, count, sizeof(*all), fast_compare);
	for (s->count = 0; s->count < count && s->count < most; s->count++)
		s->tokens[s->count] = all[s->count].token;
	free(all);
}

/* Also the connection of this number, if there is one. */
static void number_take(struct status *s, uint64_t number)
{
	const struct dt_connection *c, *tmp;

	if (!number)
		return;
	for (size_t i = 0; i < s->count; i++) {
		c = dt_connection_find(s->pm, s->tokens[i]);
		if (c && c->number == number)
			return;
	}
	HASH_ITER(hh, s->pm->connections, c, tmp)
		if (c->number == number)
			s->tokens[s->count++] = c->token;
}

/*
 * how: "" is everything; "brief" asks the kernel nothing, "brief N" is of the N fastest connections only, "brief N ID" of
 * that one too.
 */
static void *status_begin(const char *how, void *data)
{
	const struct dt_pm *pm = data;
	struct status *s = calloc(1, sizeof(*s) + (HASH_COUNT(pm->connections) + 1) * sizeof(s->tokens[0]));
	const struct dt_connection *c, *tmp;
	char *end;

	if (!s)
		return NULL;
	s->pm = pm;
	s->brief = strncmp(how, "brief", strlen("brief")) == 0;
	if (s->brief && how[strlen("brief")] == ' ') {
		fastest_take(s, strtoul(how + strlen("brief "), &end, 10));
		number_take(s, strtoull(end, NULL, 10));
		return s;
	}
	HASH_ITER(hh, pm->connections, c, tmp)
		s->tokens[s->count++] = c->token;
	return s;
}

/* False: all are written. */
static bool connections_write(struct status *s, FILE *out, uint64_t until_ns)
{
	while (s->next < s->count) {
		const struct dt_connection *c = dt_connection_find(s->pm, s->tokens[s->next++]);
		json_t *status;

		if (!c)
			continue;
		status = connection_status(c, s->brief);
		fputs(s->written++ ? "," : "", out);
		json_dumpf(status, out, DT_CONTROL_JSON);
		json_decref(status);
		if (dt_now_ns() >= until_ns)
			return true;
	}
	return false;
}

static bool status_step(void *answer, FILE *out)
{
	struct status *s = answer;

	if (!s->begun)
		fputs("{\"connections\":[", out);
	s->begun = true;
	if (connections_write(s, out, dt_now_ns() + STEP_NS))
		return true;
	fputc(']', out);
	rest_print(rest_status(s->pm), out);
	return false;
}

static void status_end(void *answer)
{
	free(answer);
}

const struct dt_control_steps dt_pm_status = {status_begin, status_step, status_end};

/* --- why --------------------------------------------------------------------------------------- */

/* What a connection with this server would get; by rules that ask for no user, cgroup or program. */
static json_t *plan_status(const struct dt_pm *pm, const struct dt_endpoint *server)
{
	static const char *const modes[] = {
		[DT_CONVERT_NO] = "no", [DT_CONVERT_AUTO] = "auto", [DT_CONVERT_ALWAYS] = "always"};
	struct dt_plan plan;
	enum dt_convert_mode mode = dt_rules_convert(pm->config, server, &plan);
	json_t *relays = json_array();

	for (size_t i = 0; i < plan.nrelays; i++)
		json_array_append_new(relays, json_string(pm->config->relays[dt_plan_relay(&plan, i)].name));
	return json_pack("{s:s, s:i, s:o, s:b, s:s}", "rule", plan.rule ? plan.rule->name : "", "detours",
			 (int)plan.detours, "relays", relays, "untold", plan.untold, "convert", modes[mode]);
}

void dt_pm_why(FILE *out, const char *text, void *data)
{
	char server[DT_ENDPOINT_STRLEN];
	struct dt_endpoint about = {0};
	const struct dt_pm *pm = data;
	struct dt_others others;
	bool asks = pm->config->mptcp.enable;
	json_t *rest;

	if (dt_endpoint_parse(&about, text) < 0 && dt_ip_parse(&about.ip, text) < 0) {
		fputs("{\"error\":\"neither ADDRESS nor ADDRESS:PORT, in numbers\"}", out);
		return;
	}
	if (about.port)
		dt_endpoint_format(&about, server);
	else
		dt_ip_format(&about.ip, server);
	dt_others_count(data, &about, &others);
	rest = json_pack("{s:i, s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:b, s:s}", "version", 1, "mode", "client", "server",
			 server, "destinations", destinations_status(pm, &about), "conversions",
			 conversions_status(pm, &about), "server_limits", limits_status(pm, &about), "plain_tcp",
			 (json_int_t)others.plain, "fell_back_open", (json_int_t)others.fell_back, "mptcp_enabled",
			 asks, "mptcp_problem", asks && pm->mptcpify_err ? dt_mptcpify_problem(pm->mptcpify_err) : "");
	if (about.port)
		put(rest, "plan", plan_status(pm, &about));
	fputc('{', out);
	connections_print(pm, &about, out);
	rest_print(rest, out);
}
