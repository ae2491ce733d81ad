/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor/nft.h"

#include <stdio.h>
#include <string.h>

/* Chains that jump deeper are not followed. */
#define DEPTH_MAX 16

enum answer { NO, YES, MAYBE };

/* What becomes of a packet in a chain. */
enum fate { GOES_ON, ACCEPTED, DROPPED, UNSURE };

struct walk {
	const json_t *objects; /* of the ruleset */
	const struct dt_nft_packet *packet;
	long long rule; /* that dropped it */
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static enum answer answer_of(bool yes)
{
	return yes ? YES : NO;
}

/* --- one value against what a rule asks for ---------------------------------------------------- */

/* What the packet has where a rule looks: a number, an address or a word; none of them: not known. */
struct value {
	long long number; /* -1: none */
	const struct dt_ip *ip;
	const char *word;
};

static struct value field_value(const struct dt_nft_packet *p, const char *protocol, const char *field)
{
	struct value v = {-1, NULL, NULL};
	bool source = strncmp(field, "sa", 2) == 0 || strncmp(field, "sp", 2) == 0;
	bool port = strcmp(field, "sport") == 0 || strcmp(field, "dport") == 0;
	bool address = strcmp(field, "saddr") == 0 || strcmp(field, "daddr") == 0;
	const struct dt_ip *ip = source ? &p->source : &p->destination;

	if (port && (strcmp(protocol, p->protocol) == 0 || strcmp(protocol, "th") == 0)) {
		v.number = source ? p->source_port : p->destination_port;
		v.number = v.number ? v.number : -1;
	}
	if (address && !dt_ip_is_unset(ip) && strcmp(protocol, p->family == 4 ? "ip" : "ip6") == 0)
		v.ip = ip;
	if (strcmp(protocol, "ip") == 0 && strcmp(field, "protocol") == 0 && p->family == 4)
		v.word = p->protocol;
	if (strcmp(protocol, "ip6") == 0 && strcmp(field, "nexthdr") == 0 && p->family == 6)
		v.word = p->protocol;
	return v;
}

static struct value meta_value(const struct dt_nft_packet *p, const char *key)
{
	struct value v = {-1, NULL, NULL};

	if (strcmp(key, "l4proto") == 0)
		v.word = p->protocol;
	else if (strcmp(key, "nfproto") == 0)
		v.word = p->family == 4 ? "ipv4" : "ipv6";
	else if (strcmp(key, "protocol") == 0)
		v.word = p->family == 4 ? "ip" : "ip6";
	else if (strncmp(key, p->incoming ? "iif" : "oif", 3) == 0)
		v.word = p->interface;
	return v;
}

/* Another protocol's or family's field never matches: the rule asks for that protocol, too. */
static bool is_of_other(const struct dt_nft_packet *p, const char *protocol)
{
	static const char *const transports[] = {"tcp",	 "udp", "icmp", "icmpv6", "sctp",
						 "dccp", "esp", "ah",	"udplite"};

	if (strcmp(protocol, p->family == 4 ? "ip6" : "ip") == 0)
		return true;
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
		if (strcmp(protocol, transports[i]) == 0)
			return strcmp(protocol, p->protocol) != 0;
	return false;
}

static enum answer value_in(const struct value *v, const json_t *wanted);

static enum answer value_in_list(const struct value *v, const json_t *list)
{
	enum answer any = NO, one;
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		one = value_in(v, item);
		if (one == YES)
			return YES;
		any = one == MAYBE ? MAYBE : any;
	}
	return any;
}

static enum answer ip_in(const struct dt_ip *ip, const char *text, long long bits)
{
	struct dt_prefix prefix;
	char whole[64];

	snprintf(whole, sizeof(whole), bits < 0 ? "%s" : "%s/%lld", text, bits);
	return dt_prefix_parse(&prefix, whole) == 0 ? answer_of(dt_prefix_contains(&prefix, ip)) : MAYBE;
}

static enum answer word_is(const char *word, const char *wanted)
{
	size_t len = strlen(wanted);

	if (*wanted == '@' || *wanted == '$')
		return MAYBE;
	if (len && wanted[len - 1] == '*')
		return answer_of(strncmp(word, wanted, len - 1) == 0);
	return answer_of(strcmp(word, wanted) == 0);
}

static enum answer value_in(const struct value *v, const json_t *wanted)
{
	const json_t *part;

