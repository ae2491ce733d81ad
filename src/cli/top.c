/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/fields.h"
#include "cli/top/feed.h"
#include "cli/top/frame.h"
#include "cli/top/terminal.h"

#define EVERY_MS 1000
/* The daemon looks through all its connections for an answer: with many of them it is asked less often. */
#define MANY 1000
#define EVERY_MANY_MS 3000
#define PAINT_EVERY_MS 200 /* unless a key was pressed */

struct top {
	struct dt_top_model model;
	struct dt_top_view view;
	struct dt_top_feed *feed;
	uint64_t ask_ms; /* when to ask next */
	uint64_t painted_ms;
	bool changed, pressed;
};

static volatile sig_atomic_t stopped;

static void stop(int number)
{
	stopped = 1;
}

static uint64_t now_ms(void)
{
	return dt_now_ns() / DT_MS;
}

static void paint(struct top *t)
{
	struct dt_screen screen = dt_terminal_screen();
	struct dt_top_frame frame = dt_top_frame_make(&t->model, &t->view, &screen, now_ms());

	dt_terminal_paint(&frame);
	free(frame.text);
	t->painted_ms = now_ms();
	t->changed = t->pressed = false;
}

static void ask_if_due(struct top *t)
{
	uint64_t connections = dt_field_count(json_object_get(t->model.status, "total"), "connections");

	if (now_ms() < t->ask_ms)
		return;
	t->model.every_ms = connections >= MANY ? EVERY_MANY_MS : EVERY_MS;
	t->ask_ms = now_ms() + t->model.every_ms;
	if (t->view.paused)
		return;
	dt_top_feed_ask(t->feed, &t->model, dt_top_wanted(&t->view), t->view.detail, now_ms());
	/* how long there has been no answer changes, too */
	t->changed = t->changed || t->model.problem;
}

/* False: the terminal is gone. */
static bool keys_read(struct top *t, const struct pollfd *in)
{
	size_t wanted = dt_top_wanted(&t->view);
	json_int_t detail = t->view.detail;
	int key;

	while ((key = dt_terminal_key()) >= 0) {
		t->pressed = true;
		if (key > 0)
			dt_top_press(&t->view, &t->model, key);
	}
	if (t->view.detail != detail || dt_top_wanted(&t->view) > wanted)
		t->ask_ms = now_ms();
	return !(in->revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* When there is something to do at the latest. */
static int patience_ms(const struct top *t)
{
	uint64_t now = now_ms(), until = t->ask_ms;

	if (t->changed && !t->view.paused && t->painted_ms + PAINT_EVERY_MS < until)
		until = t->painted_ms + PAINT_EVERY_MS;
	return until > now ? (int)(until - now) : 0;
}

static void run(struct top *t)
{
	struct pollfd fds[3] = {{.fd = STDIN_FILENO, .events = POLLIN}};

	while (!t->view.quit && !stopped) {
		ask_if_due(t);
		if (t->pressed || (t->changed && !t->view.paused && now_ms() - t->painted_ms >= PAINT_EVERY_MS))
			paint(t);
		dt_top_feed_poll(t->feed, fds + 1);
		/* events that come while the picture stands are read when it goes on */
		if (poll(fds, t->view.paused ? 2 : 3, patience_ms(t)) < 0 && errno != EINTR)
			return;
		if (dt_top_feed_read(t->feed, &t->model, !t->view.paused, now_ms()))
			t->changed = true;
		if (!keys_read(t, &fds[0]))
			return;
	}
}

static void signals_take(void)
{
	struct sigaction action = {.sa_handler = stop};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

int dt_cli_top(const struct dt_options *options)
{
	struct top t = {.pressed = true};
	bool ascii;

	if (dt_choose_parse(&t.view.choose, options, stderr) < 0)
		return 2;
	signals_take();
	if (dt_terminal_open(&ascii, stderr) < 0)
		return 1;
	t.view.ascii = ascii;
	dt_top_model_init(&t.model);
	t.feed = dt_top_feed_new(options);
	run(&t);
	dt_terminal_close();
	dt_top_feed_free(t.feed);
	dt_top_model_fini(&t.model);
	return 0;
}
