/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *scaled(double value, const char *unit, char *buf)
{
	static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
	size_t prefix = 0;

	if (!(value > 0))
		value = 0;
	/* what would be printed as 1000 belongs to the next prefix */
	while (value >= 999.5 && prefix + 1 < sizeof(prefixes) / sizeof(prefixes[0])) {
		value /= 1000;
		prefix++;
	}
	if (value > 99999)
		value = 99999;
	snprintf(buf, DT_UNITS_STRLEN, "%.*f %s%s", prefix && value < 99.95 ? 1 : 0, value, prefixes[prefix], unit);
	return buf;
}

const char *dt_size_format(double bytes, char *buf)
{
	return scaled(bytes, "B", buf);
}

const char *dt_rate_format(double bps, char *buf)
{
	return scaled(bps, "bit/s", buf);
}

const char *dt_duration_format(uint64_t seconds, char *buf)
{
	/* two of a unit are more than 119 of the next smaller one */
	if (seconds < 120)
		snprintf(buf, DT_UNITS_STRLEN, "%u s", (unsigned)seconds);
	else if (seconds < 120 * 60)
		snprintf(buf, DT_UNITS_STRLEN, "%u min", (unsigned)(seconds / 60));
	else if (seconds < 48 * 3600)
		snprintf(buf, DT_UNITS_STRLEN, "%u h", (unsigned)(seconds / 3600));
	else
		snprintf(buf, DT_UNITS_STRLEN, "%llu d", (unsigned long long)(seconds / 86400));
	return buf;
}

uint64_t dt_duration_parse(const char *text)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 24 * 3600}};
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > 6 || strlen(text) != len + 1)
		return 0;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].unit == text[len])
			return strtoull(text, NULL, 10) * units[i].seconds;
	return 0;
}
