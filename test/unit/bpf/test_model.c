/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nat.bpf compared with its model: random packets, leases, revocations, policies, absences of the daemon, sweeps and time
 * that passes must have the same outcome in both. The environment may set DT_MODEL_STEPS (20,000) and DT_MODEL_SEED (1).
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <linux/pkt_cls.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "bpf/fixture.h"
#include "bpf/model.h"

#define DPT 50000
#define SPORT 1000
#define SOURCE 40000
#define COMPARE_EVERY 500

static struct model model;
static unsigned family;
static uint64_t random_state;

static uint32_t any(uint32_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 32) % below;
}

static const char *client_text(unsigned i)
{
	static const char *const texts[2][MODEL_HOSTS] = {{"192.0.2.2", "192.0.2.3"},
							  {"2001:db8:c::2", "2001:db8:c::3"}};

	return texts[family == 6][i];
}

static const char *server_text(unsigned i)
{
	static const char *const texts[2][MODEL_HOSTS] = {{"203.0.113.2", "203.0.113.9"},
							  {"2001:db8:5::2", "2001:db8:5::9"}};

	return texts[family == 6][i];
}

static struct dt_ip ip_of(const char *text)
{
	struct dt_ip ip = {0};

	dt_ip_parse(&ip, text);
	return ip;
}

/* Clients have the ids 1, 2 and so on; 0 is the relay as a whole. */
static uint64_t id_of(unsigned client)
{
	return client + 1;
}

/* --- changes, made in both ----------------------------------------------------------------------- */

static void lease_put(unsigned client, unsigned lease)
{
	const struct model_lease *l = &model.leases[client][lease];
	struct dt_lease_key key = {.client = ip_of(client_text(client)),
				   .relay = ip_of(scene_relay(family)),
				   .dpt_be16 = htons((uint16_t)(DPT + lease))};
	struct dt_lease value = {.client_id = id_of(client),
				 .expires_ns = l->is_over ? 1 : DT_NEVER,
				 .server = ip_of(server_text(l->server)),
				 .rpt_be16 = htons(SCENE_RPT)};
	int fd = bpf_map__fd(scene.skel->maps.leases);

	if (l->is_there)
		bpf_map_update_elem(fd, &key, &value, BPF_ANY);
	else
		bpf_map_delete_elem(fd, &key);
}

static void client_put(unsigned client)
{
	const struct model_client *c = &model.clients[client];
	struct dt_client_limits limits = {.max_flows = c->max_flows,
					  .max_half_open = c->max_half_open,
					  .max_new_flows = 1000000,
					  .flags = c->plain ? DT_CLIENT_PLAIN_TCP : 0,
					  .rate = 125000000000,
					  .bucket_ns = DT_SEC};
	uint64_t id = id_of(client);
	int fd = bpf_map__fd(scene.skel->maps.clients);

	if (c->is_there)
		bpf_map_update_elem(fd, &id, &limits, BPF_ANY);
	else
		bpf_map_delete_elem(fd, &id);
}

static void policy_put(void)
{
	scene.config.policy_generation++;
	scene_config_store(&scene);
	for (unsigned c = 0; c < MODEL_HOSTS; c++)
		for (unsigned s = 0; s < MODEL_HOSTS; s++)
			if (model.clients[c].denied[s])
				scene_policy_put(&scene, id_of(c), DT_POLICY_DENY, server_text(s));
}

static void daemon_put(void)
{
	uint64_t now_ns = dt_now_ns();

	scene.config.alive_until_ns = model.daemon_away ? now_ns - 1 : DT_NEVER;
	scene.config.dead_after_ns = model.daemon_dead ? now_ns - 1 : DT_NEVER;
	scene.config.dead_awake_ns = model.daemon_dead ? dt_awake_ns() - 1 : DT_NEVER;
	scene_config_store(&scene);
}

/* Not to before the machine's start, where BPF's clock begins. */
static void pass_time(int64_t ns)
{
	for (struct model_flow *f = model.flows; f < model.flows + MODEL_FLOWS; f++)
		if (f->is_there && (f->changed_ns < ns || f->side[0].seen_ns < ns || f->side[1].seen_ns < ns))
			return;
	scene_flows_age(&scene, (uint64_t)ns);
	for (struct model_flow *f = model.flows; f < model.flows + MODEL_FLOWS; f++) {
		f->changed_ns -= ns;
		f->syn_again_ns -= ns;
		f->side[0].seen_ns -= ns;
		f->side[1].seen_ns -= ns;
	}
}

