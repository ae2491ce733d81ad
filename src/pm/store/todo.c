/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/store/todo.h"

#include <utlist.h>

#include "pm/store/connection.h"
#include "pm/store/lease.h"
#include "pm/store/pm.h"
#include "pm/store/relay.h"

void dt_todo_connection(struct dt_connection *c, enum dt_connection_todo what)
{
	struct dt_todo *todo = &c->pm->todo;

	if (!c->todo.flags) {
		DL_APPEND2(todo->connections, c, todo.prev, todo.next);
		todo->nconnections++;
	}
	c->todo.flags |= what;
}

void dt_todo_connections(struct dt_pm *pm, enum dt_connection_todo what)
{
	struct dt_connection *c, *tmp;

	HASH_ITER(hh, pm->connections, c, tmp)
		dt_todo_connection(c, what);
}

void dt_todo_relay(struct dt_pm_relay *relay, enum dt_relay_todo what)
{
	relay->todo |= what;
	relay->pm->todo.relays = true;
}

void dt_todo_lease(struct dt_pm_lease *lease, enum dt_lease_todo what)
{
	if (!lease->todo.flags)
		DL_APPEND2(lease->link->relay->pm->todo.leases, lease, todo.prev, todo.next);
	lease->todo.flags |= what;
}

void dt_todo_host(struct dt_pm *pm, enum dt_host_todo what)
{
	pm->todo.host |= what;
}

void dt_todo_returned(struct dt_pm *pm, uint32_t ifindex, uint64_t lost_ns)
{
	struct dt_todo *todo = &pm->todo;

	if (todo->nreturns < DT_RETURNS_MAX && !dt_todo_return_of(todo, ifindex))
		todo->returns[todo->nreturns++] = (struct dt_return){ifindex, lost_ns};
	dt_todo_host(pm, DT_HOST_RETURNED);
}

const struct dt_return *dt_todo_return_of(const struct dt_todo *todo, uint32_t ifindex)
{
	for (size_t i = 0; i < todo->nreturns; i++)
		if (todo->returns[i].ifindex == ifindex)
			return &todo->returns[i];
	return NULL;
}

void dt_todo_returns_end(struct dt_todo *todo)
{
	todo->nreturns = 0;
}

struct dt_connection *dt_todo_take_connection(struct dt_pm *pm, unsigned *flags)
{
	struct dt_connection *c = pm->todo.connections;

	if (!c)
		return NULL;
	*flags = c->todo.flags;
	dt_todo_forget_connection(c);
	return c;
}

struct dt_pm_lease *dt_todo_take_lease(struct dt_pm *pm, unsigned *flags)
{
	struct dt_pm_lease *lease = pm->todo.leases;

	if (!lease)
		return NULL;
	*flags = lease->todo.flags;
	dt_todo_forget_lease(lease);
	return lease;
}

unsigned dt_todo_take_host(struct dt_pm *pm)
{
	unsigned flags = pm->todo.host;

	pm->todo.host = 0;
	return flags;
}

bool dt_todo_is_empty(const struct dt_todo *todo)
{
	return !todo->host && !todo->relays && !todo->leases && !todo->connections;
}

void dt_todo_forget_connection(struct dt_connection *c)
{
	if (!c->todo.flags)
		return;
	DL_DELETE2(c->pm->todo.connections, c, todo.prev, todo.next);
	c->pm->todo.nconnections--;
	c->todo.flags = 0;
}

void dt_todo_forget_lease(struct dt_pm_lease *lease)
{
	if (lease->todo.flags)
		DL_DELETE2(lease->link->relay->pm->todo.leases, lease, todo.prev, todo.next);
	lease->todo.flags = 0;
}
