/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/probe/words.h"

#include <stdlib.h>
#include <string.h>

#include "base/special.h"
#include "cli/fields.h"
#include "cli/text.h"

static const char *const tcp_words[] = {
	[DT_PROBE_ANSWERS] = "answers",
	[DT_PROBE_REFUSED] = "refused",
	[DT_PROBE_SILENT] = "silent",
	[DT_PROBE_UNREACHABLE] = "unreachable",
};
static const char *const mptcp_words[] = {
	[DT_PROBE_UNASKED] = "unknown", [DT_PROBE_YES] = "yes",	  [DT_PROBE_NO] = "no",
	[DT_PROBE_DROPPED] = "dropped", [DT_PROBE_LOST] = "lost",
};
static const char *const joins_words[] = {
	[DT_PROBE_UNTRIED] = "unknown",	      [DT_PROBE_TAKEN] = "taken",      [DT_PROBE_RESET] = "reset",
	[DT_PROBE_UNANSWERED] = "unanswered", [DT_PROBE_NO_JOIN] = "stripped",
};

static bool speaks(const struct dt_probe *p)
{
	return p->mptcp == DT_PROBE_YES || p->mptcp == DT_PROBE_LOST;
}

/* --- what was found ---------------------------------------------------------------------------- */

static void tcp_say(const struct dt_probe *p, FILE *to)
{
	switch (p->tcp) {
	case DT_PROBE_ANSWERS:
		fprintf(to, "answers, in %.1f ms", p->rtt_us / 1000.0);
		return;
	case DT_PROBE_REFUSED:
		fputs("refused: nothing listens there, or a firewall says so", to);
		return;
	case DT_PROBE_SILENT:
		fputs("no answer", to);
		return;
	case DT_PROBE_UNREACHABLE:
		fprintf(to, "cannot be reached: %s", strerror(p->tcp_error));
		return;
	}
}

static void mptcp_say(const struct dt_probe *p, FILE *to)
{
	switch (p->mptcp) {
	case DT_PROBE_UNASKED:
		fprintf(to, "not known: this host cannot ask: %s", strerror(p->mptcp_error));
		return;
	case DT_PROBE_YES:
		fputs("yes", to);
		return;
	case DT_PROBE_NO:
		fputs("no: the answer carries no MP_CAPABLE; the server lacks MPTCP, or something on the way strips it",
		      to);
		return;
	case DT_PROBE_DROPPED:
		fputs("no: SYNs with MP_CAPABLE are not answered, others are: something on the way drops them", to);
		return;
	case DT_PROBE_LOST:
		fputs("no: the handshake has it, but something on the way strips it from later segments", to);
		return;
	}
}

static void joins_say(const struct dt_probe *p, FILE *to)
{
	switch (p->joins) {
	case DT_PROBE_UNTRIED:
		fputs("not known", to);
		return;
	case DT_PROBE_TAKEN:
		fputs("taken: the SYN of a join from another port was answered; a limit would show only later", to);
		return;
	case DT_PROBE_RESET:
		fputs("refused: the SYN of a join from another port was reset", to);
		return;
	case DT_PROBE_UNANSWERED:
		fputs("no answer: something on the way, or the server's firewall, drops them", to);
		return;
	case DT_PROBE_NO_JOIN:
		fputs("answered without MP_JOIN: something on the way strips it, or another host answers", to);
		return;
	}
}

static void way_say(const struct dt_probe *p, FILE *to)
{
	char ip[DT_IP_STRLEN];

	if (p->mptcp == DT_PROBE_YES)
		fputs(p->acked ? "nothing strips MPTCP's options, in either direction"
			       : "the handshake passes; of later segments nothing is known, the server did not answer "
				 "them",
		      to);
	else if (p->mptcp == DT_PROBE_LOST)
		fputs("something strips MPTCP's options after the handshake", to);
	else if (p->stripped_hop)
		fprintf(to,
			"%s, hop %u, got the SYN without MP_CAPABLE: it or something before it strips MPTCP's options",
			dt_ip_format(&p->stripped_at, ip), p->stripped_hop);
	else if (p->hops)
		fprintf(to, "up to hop %u nothing strips MP_CAPABLE; of what is behind nothing is known", p->hops);
	else
		fputs("not known: no router says what it got", to);
}

/* --- what detourd makes of it ------------------------------------------------------------------ */

/* Names as words: "a, b and c". */
static void names_say(const json_t *names, FILE *to)
{
	size_t count = json_array_size(names);

	for (size_t i = 0; i < count; i++)
		fprintf(to, "%s%s",
			i == 0		 ? ""
			: i + 1 == count ? " and "
					 : ", ",
			json_string_value(json_array_get(names, i)));
}

static void detours_say(const struct dt_probe *p, const json_t *plan, FILE *to)
{
	const char *rule = dt_field_text_if_any(plan, "rule");

	if (p->joins == DT_PROBE_RESET || p->joins == DT_PROBE_NO_JOIN)
		fputs("its connections get no detours, since the server takes no joins", to);
	else if (p->c_flag)
		fputs("its connections get detours only if the server announces another address for them (C flag)", to);
	else if (!plan)
		fputs("its connections would get detours", to);
	else if (dt_field_number(plan, "detours") == 0 || json_array_size(json_object_get(plan, "relays")) == 0)
		fputs("its connections get no detours", to);
	else {
		fprintf(to, "its connections get up to %lld detours, over ",
			(long long)dt_field_number(plan, "detours"));
		names_say(json_object_get(plan, "relays"), to);
	}
	if (*rule)
		fprintf(to, ", by rule %s", rule);
}