static struct dt_flow_key up_key(const struct model_flow *f)
{
	return (struct dt_flow_key){.src = ip_of(client_text(f->client)),
				    .dst = ip_of(scene_relay(family)),
				    .sport_be16 = htons((uint16_t)(SPORT + f->sport)),
				    .dport_be16 = htons((uint16_t)(DPT + f->lease))};
}

static struct dt_flow_key down_key(const struct model_flow *f)
{
	return (struct dt_flow_key){.src = ip_of(server_text(f->server)),
				    .dst = ip_of(scene_relay(family)),
				    .sport_be16 = htons(SCENE_RPT),
				    .dport_be16 = htons(f->source)};
}

static void ended_add(uint64_t id, const struct model_flow *f)
{
	int fd = bpf_map__fd(scene.skel->maps.ended);
	struct dt_client_ended ended;

	bpf_map_lookup_elem(fd, &id, &ended);
	if (f->state != DT_FLOW_ENDED) {
		ended.flows++;
		ended.half_open += f->state == DT_FLOW_HALF_OPEN;
	}
	bpf_map_update_elem(fd, &id, &ended, BPF_ANY);
}

static void flow_delete(struct model_flow *f)
{
	int fd = bpf_map__fd(scene.skel->maps.flows);
	struct dt_flow_key up = up_key(f), down = down_key(f);

	cr_assert_eq(bpf_map_delete_elem(fd, &up), 0, "no entry up");
	if (f->state != DT_FLOW_REFUSED)
		cr_assert_eq(bpf_map_delete_elem(fd, &down), 0, "no entry down");
	ended_add(id_of(f->client), f);
	ended_add(0, f);
	f->is_there = false;
}

/* As the relay's sweep. Flows of clients that are gone are deleted too, and with "all" every flow, as a reload may do. */
static void sweep(bool all)
{
	for (struct model_flow *f = model.flows; f < model.flows + MODEL_FLOWS; f++)
		if (f->is_there && (all || !model.clients[f->client].is_there ||
				    (int64_t)dt_now_ns() > model_end(&model, f) + (int64_t)DT_FLOW_SWEEP_NS))
			flow_delete(f);
}

static void change_something(void)
{
	static const int64_t times[] = {1, 2, 3, 5, 6, 9, 15, 21, 30, 41};
	unsigned client = any(MODEL_HOSTS), lease = any(MODEL_LEASES);
	struct model_client *c = &model.clients[client];

	switch (any(20)) {
	case 0:
	case 1:
		model.leases[client][lease] =
			(struct model_lease){.is_there = any(6) > 0, .is_over = any(8) == 0, .server = any(4) == 0};
		lease_put(client, lease);
		break;
	case 2:
		c->plain = any(3) == 0;
		c->max_flows = any(8);
		c->max_half_open = any(5);
		c->is_there = any(10) > 0;
		client_put(client);
		sweep(false);
		break;
	case 3:
		c->max_flows = 20;
		c->max_half_open = 10;
		c->is_there = true;
		client_put(client);
		break;
	case 4:
		c->denied[any(MODEL_HOSTS)] = any(4) == 0;
		policy_put();
		break;
	case 5:
		model.daemon_away = any(3) == 0;
		model.daemon_dead = model.daemon_away && any(3) == 0;
		daemon_put();
		break;
	case 6:
		model.daemon_away = model.daemon_dead = false;
		daemon_put();
		break;
	case 7:
		model.max_flows = scene.config.max_flows = 4 + any(12);
		scene_config_store(&scene);
		break;
	case 8:
	case 9:
	case 10:
		pass_time(times[any(sizeof(times) / sizeof(times[0]))] * (int64_t)DT_SEC);
		break;
	default:
		sweep(any(20) == 0);
		break;
	}
}

/* --- packets ------------------------------------------------------------------------------------- */

