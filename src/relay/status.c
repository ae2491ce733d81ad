/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The relay's answer to `detourd status`. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "relay/nat_counters.h"
#include "relay/neighbours.h"
#include "relay/reached.h"
#include "relay/relay.h"

/* How long requests may wait for a status. */
#define STEP_NS (5 * DT_MS)
#define STRANGER_SHOWN_NS (600 * DT_SEC)

static const char *const counter_names[DT_RELAY_COUNTERS] = {
	[DT_RELAY_COUNT_REQUESTS] = "requests",
	[DT_RELAY_COUNT_TOKENS_SENT] = "tokens_sent",
	[DT_RELAY_COUNT_DROPPED_MALFORMED] = "dropped_malformed",
	[DT_RELAY_COUNT_DROPPED_AUTH] = "dropped_auth",
	[DT_RELAY_COUNT_DROPPED_REPLAY] = "dropped_replay",
	[DT_RELAY_COUNT_DROPPED_GREEDY] = "dropped_greedy",
	[DT_RELAY_COUNT_LEASES_MADE] = "leases_made",
	[DT_RELAY_COUNT_LEASES_RENEWED] = "leases_renewed",
	[DT_RELAY_COUNT_LEASES_RELEASED] = "leases_released",
	[DT_RELAY_COUNT_DENIED_DESTINATION] = "denied_destination",
	[DT_RELAY_COUNT_DENIED_QUOTA] = "denied_quota",
	[DT_RELAY_COUNT_DENIED_NO_PORT] = "denied_no_port",
	[DT_RELAY_COUNT_DENIED_FAMILY] = "denied_family",
	[DT_RELAY_COUNT_DENIED_DRAINING] = "denied_draining",
	[DT_RELAY_COUNT_TUNNELS_MADE] = "tunnels_made",
	[DT_RELAY_COUNT_TUNNELS_ENDED] = "tunnels_ended",
	[DT_RELAY_COUNT_SERVER_RESETS] = "server_resets",
	[DT_RELAY_COUNT_JOINED] = "joined",
	[DT_RELAY_COUNT_JOINS_REFUSED] = "joins_refused",
	[DT_RELAY_COUNT_CONVERTERS_MADE] = "converter_leases_made",
	[DT_RELAY_COUNT_CONVERTERS_RELEASED] = "converter_leases_released",
};

/* When it was heard last, and from where. */
static void seen_put(json_t *status, const struct dt_relay_client *c)
{
	char text[DT_ENDPOINT_STRLEN];
	uint64_t now_ns = dt_now_ns();

	if (!c->from.port)
		return;
	json_object_set_new(status, "address", json_string(dt_endpoint_format(&c->from, text)));
	json_object_set_new(status, "seen_s_ago",
			    json_integer((json_int_t)(now_ns > c->seen_ns ? (now_ns - c->seen_ns) / DT_SEC : 0)));
}

/* As seen from the client, whose word "down" is: what it receives. */
static void rates_put(json_t *status, const struct dt_flow_totals *totals)
{
	json_object_set_new(status, "receive_bps", json_integer((json_int_t)totals->down_bps));
	json_object_set_new(status, "send_bps", json_integer((json_int_t)totals->up_bps));
}

/* Its limits, and which of them keep it from having more now. */
static void limits_put(json_t *status, const struct dt_relay *r, const struct dt_relay_client *c, size_t leases,
		       const struct dt_flow_totals *totals)
{
	const struct dt_peer_conf *conf = c->conf;
	unsigned reached =
		dt_relay_limits_reached(conf, leases, totals, dt_converters_limited(r->converters, c->id, dt_now_ns()));
	json_t *names = json_array();

	for (unsigned i = 0; i < DT_RELAY_LIMITS; i++)
		if (reached & 1u << i)
			json_array_append_new(names, json_string(dt_relay_limit_name((enum dt_relay_limit)i)));
	json_object_set_new(status, "max_leases", json_integer((json_int_t)conf->max_leases));
	json_object_set_new(status, "max_flows", json_integer((json_int_t)conf->max_flows));
	json_object_set_new(status, "max_rate_bps", json_integer((json_int_t)conf->max_rate_bps));
	json_object_set_new(status, "limits_reached", names);
}

