/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket without a socket: stories ask, and what monitors would read goes into the transcript. */
#include <stdlib.h>
#include <string.h>

#include "world.h"

struct dt_control {
	const struct dt_control_steps *status;
	const struct dt_control_word *words;
	size_t nwords;
	dt_control_answer_fn why;
	void *data;
};
static struct dt_control *control;

int dt_control_open(struct dt_control **out, uv_loop_t *loop, const char *path, dt_control_answer_fn status,
		    dt_control_answer_fn why, void *data)
{
	control = malloc(sizeof(*control));
	if (!control)
		abort();
	*control = (struct dt_control){.why = why, .data = data};
	*out = control;
	return 0;
}

void dt_control_status_in_steps(struct dt_control *c, const struct dt_control_steps *steps)
{
	c->status = steps;
}

void dt_control_words(struct dt_control *c, const struct dt_control_word *words, size_t count)
{
	c->words = words;
	c->nwords = count;
}

static void steps_write(const struct dt_control_steps *steps, FILE *out, const char *about)
{
	void *answer = steps->begin(about, control->data);

	if (!answer)
		abort();
	while (steps->step(answer, out))
		;
	steps->end(answer);
}

void dt_control_close(struct dt_control *c)
{
	free(c);
	control = NULL;
}

bool dt_control_watched(const struct dt_control *c, const char *kind)
{
	return !world.quiet;
}

void dt_control_publish(struct dt_control *c, json_t *event)
{
	char *text;

	json_object_del(event, "time_ms");
	json_object_del(event, "time");
	text = json_dumps(event, DT_CONTROL_JSON);
	json_decref(event);
	tell("* %s", text);
	free(text);
}

char *control_ask(const char *request, const char *about)
{
	char *text = NULL;
	size_t len;
	FILE *out;

	if (!control)
		return NULL;
	out = open_memstream(&text, &len);
	if (!out)
		abort();
	if (strcmp(request, "why") == 0)
		control->why(out, about, control->data);
	else if (strcmp(request, "status") == 0)
		steps_write(control->status, out, about);
	else
		for (size_t i = 0; i < control->nwords; i++)
			if (strcmp(request, control->words[i].word) == 0)
				steps_write(control->words[i].steps, out, about);
	fclose(out);
	return text;
}
