/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/act/tell.h"

#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "base/clock.h"
#include "base/log.h"
#include "net/mptcp_mib.h"
#include "net/sock_diag.h"
#include "net/source.h"
#include "pm/kernel/arrivals.h"
#include "pm/kernel/processor.h"
#include "pm/kernel/track.h"
#include "pm/store/connection.h"
#include "pm/store/pm.h"
#include "pm/store/subflow.h"

/* RM_ADDRs that tell of the initial subflow's end. They may be lost on the way, and it cannot be told again. */
#define INITIAL_TIMES 2

/* The number of RM_ADDRs that the kernel has sent. False: it does not count them. */
static bool rm_addr_sent(const struct dt_pm *pm, uint64_t *out)
{
	return pm->mib_fd >= 0 && dt_mptcp_mib_rm_addr_sent(pm->mib_fd, out) == 0;
}

/*
 * Has the kernel send RM_ADDR, which it does not repeat. False: it did not send it. Its answer alone does not say so: if
 * it has no subflow of this id any more it sends nothing, without an error.
 */
static bool rm_addr_send(struct dt_connection *c, uint8_t id)
{
	uint64_t before = 0, after = 0;
	bool counted = rm_addr_sent(c->pm, &before);
	int err = dt_mptcp_remove(&c->pm->mptcp, c->token, id);

	if (err)
		dt_log_debug("cannot tell the server that an address is gone: %s (%s) id=%u connection=%llu",
			     strerror(-err), c->pm->mptcp.commands.error, id, (unsigned long long)c->number);
	if (err || !counted || !rm_addr_sent(c->pm, &after))
		return err == 0;
	return after != before;
}

static int socket_close(struct dt_connection *c, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	int err = dt_sock_diag_destroy(&c->pm->diag, local, remote, c->device);

	if (err == -EOPNOTSUPP)
		err = dt_mptcp_subflow_destroy(&c->pm->mptcp, c->token, local, remote);
	if (err && err != -ENOENT && err != -ESRCH)
		dt_log_debug("cannot close a subflow: %s connection=%llu", strerror(-err),
			     (unsigned long long)c->number);
	dt_arrivals_finish(c->pm->arrivals, local, remote);
	return err;
}

/*
 * The socket is closed before RM_ADDR is sent, because older kernels send RM_ADDR over the first subflow that is not
 * closed, even if that is the dead one (before fb8d0bccb221 of 2026: mptcp_pm_addr_send_ack() in net/mptcp/pm.c). But
 * the kernel knows the id only until its worker has cleaned up the closed socket, and that starts at once: hence the
 * hold. The worker may be at work on another processor already. So id 0, which the kernel takes any number of times, is
 * also told before.
 */
static bool close_and_tell(struct dt_connection *c, uint8_t id, const struct dt_endpoint *local,
			   const struct dt_endpoint *remote, int *err)
{
	struct dt_processor_hold hold;
	bool held = dt_processor_hold(&hold), told = false;

	if (!held || id == 0)
		told = rm_addr_send(c, id);
	*err = socket_close(c, local, remote);
	if (!held)
		return told;
	told = false;
	for (unsigned i = 0; i < (id == 0 ? INITIAL_TIMES : 1); i++)
		told = rm_addr_send(c, id) || told;
	dt_processor_release(&hold);
	return told;
}

/*
 * RM_ADDR goes over the subflow that was there first, and that may be dead too: it does not answer probes yet. Which
 * one is first is only known of the initial one.
 */
static bool is_in_doubt(const struct dt_connection *c)
{
	const struct dt_subflow *s;

	if (c->direct_established)
		return c->direct_liveness.asked_ns != 0;
	DL_FOREACH(c->subflows, s)
		if (s->state == DT_SUBFLOW_ESTABLISHED && s->liveness.asked_ns)
			return true;
	return false;
}

bool dt_tell_end(struct dt_connection *c, uint8_t id, const struct dt_endpoint *local, const struct dt_endpoint *remote)
{
	bool told;
	int err;

	/* RM_ADDR of id 0 would end the initial subflow */
	if (id == 0 && !dt_connection_is_initial(c, local, remote)) {
		socket_close(c, local, remote);
		return true;
	}
	told = close_and_tell(c, id, local, remote, &err);
	if (err) /* it was closed already, by the server as a rule */
		return true;
	dt_connection_settle(c, dt_now_ns());
	return told && dt_connection_has_way(c) && (id == 0 || !is_in_doubt(c));
}

/* Begins the join of an id, has RM_ADDR of it sent, and closes it again. */
static bool join_and_tell(struct dt_connection *c, uint8_t id, const struct dt_endpoint *local)
{
	bool told;

	if (dt_mptcp_subflow_create(&c->pm->mptcp, c->token, id, true, local, &c->remote) != 0)
		return false;
	told = rm_addr_send(c, id);
	socket_close(c, local, &c->remote);
	return told;
}

/*
 * The kernel sends RM_ADDR only of an id that a subflow has. So a join begins with this id, whose only purpose is that
 * the id can be removed, and ends before it is answered. A near server may answer sooner, and it refuses the join if it
 * has room for no more: the hold keeps the kernel from cleaning up the closed socket.
 */
bool dt_tell_again(struct dt_connection *c, uint8_t id)
{
	struct dt_endpoint local = {c->source, 0};
	struct dt_processor_hold hold;
	bool held, told;

	if (dt_ip_is_unset(&c->source) || !dt_connection_has_way(c) || is_in_doubt(c) || dt_source_port(&local) < 0)
		return false;
	held = dt_processor_hold(&hold);
	told = join_and_tell(c, id, &local);
	if (held)
		dt_processor_release(&hold);
	dt_connection_settle(c, dt_now_ns());
	return told;
}