/* What of the client's is converted, unless it may not have that, and has nothing of it. */
static void converted_put(json_t *status, const struct dt_relay *r, const struct dt_relay_client *c)
{
	struct dt_converter_totals totals = dt_converters_totals(r->converters, c->id);
	size_t leases = dt_converters_count(r->converters, c->id);

	if (!c->conf->convert && !leases && !totals.connections)
		return;
	json_object_set_new(status, "converted",
			    json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "leases", (json_int_t)leases,
				      "connections", (json_int_t)totals.connections, "refused",
				      (json_int_t)totals.refused, "bytes_up", (json_int_t)totals.bytes_up, "bytes_down",
				      (json_int_t)totals.bytes_down, "receive_bps", (json_int_t)totals.down_bps,
				      "send_bps", (json_int_t)totals.up_bps));
}

static json_t *client_status(const struct dt_relay *r, const struct dt_relay_client *c)
{
	const struct dt_peer_conf *conf = c->conf;
	struct dt_flow_totals totals = dt_relay_totals(r, c->id);
	uint64_t id = c->id;
	size_t leases = dt_lease_table_count_client(r->leases, id);
	json_t *status;

	status = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "name", conf->name, "leases",
			   (json_int_t)leases, "flows", (json_int_t)totals.flows, "bytes_up",
			   (json_int_t)totals.bytes_up, "bytes_down", (json_int_t)totals.bytes_down, "rate_dropped",
			   (json_int_t)totals.rate_dropped, "tunnels",
			   (json_int_t)(r->tunnels ? dt_tunnels_count(r->tunnels, id) : 0), "joined",
			   c->invitation != NULL, "convert", conf->convert);
	seen_put(status, c);
	rates_put(status, &totals);
	limits_put(status, r, c, leases, &totals);
	converted_put(status, r, c);
	return status;
}

/* Those that nobody has used, or whose client was revoked. */
static json_t *invitations_status(const struct dt_relay *r)
{
	const struct dt_invitation *i;
	json_t *list = json_array();

	DL_FOREACH(r->invitations.list, i) {
		enum dt_invitation_state state = dt_invitation_state(i, dt_now_s());

		if (state != DT_INVITATION_JOINED)
			json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:b}", "name", i->conf.name, "state",
							      dt_invitation_state_word(state), "until",
							      (json_int_t)i->until_s, "convert", i->conf.convert));
	}
	return list;
}

/* All clients together. */
static json_t *total_status(const struct dt_relay *r)
{
	struct dt_flow_totals totals = dt_relay_totals(r, 0);
	json_t *total = json_object();

	rates_put(total, &totals);
	return total;
}

/* What may keep packets from the NAT. */
static json_t *neighbours_status(const struct dt_relay *r)
{
	const struct dt_neighbours *all = dt_dataplane_neighbours_known(r->dataplane);
	char text[DT_NEIGHBOUR_STRLEN];
	json_t *list = json_array();

	for (size_t i = 0; i < all->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "interface", all->list[i].interface, "what",
						      dt_neighbour_format(&all->list[i], text)));
	return list;
}

/* Those that are still unknown, and asked within the last ten minutes. */
static json_t *strangers_status(const struct dt_relay *r)
{
	char from[DT_ENDPOINT_STRLEN], key_id[2 * DT_KEY_ID_LEN + 1];
	json_t *list = json_array();
	uint64_t now_ns = dt_now_ns();

	for (size_t i = 0; i < DT_STRANGERS; i++) {
		const struct dt_stranger *one = &r->strangers.list[i];

		if (!one->count || now_ns - one->last_ns > STRANGER_SHOWN_NS ||
		    dt_relay_proto_knows(r->proto, one->key_id))
			continue;
		sodium_bin2hex(key_id, sizeof(key_id), one->key_id, sizeof(one->key_id));
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:I, s:I}", "key_id", key_id, "from",
						dt_endpoint_format(&one->from, from), "count", (json_int_t)one->count,
						"age_s", (json_int_t)((now_ns - one->last_ns) / DT_SEC)));
	}
	return list;
}