	if (json_is_array(wanted))
		return value_in_list(v, wanted);
	if ((part = json_object_get(wanted, "set")))
		return json_is_array(part) ? value_in_list(v, part) : MAYBE;
	if ((part = json_object_get(wanted, "elem")))
		return value_in(v, json_object_get(part, "val"));
	if ((part = json_object_get(wanted, "range")) && v->number >= 0 && json_is_integer(json_array_get(part, 0)))
		return answer_of(v->number >= json_integer_value(json_array_get(part, 0)) &&
				 v->number <= json_integer_value(json_array_get(part, 1)));
	if ((part = json_object_get(wanted, "prefix")) && v->ip)
		return ip_in(v->ip, text_of(part, "addr"), json_integer_value(json_object_get(part, "len")));
	if (v->number >= 0 && json_is_integer(wanted))
		return answer_of(v->number == json_integer_value(wanted));
	if (v->ip && json_is_string(wanted) && *json_string_value(wanted) != '@')
		return ip_in(v->ip, json_string_value(wanted), -1);
	if (v->word && json_is_string(wanted))
		return word_is(v->word, json_string_value(wanted));
	return MAYBE;
}

/* The value that an expression names. False: another protocol has it, so the packet has none. */
static bool expression_value(const struct dt_nft_packet *p, const json_t *left, struct value *out)
{
	const json_t *part;

	*out = (struct value){-1, NULL, NULL};
	if ((part = json_object_get(left, "payload"))) {
		if (is_of_other(p, text_of(part, "protocol")))
			return false;
		*out = field_value(p, text_of(part, "protocol"), text_of(part, "field"));
	} else if ((part = json_object_get(left, "meta"))) {
		*out = meta_value(p, text_of(part, "key"));
	} else if ((part = json_object_get(left, "ct")) && strcmp(text_of(part, "key"), "state") == 0) {
		out->word = p->state;
	}
	return true;
}

/* No interface of ours is lo. */
static bool asks_for_lo(const json_t *left, const json_t *right)
{
	const json_t *meta = json_object_get(left, "meta");
	const char *key = text_of(meta, "key"), *name = json_string_value(right);

	return name && strcmp(name, "lo") == 0 && (strncmp(key, "iif", 3) == 0 || strncmp(key, "oif", 3) == 0);
}

static enum answer match_judge(const struct dt_nft_packet *p, const json_t *match)
{
	const json_t *left = json_object_get(match, "left"), *right = json_object_get(match, "right");
	const char *op = text_of(match, "op");
	enum answer answer = MAYBE;
	struct value v;

	if (!expression_value(p, left, &v))
		return NO;
	if (asks_for_lo(left, right))
		answer = NO;
	else if (strcmp(op, "==") == 0 || strcmp(op, "in") == 0 || strcmp(op, "!=") == 0)
		answer = value_in(&v, right);
	if (strcmp(op, "!=") == 0 && answer != MAYBE)
		return answer == YES ? NO : YES;
	return answer;
}

/* --- rules and chains -------------------------------------------------------------------------- */

static enum fate chain_walk(struct walk *w, const json_t *chain, unsigned depth);

static const json_t *chain_find(const struct walk *w, const json_t *like, const char *name)
{
	const json_t *object;
	size_t i;

	json_array_foreach(w->objects, i, object) {
		const json_t *chain = json_object_get(object, "chain");

		if (chain && strcmp(text_of(chain, "name"), name) == 0 &&
		    strcmp(text_of(chain, "table"), text_of(like, "table")) == 0 &&
		    strcmp(text_of(chain, "family"), text_of(like, "family")) == 0)
			return chain;
	}
	return NULL;
}

/* True: it is a verdict, see *fate. *leaves: the chain ends, too. */
static bool verdict_take(struct walk *w, const json_t *chain, const json_t *statement, unsigned depth, enum fate *fate,
			 bool *leaves)
{
	const json_t *jump = json_object_get(statement, "jump"), *go = json_object_get(statement, "goto");

	*leaves = true;
	if (json_object_get(statement, "accept")) {
		*fate = ACCEPTED;
	} else if (json_object_get(statement, "drop") || json_object_get(statement, "reject")) {
		*fate = DROPPED;
	} else if (json_object_get(statement, "return")) {
		*fate = GOES_ON;
	} else if (jump || go) {
		const json_t *target = chain_find(w, chain, text_of(jump ? jump : go, "target"));

		*fate = target && depth < DEPTH_MAX ? chain_walk(w, target, depth + 1) : UNSURE;
		*leaves = go != NULL;
	} else if (json_object_get(statement, "queue") || json_object_get(statement, "xt")) {
		*fate = UNSURE;
	} else {
		return false;
	}
	return true;
}

/* Each pair of the map: who matches it, and the verdict. */
static enum fate map_walk(struct walk *w, const json_t *chain, const json_t *map, unsigned depth)
{
	const json_t *pairs = json_object_get(json_object_get(map, "data"), "set"), *pair;
	enum fate fate;
	struct value v;
	bool leaves;
	size_t i;

