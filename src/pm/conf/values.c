/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values that occur in more than one section. */
#include <stdlib.h>
#include <string.h>

#include "pm/conf/parse.h"

static uint64_t *part_ms(struct dt_detour_after *after)
{
	return &after->ms;
}

static uint64_t *part_bytes(struct dt_detour_after *after)
{
	return &after->bytes;
}

void dt_detour_after_parse(struct dt_config *c, const char *value, struct dt_detour_after *after)
{
	static const struct {
		const char *name;
		uint64_t *(*part)(struct dt_detour_after *after);
		unsigned factor;
	} units[] = {{"ms", part_ms, 1},
		     {"s", part_ms, 1000},
		     {"B", part_bytes, 1},
		     {"kB", part_bytes, 1000},
		     {"MB", part_bytes, 1000000}};
	char *unit;
	unsigned long number = strtoul(value, &unit, 10);

	if (!after->given) {
		after->given = true;
		after->ms = after->bytes = UINT64_MAX;
	}
	if (strcmp(value, "0") == 0) {
		if (after->ms != UINT64_MAX || after->bytes != UINT64_MAX)
			dt_config_error(c, "duplicate %s", after->ms != UINT64_MAX ? "time" : "size");
		after->ms = after->bytes = 0;
		return;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (value[0] >= '0' && value[0] <= '9' && number <= 1000000000 && strcmp(unit, units[i].name) == 0) {
			if (*units[i].part(after) != UINT64_MAX)
				dt_config_error(c, "duplicate %s", units[i].part == part_ms ? "time" : "size");
			*units[i].part(after) = (uint64_t)number * units[i].factor;
			return;
		}
	dt_config_error(c, "\"%s\" is not a time (500ms, 2s) or a size (256kB, 1MB)", value);
}

bool dt_convert_mode_parse(struct dt_config *c, const char *value, enum dt_convert_mode *out)
{
	static const char *const names[] = {
		[DT_CONVERT_NO] = "no", [DT_CONVERT_AUTO] = "auto", [DT_CONVERT_ALWAYS] = "always"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(value, names[i]) == 0) {
			*out = (enum dt_convert_mode)i;
			return true;
		}
	dt_config_error(c, "\"%s\" is not one of no, auto, always", value);
	return false;
}

bool dt_carrier_parse(struct dt_config *c, const char *value, enum dt_carrier *out)
{
	static const char *const names[] = {
		[DT_CARRIER_NAT] = "nat", [DT_CARRIER_WIREGUARD] = "wireguard", [DT_CARRIER_AUTO] = "auto"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(value, names[i]) == 0) {
			*out = (enum dt_carrier)i;
			return true;
		}
	dt_config_error(c, "\"%s\" is not one of nat, wireguard, auto", value);
	return false;
}
