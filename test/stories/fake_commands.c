/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Joins, and the other commands of the path-manager interface: how the kernel and the servers take them. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "world.h"

#define SYN_RETRIES 6

/* --- joins ------------------------------------------------------------------------------------- */

static void confirmed(void *data)
{
	struct sock *s = sock_of(data);

	free(data);
	if (s)
		s->confirmed = true;
}

static void closed_by_server(void *data)
{
	struct sock *s = sock_of(data);

	free(data);
	if (s)
		sock_close(s, 0);
}

static void join_established(struct sock *s)
{
	struct connection *c = s->connection;
	bool surplus = s->server->drop_joins || server_halves(c) >= s->server->limit;
	struct dt_mptcp_event e;

	s->state = BPF_TCP_ESTABLISHED;
	s->updated_ns = world_now();
	e = event_of(s, DT_MPTCP_SUB_ESTABLISHED);
	event_send(&e);
	if (surplus) {
		if (s->server->drop_joins)
			s->server->drop_joins--;
		world_after(sock_rtt_ns(s), closed_by_server, sock_ref(s));
		return;
	}
	c->halves[s->id] = true;
	world_after(sock_rtt_ns(s), confirmed, sock_ref(s));
}

static void join_answered(void *data);

/* One SYN, and after it those that repeat it. */
static void syn_send(struct sock *s, unsigned step)
{
	struct sock_ref *ref = sock_ref(s);

	ref->step = step;
	if (sock_path_is_open(s) && s->server && !s->server->silent && !(s->path == PATH_NAT && s->relay->nat_blocked))
		world_after(sock_rtt_ns(s), join_answered, ref);
	else
		world_after(DT_SEC << step, join_answered, ref);
}

static void join_answered(void *data)
{
	struct sock *s = sock_of(data);
	unsigned step = ((struct sock_ref *)data)->step;

	free(data);
	if (!s || s->state != BPF_TCP_SYN_SENT)
		return;
	if (!sock_path_is_open(s) || !s->server || s->server->silent ||
	    (s->path == PATH_NAT && s->relay->nat_blocked)) {
		if (step == SYN_RETRIES)
			sock_close(s, ETIMEDOUT);
		else
			syn_send(s, step + 1);
		return;
	}
	if (s->server->refuse) {
		s->server->refuse--;
		sock_close(s, ECONNREFUSED);
	} else if (s->server->deny_join_id0) {
		sock_close(s, ECONNREFUSED); /* its load balancer knows no such connection */
	} else {
		join_established(s);
	}
}

static int join_check(const struct connection *c, uint8_t id, const struct dt_endpoint *local,
		      const struct dt_endpoint *remote)
{
	if (!c || c->foreign)
		return -EINVAL;
	if (!c->ready)
		return -ENOTCONN;
	if (!host_link_of(&local->ip))
		return -EADDRNOTAVAIL;
	if (world.port_stolen_always || sock_find(local, remote))
		return -EADDRINUSE;
	if (world.port_stolen) {
		world.port_stolen--;
		return -EADDRINUSE;
	}
	if (!host_route(&local->ip, &remote->ip))
		return -ENETUNREACH;
	if (c->entries[id].used && !dt_endpoint_equal(&c->entries[id].at, local))
		return -EINVAL;
	for (int i = 0; i < 256; i++)
		if (i != id && c->entries[i].used && dt_endpoint_equal(&c->entries[i].at, local))
			return -EINVAL;
	return 0;
}

int dt_mptcp_subflow_create(struct dt_mptcp_pm *pm, dt_mptcp_token token, uint8_t id, bool backup,
			    const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	struct connection *c = connection_at(token);
	int err = join_check(c, id, local, remote);
	char from[DT_ENDPOINT_STRLEN], to[DT_ENDPOINT_STRLEN], via[48];
	struct sock *s;

	if (world.frozen)
		return -ENOTCONN;
	if (world.witness)
		world.witness(DEED_JOIN, &remote->ip);
	if (err) {
		tell("> no join from %s to %s id=%u: %s", dt_endpoint_format(local, from),
		     dt_endpoint_format(remote, to), id, strerror(-err));
		return err;
	}
	c->entries[id] = (struct local_entry){true, *local};
	s = sock_add(c, local, remote);
	s->id = id;
	s->backup = backup;
	track_row_add(s);
	tell("> join %s connection=%u id=%u%s from %s to %s", sock_via(s, via), c->number, id, backup ? " backup" : "",
	     dt_endpoint_format(local, from), dt_endpoint_format(remote, to));
	if (s->server && s->server->near && sock_path_is_open(s) && server_halves(c) >= s->server->limit)
		sock_close(s, ECONNRESET);
	else
		syn_send(s, 0);
	return 0;
}

/* --- other commands ---------------------------------------------------------------------------- */

static struct sock *sock_of_id(const struct connection *c, uint8_t id)
{
	struct sock *s;

	DL_FOREACH(c->socks, s)
		if (s->id == id)
			return s;
	return NULL;
}

static void reset_by_server(void *data)
{
	struct sock *s = sock_of(data);

	free(data);
	if (s)
		sock_close(s, ECONNRESET);
}