/* A sequence number, or with "ack" an acknowledgement, near one that the flow has, or anywhere. */
static uint32_t near(const struct model_flow *f, enum dt_flow_dir dir, bool ack)
{
	const struct model_side *mine = &f->side[dir], *other = &f->side[!dir];
	static const int32_t steps[] = {-70000, -1401, -1400, -1, 1, 2, 100, 1400, 65536, 1100000, 9000000, 20000000};
	uint32_t base;

	switch (any(8)) {
	case 0:
		base = ack ? other->start : mine->start;
		break;
	case 1:
		base = ack ? mine->acked : other->acked;
		break;
	case 2:
		base = ack ? other->fin_end : mine->fin_end;
		break;
	case 3:
		base = ack ? mine->bound : other->bound;
		break;
	default:
		base = ack ? other->end : mine->end;
		break;
	}
	if (any(3) == 0)
		base += (uint32_t)steps[any(sizeof(steps) / sizeof(steps[0]))];
	return any(60) ? base : random_state & 0xffffffff;
}

static void options_choose(struct packet_spec *s)
{
	static const enum option_kind others[] = {OPT_MSS, OPT_NONE, OPT_CAPABLE, OPT_JOIN_SYN, OPT_JOIN_SYNACK};

	s->options = !(s->flags & SYN) ? OPT_NONE : s->flags & ACK ? OPT_JOIN_SYNACK : OPT_JOIN_SYN;
	if (s->flags & SYN && any(6) == 0)
		s->options = others[any(5)];
}

static void packet_choose(struct model_packet *p, struct packet_spec *s)
{
	static const uint8_t flags[] = {SYN, SYN,	SYN, SYN | ACK, SYN | ACK, ACK,	      ACK,
					ACK, ACK,	ACK, ACK,	ACK,	   FIN | ACK, FIN | ACK,
					RST, RST | ACK, 0,   SYN | FIN, SYN | RST};
	static const uint16_t windows[] = {0, 1, 500, 0xff00}, payloads[] = {0, 0, 0, 1, 100, 1400, 1461};
	struct model_flow *f = &model.flows[any(MODEL_FLOWS)], none = {0};

	p->dir = any(2);
	p->client = any(MODEL_HOSTS);
	p->sport = any(MODEL_SPORTS);
	p->lease = any(MODEL_LEASES);
	p->server = any(MODEL_HOSTS);
	p->source = (uint16_t)(SOURCE + any(MODEL_SOURCES));
	for (unsigned i = 0; i < MODEL_FLOWS && any(5); i++)
		if (model.flows[i].is_there && any(3) == 0) {
			f = &model.flows[i];
			p->client = f->client;
			p->sport = f->sport;
			p->lease = f->lease;
			p->server = f->server;
			p->source = f->source;
		}
	f = model_find(&model, p);
	if (!f)
		f = &none;
	s->flags = flags[any(sizeof(flags))];
	if (f->state == DT_FLOW_HALF_OPEN && f->is_there && any(2)) {
		p->dir = DT_DIR_DOWN;
		s->flags = SYN | ACK;
	}
	options_choose(s);
	s->seq = near(f, p->dir, false) - (s->flags & SYN ? 1 : 0);
	s->ack = near(f, p->dir, true);
	s->window = windows[any(4)];
	s->payload = s->flags & SYN && any(10) ? 0 : payloads[any(7)];
	s->hops = any(25) ? 64 : (uint8_t)(1 + any(2));
	s->mss = 1400;
	s->family = family;
	s->src = p->dir == DT_DIR_UP ? client_text(p->client) : server_text(p->server);
	s->dst = scene_relay(family);
	s->sport = (uint16_t)(p->dir == DT_DIR_UP ? SPORT + p->sport : SCENE_RPT);
	s->dport = (uint16_t)(p->dir == DT_DIR_UP ? DPT + p->lease : p->source);
	p->spec = s;
}

