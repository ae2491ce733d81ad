/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/doctor/finding.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

static const char *const severity_words[DT_SEVERITIES] = {
	[DT_FINE] = "ok", [DT_NOTE] = "note", [DT_WARNING] = "warning", [DT_ERROR] = "error"};
/* The words of `state`, which is older than `severity`. */
static const char *const state_words[DT_SEVERITIES] = {
	[DT_FINE] = "ok", [DT_NOTE] = "warning", [DT_WARNING] = "warning", [DT_ERROR] = "missing"};

void dt_findings_init(struct dt_findings *f)
{
	memset(f, 0, sizeof(*f));
	f->list = json_array();
}

void dt_findings_fini(struct dt_findings *f)
{
	json_decref(f->list);
}

/* Copies the template, with detail in place of each {}. */
static void remedy_write(char *out, size_t cap, const char *template, const char *detail)
{
	size_t len = 0;
	const char *hole;

	while (detail && len < cap && (hole = strstr(template, "{}"))) {
		len += (size_t)snprintf(out + len, cap - len, "%.*s%s", (int)(hole - template), template, detail);
		template = hole + 2;
	}
	if (len < cap)
		snprintf(out + len, cap - len, "%s", template);
}

/* Names come from files, programs and relays: JSON takes UTF-8 only, and a terminal no control characters. */
static void make_plain(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static const char *text_of(const json_t *finding, const char *key)
{
	const char *text = json_string_value(json_object_get(finding, key));

	return text ? text : "";
}

/* Two ways may lead to the same finding. */
static bool is_known(const struct dt_findings *f, const char *id, const char *what)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(f->list, i, finding)
		if (strcmp(text_of(finding, "id"), id) == 0 && strcmp(text_of(finding, "what"), what) == 0)
			return true;
	return false;
}

static void add(struct dt_findings *f, const struct dt_finding_kind *kind, const char *detail, const char *fmt,
		va_list args)
{
	char what[512], remedy[512];

	vsnprintf(what, sizeof(what), fmt, args);
	remedy_write(remedy, sizeof(remedy), kind->remedy, detail);
	make_plain(what);
	make_plain(remedy);
	if (is_known(f, kind->id, what))
		return;
	f->count[kind->severity]++;
	json_array_append_new(f->list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "name", kind->check, "id",
						 kind->id, "state", state_words[kind->severity], "severity",
						 severity_words[kind->severity], "what", what, "why", kind->why,
						 "remedy", remedy));
}

void dt_finding_add(struct dt_findings *f, enum dt_finding kind, const char *detail, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(f, &dt_finding_kinds[kind], detail, fmt, args);
	va_end(args);
}

void dt_finding_add_kind(struct dt_findings *f, const struct dt_finding_kind *kind, const char *detail, const char *fmt,
			 ...)
{
	va_list args;

	va_start(args, fmt);
	add(f, kind, detail, fmt, args);
	va_end(args);
}

void dt_finding_fine(struct dt_findings *f, const char *check, const char *fmt, ...)
{
	const struct dt_finding_kind fine = {"", check, DT_FINE, "", ""};
	va_list args;

	va_start(args, fmt);
	add(f, &fine, NULL, fmt, args);
	va_end(args);
}

static void finding_print(const json_t *finding, FILE *to)
{
	bool fine = !*text_of(finding, "id");

	fprintf(to, "%-8s %-20s %s\n", text_of(finding, "severity"), text_of(finding, fine ? "name" : "id"),
		text_of(finding, "what"));
	if (!fine)
		fprintf(to, "%30s%s\n%27s-> %s\n", "", text_of(finding, "why"), "", text_of(finding, "remedy"));
}

void dt_findings_print(const struct dt_findings *f, FILE *to)
{
	const json_t *finding;
	size_t i;

	for (int severity = DT_ERROR; severity >= DT_FINE; severity--)
		json_array_foreach(f->list, i, finding)
			if (strcmp(text_of(finding, "severity"), severity_words[severity]) == 0)
				finding_print(finding, to);
	fprintf(to, "%u errors, %u warnings, %u notes\n", f->count[DT_ERROR], f->count[DT_WARNING], f->count[DT_NOTE]);
}
