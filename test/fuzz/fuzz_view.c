/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon, or whatever listens at its socket, answers to "status": it is shown without anything that a terminal would
 * obey, and no wider than the screen. The first byte is the screen's width.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text.h"
#include "cli/view.h"
#include "fuzz.h"

/* Tables and titles need a few columns. */
#define WIDTH_MIN 20

static void screen_check(char *text, size_t width)
{
	for (const char *c = text; *c; c++)
		fuzz_check((unsigned char)*c >= 0x20 || *c == '\n');
	/* width 0: what a client's daemon says of servers is no table, and may be longer */
	for (char *line = strtok(text, "\n"); line && width; line = strtok(NULL, "\n"))
		fuzz_check(dt_text_width(line) <= width);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dt_options options = {.command = DT_COMMAND_STATUS};
	struct dt_screen screen = {.columns = size ? data[0] : 0};
	struct dt_choose choose;
	json_t *status, *list;
	const char *mode;
	char *text = NULL;
	bool relay;
	size_t len;
	FILE *to;

	if (screen.columns < WIDTH_MIN || dt_choose_parse(&choose, &options, stderr) < 0)
		return 0;
	status = json_loadb((const char *)data + 1, size - 1, 0, NULL);
	if (!json_is_object(status)) {
		json_decref(status);
		return 0;
	}
	to = open_memstream(&text, &len);
	if (!to)
		abort();
	dt_text_clean_json(status);
	mode = json_string_value(json_object_get(status, "mode"));
	relay = mode && strcmp(mode, "relay") == 0;
	list = dt_choose(&choose, json_object_get(status, relay ? "clients" : "connections"), relay);
	dt_view_status(status, list, &choose, &screen, to);
	fclose(to);
	screen_check(text, relay ? screen.columns : 0);
	free(text);
	json_decref(list);
	json_decref(status);
	return 0;
}
