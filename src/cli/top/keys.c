/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/top/keys.h"

#include <string.h>

#include "base/memory.h"
#include "cli/fields.h"
#include "cli/users.h"

#define WANTED_MIN 20
#define WANTED_MAX 200

/* --- the list ---------------------------------------------------------------------------------- */

static bool path_has(const json_t *connection, const char *text)
{
	json_t *subflow;
	size_t i;

	json_array_foreach(json_object_get(connection, "subflows"), i, subflow)
		if (strcasestr(dt_top_path_name(subflow), text))
			return true;
	return false;
}

/* In what is shown of it. */
static bool has(const json_t *item, const char *text)
{
	static const char *const fields[] = {"program", "remote", "rule", "name", "address"};
	char user[DT_USER_STRLEN];

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (strcasestr(dt_field_text_if_any(item, fields[i]), text))
			return true;
	if (json_object_get(item, "uid") &&
	    strcasestr(dt_user_name((uint32_t)dt_field_number(item, "uid"), user), text))
		return true;
	return path_has(item, text);
}

json_t *dt_top_list(const struct dt_top_view *v, const struct dt_top_model *m)
{
	bool relay = dt_top_model_is_relay(m);
	json_t *list = dt_choose(&v->choose, json_object_get(m->status, relay ? "clients" : "connections"), relay);

	for (size_t i = json_array_size(list); *v->filter && i-- > 0;)
		if (!has(json_array_get(list, i), v->filter))
			json_array_remove(list, i);
	return list;
}

size_t dt_top_selected(const struct dt_top_view *v, const json_t *list)
{
	json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (v->selected && dt_field_number(item, "id") == v->selected)
			return i;
	return 0;
}

size_t dt_top_wanted(const struct dt_top_view *v)
{
	if (*v->filter || !dt_choose_is_by_rate(&v->choose))
		return WANTED_MAX;
	return v->page + 1 < WANTED_MIN ? WANTED_MIN : v->page + 1 > WANTED_MAX ? WANTED_MAX : v->page + 1;
}

/* --- keys -------------------------------------------------------------------------------------- */

static void move_to(struct dt_top_view *v, const json_t *list, size_t at)
{
	size_t count = json_array_size(list);

	if (count)
		v->selected = dt_field_number(json_array_get(list, at < count ? at : count - 1), "id");
}

static void move(struct dt_top_view *v, const struct dt_top_model *m, int key)
{
	json_t *list = dt_top_list(v, m);
	size_t at = dt_top_selected(v, list), page = v->page ? v->page : 1;

	if (key == DT_TOP_UP && at > 0)
		move_to(v, list, at - 1);
	else if (key == DT_TOP_DOWN)
		move_to(v, list, at + 1);
	else if (key == DT_TOP_PAGE_UP)
		move_to(v, list, at > page ? at - page : 0);
	else if (key == DT_TOP_PAGE_DOWN)
		move_to(v, list, at + page);
	else if (key == DT_TOP_HOME)
		move_to(v, list, 0);
	else if (key == DT_TOP_END)
		move_to(v, list, SIZE_MAX);
	json_decref(list);
}

static void open_detail(struct dt_top_view *v, const struct dt_top_model *m)
{
	json_t *list = dt_top_list(v, m);

	if (!dt_top_model_is_relay(m))
		v->detail = dt_field_number(json_array_get(list, dt_top_selected(v, list)), "id");
	v->selected = v->detail ? v->detail : v->selected;
	json_decref(list);
}

/* One character as UTF-8; -1: it is none. */
static int utf8_write(int c, char out[5])
{
	unsigned u = (unsigned)c;

	if (c < 0x20 || c == 0x7f || c > 0x10ffff)
		return -1;
	if (u < 0x80)
		return sprintf(out, "%c", c);
	if (u < 0x800)
		return sprintf(out, "%c%c", (int)(0xc0 | u >> 6), (int)(0x80 | (u & 0x3f)));
	if (u < 0x10000)
		return sprintf(out, "%c%c%c", (int)(0xe0 | u >> 12), (int)(0x80 | (u >> 6 & 0x3f)),
			       (int)(0x80 | (u & 0x3f)));
	return sprintf(out, "%c%c%c%c", (int)(0xf0 | u >> 18), (int)(0x80 | (u >> 12 & 0x3f)),
		       (int)(0x80 | (u >> 6 & 0x3f)), (int)(0x80 | (u & 0x3f)));
}

/* A key while the filter is being typed. */
static void type(struct dt_top_view *v, int key)
{
	size_t len = strlen(v->filter);
	char text[5];
	int bytes;

	if (key == DT_TOP_ENTER || key == DT_TOP_ESCAPE) {
		v->typing = false;
		if (key == DT_TOP_ESCAPE)
			*v->filter = '\0';
	} else if (key == DT_TOP_BACKSPACE) {
		while (len > 0 && (v->filter[len - 1] & 0xc0) == 0x80)
			len--;
		v->filter[len > 0 ? len - 1 : 0] = '\0';
	} else if ((bytes = utf8_write(key, text)) > 0 && len + (size_t)bytes < sizeof(v->filter)) {
		memcpy(v->filter + len, text, (size_t)bytes + 1);
	}
}

/* Out of what is on top; out of the filter at last. */
static void leave(struct dt_top_view *v)
{
	if (v->detail)
		v->detail = 0;
	else
		*v->filter = '\0';
}

void dt_top_press(struct dt_top_view *v, const struct dt_top_model *m, int key)
{
	if (v->help) { /* any key leaves it */
		v->help = false;
		return;
	}
	if (v->typing) {
		type(v, key);
		return;
	}
	if (key == 'q')
		v->quit = true;
	else if (key == '?' || key == 'h')
		v->help = true;
	else if (key == 'p' || key == ' ')
		v->paused = !v->paused;
	else if (key == DT_TOP_ESCAPE || key == DT_TOP_BACKSPACE)
		leave(v);
	else if (v->detail)
		v->detail = key == DT_TOP_ENTER ? 0 : v->detail;
	else if (key == 's')
		dt_choose_sort_next(&v->choose, dt_top_model_is_relay(m));
	else if (key == '/')
		v->typing = true;
	else if (key == DT_TOP_ENTER)
		open_detail(v, m);
	else
		move(v, m, key == 'k' ? DT_TOP_UP : key == 'j' ? DT_TOP_DOWN : key);
}

void dt_top_keys_print(FILE *to)
{
	fputs("up down, k j    another connection\n"
	      "page up, down   further\n"
	      "home, end       the first, the last\n"
	      "Enter           its paths over the last minutes, and back\n"
	      "s               another order: rate, down, up, age, gain, program, server\n"
	      "/               only what has these letters: in program, user, server, rule or path\n"
	      "Escape          back; without the filter\n"
	      "p, blank        stop the picture; go on\n"
	      "?               these keys\n"
	      "q               quit\n",
	      to);
}