/* RM_ADDR goes over the first established subflow of another id, whether its path works or not. */
static void rm_addr_send(struct connection *c, uint8_t id)
{
	struct sock *s, *own = sock_of_id(c, id);

	DL_FOREACH(c->socks, s)
		if (s->state == BPF_TCP_ESTABLISHED && s->id != id)
			break;
	if (!s && own && own->state == BPF_TCP_ESTABLISHED)
		s = own;
	if (!s)
		return;
	world.rm_addrs_sent++;
	if (world.rm_addrs_lost) {
		world.rm_addrs_lost--;
		return;
	}
	if (!sock_is_alive(s))
		return;
	server_forgets(c, id, sock_rtt_ns(s) / 2);
	if (own)
		world_after(sock_rtt_ns(s), reset_by_server, sock_ref(own));
}

int dt_mptcp_remove(struct dt_mptcp_pm *pm, dt_mptcp_token token, uint8_t id)
{
	struct connection *c = connection_at(token);
	bool heard;

	if (world.frozen)
		return -EINVAL;
	if (!c || c->foreign)
		return -EINVAL;
	heard = sock_of_id(c, id) || c->buried[id] == world.burial;
	if (id == 0 && !heard) {
		tell("> remove id=0 connection=%u: not found", c->number);
		return -EINVAL;
	}
	if (id && !c->entries[id].used) {
		tell("> remove id=%u connection=%u: not found", id, c->number);
		return -EINVAL;
	}
	c->entries[id].used = false;
	tell("> remove id=%u connection=%u%s", id, c->number, heard ? "" : " (the server does not hear of it)");
	if (heard)
		rm_addr_send(c, id);
	return 0;
}

int dt_mptcp_mib_open(void)
{
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int dt_mptcp_mib_rm_addr_sent(int fd, uint64_t *out)
{
	*out = world.rm_addrs_sent;
	return world.no_rm_addr_count ? -ENOENT : 0;
}

static void close_tell(const struct sock *s)
{
	char via[48];

	tell("> close %s connection=%u id=%u", sock_via(s, via), s->connection->number, s->id);
}

int dt_mptcp_subflow_destroy(struct dt_mptcp_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
			     const struct dt_endpoint *remote)
{
	struct connection *c = connection_at(token);
	struct sock *s = sock_find(local, remote);

	if (world.frozen)
		return -ESRCH;
	if (!c || c->foreign)
		return -EINVAL;
	if (!s || s->connection != c)
		return -ESRCH;
	close_tell(s);
	c->entries[s->id].used = false;
	sock_abort(s);
	return 0;
}

int dt_sock_diag_destroy(struct dt_netlink *nl, const struct dt_endpoint *local, const struct dt_endpoint *remote,
			 uint32_t device)
{
	struct sock *s = sock_find(local, remote);

	if (world.frozen)
		return -ENOENT;
	if (world.no_destroy)
		return -EOPNOTSUPP;
	if (!s || s->connection->device != device)
		return -ENOENT;
	close_tell(s);
	sock_abort(s);
	return 0;
}

int dt_mptcp_prio(struct dt_mptcp_pm *pm, dt_mptcp_token token, const struct dt_endpoint *local,
		  const struct dt_endpoint *remote, bool backup)
{
	struct sock *s = sock_find(local, remote);
	char via[48];

	if (world.frozen || !s || s->connection->token != token || s->state != BPF_TCP_ESTABLISHED)
		return -EINVAL;
	if (world.late_backup && !s->confirmed && !s->initial)
		return -EINVAL;
	tell("> prio %s connection=%u %s", sock_via(s, via), s->connection->number, backup ? "backup" : "normal");
	s->backup = backup;
	if (s->path == PATH_NAT && s->epoch != s->relay->epoch && sock_path_is_open(s)) /* its flow is unknown there */
		world_after(s->relay->rtt_ms * DT_MS, reset_by_server, sock_ref(s));
	return 0;
}

int dt_mptcp_alive(struct dt_mptcp_pm *pm, dt_mptcp_token token)
{
	const struct connection *c = connection_at(token);

	return c && !c->foreign;
}

int dt_mptcp_endpoints(struct dt_mptcp_pm *pm, struct dt_mptcp_endpoint out[DT_MPTCP_ENDPOINTS_MAX], size_t *count)
{
	memcpy(out, world.endpoints, sizeof(world.endpoints));
	*count = world.nendpoints;
	return 0;
}

int dt_mptcp_limits_get(struct dt_mptcp_pm *pm, struct dt_mptcp_limits *out)
{
	*out = world.limits;
	return 0;
}

int dt_mptcp_announce(struct dt_mptcp_pm *pm, dt_mptcp_token token, const struct dt_mptcp_endpoint *endpoint)
{
	const struct connection *c = connection_at(token);
	char text[DT_ENDPOINT_STRLEN];

	if (world.frozen || !c || !c->ready)
		return -EINVAL;
	tell("> announce %s connection=%u id=%u", dt_endpoint_format(&endpoint->at, text), c->number, endpoint->id);
	return 0;
}
