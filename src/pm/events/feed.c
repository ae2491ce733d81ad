/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/events/feed.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/loop.h"
#include "pm/events/connections.h"
#include "pm/events/stock.h"
#include "pm/kernel/track.h"
#include "pm/store/conversion.h"
#include "pm/store/pm.h"
#include "pm/store/report.h"

/* Pause between lost events and taking stock: in a burst more are lost. */
#define MISSED_MS 50

struct dt_feed {
	uv_poll_t events;  /* netlink */
	uv_poll_t tracked; /* track.bpf */
	uv_timer_t missed; /* events were lost: takes stock */
	int handles;
};

static int event_take(const struct nlmsghdr *nlh, void *data)
{
	struct dt_pm *pm = data;
	struct dt_mptcp_event event;

	if (dt_mptcp_event_parse(&event, nlh) == 0)
		dt_connections_event(pm, &event);
	return 0;
}

static void missed_due(uv_timer_t *timer)
{
	struct dt_pm *pm = timer->data;

	dt_log_warn("the kernel dropped path-manager events: taking stock lost_events=%llu",
		    (unsigned long long)pm->counters[DT_PM_LOST_EVENTS]);
	dt_stock_take(pm);
}

static void events_readable(uv_poll_t *poll, int status, int events)
{
	struct dt_pm *pm = poll->data;
	bool lost = false;
	int err;

	dt_poll_resume(poll, status, events_readable);
	while ((err = dt_netlink_drain(&pm->mptcp.events, event_take, pm)) == -ENOBUFS) {
		pm->counters[DT_PM_LOST_EVENTS]++;
		lost = true;
	}
	if (err)
		dt_log_err("cannot read path-manager events: %s", strerror(-err));
	if (lost && !uv_is_active((uv_handle_t *)&pm->feed->missed))
		dt_timer_arm(&pm->feed->missed, missed_due, MISSED_MS, 0);
}

static void fell_back(struct dt_pm *pm, const struct dt_endpoint *local, const struct dt_endpoint *remote,
		      enum dt_fallback how)
{
	char text[DT_ENDPOINT_STRLEN], detail[256];

	bool news = dt_destination_fell_back(&pm->destinations, remote, &how, dt_now_ns());

	pm->counters[DT_PM_FELL_BACK + how]++;
	if (how == DT_FALLBACK_PLAIN || how == DT_FALLBACK_STRIPPED)
		dt_conversion_note(pm, remote, local, dt_now_ns());
	if (!news)
		return;
	snprintf(detail, sizeof(detail), "%s: %s", dt_endpoint_format(remote, text), dt_fallback_text(how));
	dt_report(pm, "fallback", NULL, NULL, detail);
	dt_log_debug("plain TCP: %s", detail);
}

static void subflow_event(const struct dt_endpoint *local, const struct dt_endpoint *remote, uint32_t token,
			  enum dt_subflow_happening what, void *data)
{
	switch (what) {
	case DT_SUBFLOW_CLOSED:
		dt_connections_subflow_closed(data, token, local, remote, dt_now_ns());
		break;
	case DT_SUBFLOW_AWOKE:
	case DT_SUBFLOW_TIMED_OUT:
		dt_connections_subflow_moves(data, token, local, remote, what == DT_SUBFLOW_TIMED_OUT);
		break;
	case DT_SUBFLOW_FELL_BACK:
		fell_back(data, local, remote, DT_FALLBACK_PLAIN);
		break;
	case DT_SUBFLOW_FELL_BACK_SYN_LOST:
		fell_back(data, local, remote, DT_FALLBACK_SYN_LOST);
		break;
	case DT_SUBFLOW_FELL_BACK_DISABLED:
		fell_back(data, local, remote, DT_FALLBACK_DISABLED);
		break;
	}
}

static void tracked_readable(uv_poll_t *poll, int status, int events)
{
	struct dt_pm *pm = poll->data;

	/* read netlink's events first: they have the reasons */
	events_readable(&pm->feed->events, 0, 0);
	dt_track_drain(pm->track);
}

int dt_feed_open(struct dt_pm *pm)
{
	struct dt_feed *feed = calloc(1, sizeof(*feed));
	int err;

	if (!feed)
		return -ENOMEM;
	err = dt_track_watch(pm->track, subflow_event, pm);
	if (err == 0)
		err = uv_poll_init(pm->loop, &feed->events, dt_netlink_fd(&pm->mptcp.events));
	if (err) {
		free(feed);
		return err;
	}
	pm->feed = feed;
	uv_timer_init(pm->loop, &feed->missed);
	feed->missed.data = feed->events.data = pm;
	feed->handles = 2;
	err = uv_poll_init(pm->loop, &feed->tracked, dt_track_fd(pm->track));
	if (err)
		return err;
	feed->tracked.data = pm;
	feed->handles = 3;
	err = uv_poll_start(&feed->events, UV_READABLE, events_readable);
	return err ? err : uv_poll_start(&feed->tracked, UV_READABLE, tracked_readable);
}

static void handle_closed(uv_handle_t *handle)
{
	struct dt_feed *feed = handle->data;

	if (--feed->handles == 0)
		free(feed);
}

void dt_feed_close(struct dt_pm *pm)
{
	struct dt_feed *feed = pm->feed;
	uv_handle_t *handles[3];

	if (!feed)
		return;
	pm->feed = NULL;
	handles[0] = (uv_handle_t *)&feed->events;
	handles[1] = (uv_handle_t *)&feed->missed;
	handles[2] = (uv_handle_t *)&feed->tracked;
	for (int i = 0, count = feed->handles; i < count; i++) {
		handles[i]->data = feed;
		uv_close(handles[i], handle_closed);
	}
}