static json_t *counters_status(struct dt_relay *r)
{
	json_t *counters = json_object();
	struct dt_flowlog_counts logged;
	uint64_t nat[DT_NAT_COUNTERS];
	int err;

	for (int i = 0; i < DT_RELAY_COUNTERS; i++)
		json_object_set_new(counters, counter_names[i], json_integer((json_int_t)r->counters[i]));
	err = dt_dataplane_counters(r->dataplane, nat);
	if (err)
		dt_log_warn("status: cannot read the NAT's counters: %s", strerror(-err));
	for (int i = 0; i < DT_NAT_COUNTERS; i++)
		json_object_set_new(counters, dt_nat_counter_name((enum dt_nat_counter)i),
				    json_integer((json_int_t)nat[i]));
	/* a refused destination counts, whether the lease or the flow was refused */
	json_object_set_new(counters, "denied_destination",
			    json_integer((json_int_t)(r->counters[DT_RELAY_COUNT_DENIED_DESTINATION] +
						      nat[DT_NAT_DROP_DESTINATION])));
	json_object_set_new(
		counters, "denied_quota",
		json_integer((json_int_t)(r->counters[DT_RELAY_COUNT_DENIED_QUOTA] + nat[DT_NAT_DROP_MAX_FLOWS] +
					  nat[DT_NAT_DROP_HALF_OPEN] + nat[DT_NAT_DROP_NEW_FLOWS])));
	json_object_set_new(counters, "converter_crashes", json_integer(dt_converters_crashes(r->converters)));
	logged = dt_flowlog_counts(r->flowlog);
	json_object_set_new(counters, "flow_lines", json_integer((json_int_t)logged.lines));
	json_object_set_new(counters, "flow_lines_not_in_file", json_integer((json_int_t)logged.failed));
	return counters;
}

/* Writes a value; takes the reference. */
static void value_write(FILE *out, json_t *value)
{
	json_dumpf(value, out, DT_CONTROL_JSON | JSON_ENCODE_ANY);
	json_decref(value);
}

/* --- in steps ------------------------------------------------------------------------------------ */

/* A client may go while the answer is written: so it is known by its id. */
struct status {
	struct dt_relay *r;
	bool sampled; /* the flows' bytes are read */
	size_t nclients, next, written;
	uint64_t clients[];
};

static void *status_begin(const char *unused, void *relay)
{
	(void)unused;
	struct dt_relay *r = relay;
	struct status *s = calloc(1, sizeof(*s) + HASH_COUNT(r->clients) * sizeof(s->clients[0]));

	if (!s)
		return NULL;
	s->r = r;
	for (const struct dt_relay_client *c = r->clients; c; c = c->hh.next)
		s->clients[s->nclients++] = c->id;
	dt_flows_sample_begin(r->flows);
	return s;
}

/* What comes before the clients. */
static void head_write(struct dt_relay *r, FILE *out)
{
	uint64_t open;

	dt_flows_open(r->flows, &open);
	fprintf(out,
		"{\"version\":1,\"mode\":\"relay\",\"release\":\"%s\",\"uptime_s\":%llu,\"draining\":%s,\"open_flows\":"
		"%llu,\"converted_connections\":%u,\"total\":",
		DT_VERSION, (unsigned long long)((dt_now_ns() - r->began_ns) / DT_SEC), r->draining ? "true" : "false",
		(unsigned long long)open, dt_converters_totals(r->converters, 0).connections);
	value_write(out, total_status(r));
	fputs(",\"before_nat\":", out);
	value_write(out, neighbours_status(r));
	fputs(",\"unknown_keys\":", out);
	value_write(out, strangers_status(r));
	fputs(",\"clients\":[", out);
}

static bool clients_write(struct status *s, FILE *out, uint64_t until_ns)
{
	while (s->next < s->nclients) {
		uint64_t id = s->clients[s->next++];
		const struct dt_relay_client *client = dt_relay_client_find(s->r, id);

		if (!client)
			continue;
		if (s->written++)
			fputc(',', out);
		value_write(out, client_status(s->r, client));
		if (dt_now_ns() >= until_ns)
			return true;
	}
	return false;
}

static bool status_step(void *answer, FILE *out)
{
	struct status *s = answer;
	int more;

	if (!s->sampled) {
		more = dt_flows_sample_step(s->r->flows, STEP_NS);
		if (more < 0)
			dt_log_warn("status: cannot read the flow table, bytes of open flows are missing: %s",
				    strerror(-more));
		s->sampled = more <= 0;
		if (s->sampled)
			head_write(s->r, out);
		return true;
	}
	if (clients_write(s, out, dt_now_ns() + STEP_NS))
		return true;
	fputs("],\"invitations\":", out);
	value_write(out, invitations_status(s->r));
	fputs(",\"counters\":", out);
	value_write(out, counters_status(s->r));
	fputc('}', out);
	return false;
}

static void status_end(void *answer)
{
	struct status *s = answer;

	if (!s->sampled)
		dt_flows_sample_cancel(s->r->flows);
	free(s);
}

const struct dt_control_steps dt_relay_status = {status_begin, status_step, status_end};