static void plain_say(const json_t *why, const json_t *plan, FILE *to)
{
	const json_t *conversion = json_array_get(json_object_get(why, "conversions"), 0);
	const char *mode = dt_field_text_if_any(plan, "convert");

	if (*dt_field_text_if_any(conversion, "converter"))
		fprintf(to, "new MPTCP connections are converted by %s, and get detours to it",
			dt_field_text(conversion, "converter"));
	else if (conversion)
		fprintf(to, "connections are plain TCP, not converted: %s", dt_field_text(conversion, "why"));
	else if (strcmp(mode, "auto") == 0 || strcmp(mode, "always") == 0)
		fputs("after a first MPTCP connection, new ones are converted, if a relay of the rule converts", to);
	else
		fputs("connections stay plain TCP; with convert = auto, and a relay that converts, they would get "
		      "detours",
		      to);
}

static void detourd_say(const struct dt_probe *p, const json_t *why, FILE *to)
{
	const json_t *plan = json_object_get(why, "plan");
	const char *range = "";

	if (!why)
		fputs("not asked: ", to);
	if (plan ? dt_field_is_true(plan, "untold") : dt_special_find(&p->server.ip, &range) != NULL)
		fputs("no relay is told of private and other special-purpose addresses, unless a rule's destination is "
		      "one of them",
		      to);
	else if (p->mptcp == DT_PROBE_YES)
		detours_say(p, plan, to);
	else if (p->mptcp == DT_PROBE_UNASKED)
		fputs("nothing without MPTCP on this host: see detourd doctor", to);
	else
		plain_say(why, plan, to);
}

/* --- both forms -------------------------------------------------------------------------------- */

typedef void (*say_fn)(const struct dt_probe *p, FILE *to);

static void line(const char *title, const struct dt_probe *p, say_fn say, FILE *to)
{
	fprintf(to, "  %-9s ", title);
	say(p, to);
	putc('\n', to);
}

void dt_probe_print(const struct dt_probe *p, const json_t *why, FILE *to)
{
	char server[DT_ENDPOINT_STRLEN];

	fprintf(to, "%s\n", dt_endpoint_format(&p->server, server));
	line("TCP", p, tcp_say, to);
	if (p->tcp != DT_PROBE_ANSWERS)
		return;
	line("MPTCP", p, mptcp_say, to);
	if (speaks(p) && p->raw) {
		line("joins", p, joins_say, to);
		fprintf(to, "  %-9s %s\n", "C flag",
			p->c_flag ? "set: it wants no joins at this address"
				  : "not set: joins may come to this address");
	}
	if (speaks(p) || p->raw)
		line("way", p, way_say, to);
	if (!p->raw)
		fprintf(to, "  %-9s not known without root (CAP_NET_RAW): %s\n", "more",
			speaks(p) ? "whether it takes joins, and its C flag" : "where on the way options are stripped");
	fprintf(to, "  %-9s ", "detourd");
	detourd_say(p, why, to);
	putc('\n', to);
}

static json_t *text_of(const struct dt_probe *p, const json_t *why)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	json_t *value;

	if (!to)
		return json_string("");
	detourd_say(p, why, to);
	fclose(to);
	value = json_string(text);
	free(text);
	return value;
}

json_t *dt_probe_json(const struct dt_probe *p, const json_t *why)
{
	char server[DT_ENDPOINT_STRLEN], router[DT_IP_STRLEN] = "";
	bool found = p->tcp == DT_PROBE_ANSWERS;
	json_t *all;

	if (p->stripped_hop)
		dt_ip_format(&p->stripped_at, router);
	all = json_pack("{s:s, s:s, s:s, s:I}", "address", dt_endpoint_format(&p->server, server), "tcp",
			tcp_words[p->tcp], "tcp_error", p->tcp_error ? strerror(p->tcp_error) : "", "rtt_us",
			(json_int_t)(found ? p->rtt_us : 0));
	if (!found)
		return all;
	json_object_set_new(all, "mptcp", json_string(mptcp_words[p->mptcp]));
	json_object_set_new(all, "mptcp_error", json_string(p->mptcp_error ? strerror(p->mptcp_error) : ""));
	json_object_set_new(all, "acked", json_boolean(p->acked));
	json_object_set_new(all, "raw", json_boolean(p->raw));
	json_object_set_new(all, "joins", json_string(joins_words[p->joins]));
	json_object_set_new(all, "c_flag", p->raw && speaks(p) ? json_boolean(p->c_flag) : json_null());
	json_object_set_new(all, "hops", json_integer(p->hops));
	json_object_set_new(all, "stripped_hop", json_integer(p->stripped_hop));
	json_object_set_new(all, "stripped_at", json_string(router));
	json_object_set_new(all, "detourd", text_of(p, why));
	return all;
}