static void forwarded_check(unsigned step, const struct model_packet *p, struct model_flow *f, const uint8_t *frame,
			    size_t len)
{
	struct packet_seen out;
	bool is_up = p->dir == DT_DIR_UP;

	cr_assert(packet_read(frame, len, &out), "step %u: no TCP", step);
	cr_assert(out.ip_sum_ok && out.tcp_sum_ok, "step %u: checksums", step);
	cr_assert_str_eq(out.src, scene_relay(family));
	cr_assert_str_eq(out.dst, is_up ? server_text(f->server) : client_text(f->client), "step %u: to %s", step,
			 out.dst);
	cr_assert_eq(out.dport, is_up ? SCENE_RPT : SPORT + f->sport, "step %u: to port %u", step, out.dport);
	cr_assert_eq(out.hops, p->spec->hops - 1);
	if (is_up && !f->source) {
		cr_assert(out.sport >= SOURCE && out.sport < SOURCE + MODEL_SOURCES, "step %u: port", step);
		for (struct model_flow *o = model.flows; o < model.flows + MODEL_FLOWS; o++)
			cr_assert(!o->is_there || o->state == DT_FLOW_REFUSED || o->server != f->server ||
					  o->source != out.sport,
				  "step %u: port %u twice", step, out.sport);
		f->source = out.sport;
	}
	cr_assert_eq(out.sport, is_up ? f->source : DPT + f->lease, "step %u: from port %u", step, out.sport);
}

/* For a flow whose SYN exceeds the MTU: its source port is only in the map. */
static void source_learn(struct model_flow *f)
{
	struct dt_flow_key key = up_key(f);
	struct dt_flow value;

	cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.flows), &key, &value), 0);
	f->source = ntohs(value.new_sport_be16);
}

static void packet_run(unsigned step)
{
	static const int verdicts[] = {[MODEL_FORWARD] = TC_ACT_REDIRECT,
				       [MODEL_PASS] = TC_ACT_UNSPEC,
				       [MODEL_DROP] = TC_ACT_SHOT,
				       [MODEL_ANSWER] = TC_ACT_REDIRECT};
	struct packet_spec spec;
	struct model_packet p;
	struct model_flow *flow;
	enum model_fate fate;
	uint8_t frame[2048];
	unsigned counter;
	size_t len;
	int verdict;

	packet_choose(&p, &spec);
	if (model_is_close(&model, &p, (int64_t)dt_now_ns())) {
		pass_time((int64_t)DT_SEC);
		return;
	}
	len = packet_build(&spec, frame);
	scene_icmp_refill(&scene);
	verdict = scene_run(&scene, frame, &len, 0, 0);
	fate = model_run(&model, &p, (int64_t)dt_now_ns(), &counter, &flow);
	if (verdict != verdicts[fate])
		for (unsigned i = 0; i < DT_NAT_COUNTERS; i++)
			if (scene_counter(&scene, i) != model.counters[i])
				cr_log_error("counter %u is %llu, not %llu", i,
					     (unsigned long long)scene_counter(&scene, i),
					     (unsigned long long)model.counters[i]);
	cr_assert_eq(verdict, verdicts[fate],
		     "step %u: verdict %d, not %d (counter %u); %s flags %x state %u seq %u ack %u payload %u", step,
		     verdict, verdicts[fate], counter, p.dir ? "down" : "up", spec.flags, flow ? flow->state : 99,
		     spec.seq, spec.ack, spec.payload);
	if (fate == MODEL_FORWARD)
		forwarded_check(step, &p, flow, frame, len);
	else if (flow && flow->is_there && !flow->source)
		source_learn(flow);
}

/* --- both are compared --------------------------------------------------------------------------- */

static void side_compare(unsigned step, const struct model_flow *f, enum dt_flow_dir dir)
{
	struct dt_flow_key key = dir == DT_DIR_UP ? up_key(f) : down_key(f);
	const struct model_side *s = &f->side[dir];
	struct dt_flow e;

	cr_assert_eq(bpf_map_lookup_elem(bpf_map__fd(scene.skel->maps.flows), &key, &e), 0, "before step %u: no entry",
		     step);
	cr_assert_eq(e.state, f->state, "before step %u: state %u, not %u", step, e.state, f->state);
	cr_assert_eq(!!(e.flags & DT_FLOW_PLAIN), f->plain, "before step %u: plain", step);
	cr_assert_eq(!!(e.flags & DT_FLOW_FIN), s->fin, "before step %u: FIN", step);
	cr_assert_eq(!!(e.flags & DT_FLOW_RESET), f->reset[dir], "before step %u: RST", step);
	if (f->state != DT_FLOW_ESTABLISHED && f->state != DT_FLOW_CLOSING)
		return;
	cr_assert(e.end == s->end && e.acked == s->acked && e.bound == s->bound && e.window == s->window,
		  "before step %u: windows", step);
}

