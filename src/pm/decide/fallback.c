/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/decide/fallback.h"

#include <string.h>

#include "base/clock.h"

/* As long as the kernel itself sends no MP_CAPABLE after lost SYNs, by default (blackhole_timeout). */
#define REMEMBERED_NS (3600 * DT_SEC)

/* It fell back lately. */
static bool is_known(const struct dt_destination *d, uint64_t now_ns)
{
	return d->seen_ns && now_ns - d->seen_ns < REMEMBERED_NS;
}

static struct dt_destination *find(struct dt_destinations *all, const struct dt_endpoint *server)
{
	for (size_t i = 0; i < DT_DESTINATIONS_MAX; i++)
		if ((all->at[i].seen_ns || all->at[i].spoke_ns) && dt_endpoint_equal(&all->at[i].server, server))
			return &all->at[i];
	return NULL;
}

/* a is replaced before b: free entries first, then servers that speak MPTCP, then others, each time the oldest. */
static bool is_replaced_before(const struct dt_destination *a, const struct dt_destination *b)
{
	if (a->seen_ns != b->seen_ns)
		return a->seen_ns < b->seen_ns;
	return a->spoke_ns < b->spoke_ns;
}

static struct dt_destination *place_take(struct dt_destinations *all, const struct dt_endpoint *server)
{
	struct dt_destination *found = &all->at[0];

	for (size_t i = 1; i < DT_DESTINATIONS_MAX; i++)
		if (is_replaced_before(&all->at[i], found))
			found = &all->at[i];
	memset(found, 0, sizeof(*found));
	found->server = *server;
	return found;
}

bool dt_destination_fell_back(struct dt_destinations *all, const struct dt_endpoint *server, enum dt_fallback *how,
			      uint64_t now_ns)
{
	struct dt_destination *d = find(all, server);
	bool news = !d || !is_known(d, now_ns);

	if (!d)
		d = place_take(all, server);
	if (news)
		memset(d->connections, 0, sizeof(d->connections));
	if (*how == DT_FALLBACK_PLAIN && d->spoke_ns && now_ns - d->spoke_ns < REMEMBERED_NS)
		*how = DT_FALLBACK_STRIPPED;
	news = news || d->last != *how;
	d->seen_ns = now_ns;
	d->last = *how;
	d->connections[*how]++;
	return news;
}

void dt_destination_speaks(struct dt_destinations *all, const struct dt_endpoint *server, uint64_t now_ns)
{
	struct dt_destination *d = find(all, server);

	if (!d)
		d = place_take(all, server);
	d->seen_ns = 0;
	d->spoke_ns = now_ns;
}

const struct dt_destination *dt_destination_next(const struct dt_destinations *all, size_t *next, uint64_t now_ns)
{
	while (*next < DT_DESTINATIONS_MAX) {
		const struct dt_destination *d = &all->at[(*next)++];

		if (is_known(d, now_ns))
			return d;
	}
	return NULL;
}

const char *dt_fallback_text(enum dt_fallback how)
{
	switch (how) {
	case DT_FALLBACK_PLAIN:
		return "its answer carries no MPTCP: the server has none, or something on the way strips it";
	case DT_FALLBACK_STRIPPED:
		return "its answer carries no MPTCP, though it did before: something on the way strips it";
	case DT_FALLBACK_SYN_LOST:
		return "SYNs that ask for MPTCP get lost on the way; others come through";
	case DT_FALLBACK_DISABLED:
		return "the kernel does not ask for MPTCP, because SYNs with it got lost (net.mptcp.blackhole_timeout)";
	case DT_FALLBACKS:
		break;
	}
	return "";
}