	if (!json_is_array(pairs))
		return UNSURE;
	if (!expression_value(w->packet, json_object_get(map, "key"), &v))
		return GOES_ON;
	json_array_foreach(pairs, i, pair) {
		enum answer answer = value_in(&v, json_array_get(pair, 0));

		if (answer == MAYBE)
			return UNSURE;
		if (answer == YES)
			return verdict_take(w, chain, json_array_get(pair, 1), depth, &fate, &leaves) ? fate : UNSURE;
	}
	return GOES_ON;
}

/* What one rule does; GOES_ON: the next one decides. *leaves: so does the chain end. */
static enum fate rule_walk(struct walk *w, const json_t *chain, const json_t *rule, unsigned depth, bool *leaves)
{
	enum answer matches = YES;
	enum fate fate = GOES_ON;
	const json_t *statement, *part;
	bool verdict = false;
	size_t i;

	*leaves = false;
	json_array_foreach(json_object_get(rule, "expr"), i, statement) {
		if ((part = json_object_get(statement, "match"))) {
			enum answer one = match_judge(w->packet, part);

			if (one == NO)
				return GOES_ON;
			matches = one == MAYBE ? MAYBE : matches;
		} else if (json_object_get(statement, "limit")) {
			matches = MAYBE;
		} else if ((part = json_object_get(statement, "vmap"))) {
			fate = map_walk(w, chain, part, depth);
			verdict = true;
		} else {
			verdict |= verdict_take(w, chain, statement, depth, &fate, leaves);
		}
	}
	if (!verdict) {
		*leaves = false;
		return GOES_ON;
	}
	if (fate == DROPPED && matches == YES && !w->rule)
		w->rule = json_integer_value(json_object_get(rule, "handle"));
	if (matches == YES)
		return fate;
	/* some packets may be dropped here, others not; or they pass, and what follows is not for them */
	*leaves = false;
	return fate == DROPPED || (fate == GOES_ON && !verdict) ? GOES_ON : UNSURE;
}

static enum fate chain_walk(struct walk *w, const json_t *chain, unsigned depth)
{
	const json_t *object;
	bool unsure = false, leaves;
	enum fate fate;
	size_t i;

	json_array_foreach(w->objects, i, object) {
		const json_t *rule = json_object_get(object, "rule");

		if (!rule || strcmp(text_of(rule, "chain"), text_of(chain, "name")) != 0 ||
		    strcmp(text_of(rule, "table"), text_of(chain, "table")) != 0 ||
		    strcmp(text_of(rule, "family"), text_of(chain, "family")) != 0)
			continue;
		fate = rule_walk(w, chain, rule, depth, &leaves);
		if (fate == UNSURE)
			unsure = true;
		else if (fate != GOES_ON || leaves)
			return unsure && fate == DROPPED ? UNSURE : fate;
	}
	return unsure ? UNSURE : GOES_ON;
}

/* Does this base chain see the packet? */
static bool is_on_way(const json_t *chain, const struct dt_nft_packet *p)
{
	const char *hook = text_of(chain, "hook"), *family = text_of(chain, "family");
	const char *const in[] = {"ingress", "prerouting", "input"}, *const out[] = {"output", "postrouting", "egress"};

	if (strcmp(text_of(chain, "type"), "nat") == 0 || strcmp(family, p->family == 4 ? "ip6" : "ip") == 0 ||
	    strcmp(family, "arp") == 0 || strcmp(family, "bridge") == 0)
		return false;
	for (size_t i = 0; i < 3; i++)
		if (strcmp(hook, p->incoming ? in[i] : out[i]) == 0)
			return true;
	return false;
}

bool dt_nft_drops(const json_t *ruleset, const struct dt_nft_packet *packet, struct dt_nft_drop *out)
{
	struct walk w = {json_object_get(ruleset, "nftables"), packet, 0};
	const json_t *object;
	size_t i;

	json_array_foreach(w.objects, i, object) {
		const json_t *chain = json_object_get(object, "chain");
		enum fate fate;

		if (!chain || !is_on_way(chain, packet))
			continue;
		w.rule = 0;
		fate = chain_walk(&w, chain, 0);
		if (fate == GOES_ON && strcmp(text_of(chain, "policy"), "drop") == 0)
			fate = DROPPED;
		if (fate != DROPPED)
			continue;
		snprintf(out->chain, sizeof(out->chain), "%s %s %s", text_of(chain, "family"), text_of(chain, "table"),
			 text_of(chain, "name"));
		out->rule = w.rule;
		return true;
	}
	return false;
}