static void compare(unsigned step)
{
	unsigned entries = 0;

	for (unsigned i = 0; i < DT_NAT_COUNTERS; i++)
		cr_assert_eq(scene_counter(&scene, i), model.counters[i],
			     "before step %u: counter %u is %llu, not %llu", step, i,
			     (unsigned long long)scene_counter(&scene, i), (unsigned long long)model.counters[i]);
	for (const struct model_flow *f = model.flows; f < model.flows + MODEL_FLOWS; f++) {
		if (!f->is_there)
			continue;
		entries++;
		side_compare(step, f, DT_DIR_UP);
		if (f->state == DT_FLOW_REFUSED)
			continue;
		entries++;
		side_compare(step, f, DT_DIR_DOWN);
	}
	cr_assert_eq(scene_entries(&scene), entries, "before step %u: %u entries, not %u", step, scene_entries(&scene),
		     entries);
}

static void both_reset(void)
{
	struct dt_client_usage usage = {0};
	struct dt_client_ended ended = {0};

	scene_reset(&scene);
	memset(&model, 0, sizeof(model));
	/* short, since on a machine that has just started no flow can be older than that */
	scene.config.idle_ns = 40 * DT_SEC;
	scene.config.closing_ns = 20 * DT_SEC;
	model.half_open_ns = (int64_t)scene.config.half_open_ns;
	model.idle_ns = (int64_t)scene.config.idle_ns;
	model.closing_ns = (int64_t)scene.config.closing_ns;
	model.max_flows = scene.config.max_flows = 20;
	scene.config.source_min = SOURCE;
	scene.config.source_max = SOURCE + MODEL_SOURCES - 1;
	scene.config.rate = 125000000000;
	scene_lease_delete(&scene, 4);
	scene_lease_delete(&scene, 6);
	daemon_put();
	for (unsigned c = 0; c < MODEL_HOSTS; c++) {
		uint64_t id = id_of(c);

		bpf_map_update_elem(bpf_map__fd(scene.skel->maps.usage), &id, &usage, BPF_ANY);
		bpf_map_update_elem(bpf_map__fd(scene.skel->maps.ended), &id, &ended, BPF_ANY);
		model.clients[c] =
			(struct model_client){.is_there = true, .plain = c == 1, .max_flows = 20, .max_half_open = 10};
		client_put(c);
		for (unsigned l = 0; l < MODEL_LEASES; l++) {
			model.leases[c][l] = (struct model_lease){.is_there = true, .server = l == 1};
			lease_put(c, l);
		}
	}
}

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static void run(unsigned f)
{
	unsigned long steps = number("DT_MODEL_STEPS", 20000) / 2;

	family = f;
	random_state = number("DT_MODEL_SEED", 1) * 0x9e3779b97f4a7c15ULL + f;
	both_reset();
	for (unsigned step = 0; step < steps; step++) {
		if (step % COMPARE_EVERY == 0)
			compare(step);
		if (any(12) == 0)
			change_something();
		else
			packet_run(step);
	}
	compare((unsigned)steps);
	/* the walk must have reached all of this often enough */
	for (unsigned i = 0; i < DT_NAT_COUNTERS; i++)
		if (model.counters[i])
			cr_log_info("IPv%u counter %u: %llu", f, i, (unsigned long long)model.counters[i]);
	cr_assert_gt(model.counters[DT_NAT_FORWARDED_UP], steps / 100);
	cr_assert_gt(model.counters[DT_NAT_FORWARDED_DOWN], steps / 100);
	cr_assert_gt(model.counters[DT_NAT_DROP_WINDOW], steps / 100);
}

TestSuite(model, .init = fixture_open, .fini = fixture_close, .timeout = 1800);

Test(model, agrees_on_ipv4)
{
	run(4);
}

Test(model, agrees_on_ipv6)
{
	run(6);
}
