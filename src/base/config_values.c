/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a value of the configuration may be. */
#include "base/config.h"

#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "base/key.h"

bool dt_config_bool(struct dt_config *c, const char *text, bool *out)
{
	bool yes = strcmp(text, "yes") == 0;

	if (!yes && strcmp(text, "no") != 0) {
		dt_config_error(c, "\"%s\" is not yes or no", text);
		return false;
	}
	*out = yes;
	return true;
}

/* Digits only: no sign, no space, no other base. */
static bool number_parse(const char *text, size_t len, unsigned *out)
{
	unsigned long value = 0;

	if (len == 0 || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	if (value > UINT32_MAX)
		return false;
	*out = (unsigned)value;
	return true;
}

bool dt_config_unsigned(struct dt_config *c, const char *text, unsigned min, unsigned max, unsigned *out)
{
	unsigned value;

	if (!number_parse(text, strlen(text), &value) || value < min || value > max) {
		dt_config_error(c, "\"%s\" is not a number from %u to %u", text, min, max);
		return false;
	}
	*out = value;
	return true;
}

int dt_rate_parse(const char *text, uint64_t *out_bps)
{
	static const struct {
		const char *name;
		uint64_t bps;
	} units[] = {{"bit", 1}, {"kbit", 1000}, {"mbit", 1000000}, {"gbit", 1000000000}};
	size_t len = strspn(text, "0123456789");
	uint64_t bps = 0;
	unsigned value;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(text + len, units[i].name) == 0 && number_parse(text, len, &value))
			bps = value * units[i].bps;
	if (bps < 64000 || bps > 1000000000000ULL)
		return -EINVAL;
	*out_bps = bps;
	return 0;
}

bool dt_config_rate(struct dt_config *c, const char *text, uint64_t *out_bps)
{
	if (dt_rate_parse(text, out_bps) == 0)
		return true;
	dt_config_error(c, "\"%s\" is not a rate from 64kbit to 1000gbit (a whole number with bit, kbit, mbit or gbit)",
			text);
	return false;
}

bool dt_config_ports(struct dt_config *c, const char *text, struct dt_port_range *out)
{
	size_t len = strcspn(text, "-");
	unsigned min, max;
	bool valid = number_parse(text, len, &min);

	max = min;
	if (valid && text[len] == '-')
		valid = number_parse(text + len + 1, strlen(text + len + 1), &max);
	if (!valid || min < 1 || max > 65535) {
		dt_config_error(c, "\"%s\" is not a port or a range of ports (1 to 65535, first-last)", text);
		return false;
	}
	if (min > max) {
		dt_config_error(c, "the range %s ends before it begins", text);
		return false;
	}
	*out = (struct dt_port_range){(uint16_t)min, (uint16_t)max};
	return true;
}

bool dt_config_endpoint(struct dt_config *c, const char *text, struct dt_endpoint *out)
{
	if (dt_endpoint_parse(out, text) < 0 || out->port == 0) {
		dt_config_error(c, "\"%s\" is not ADDRESS:PORT (IPv6 in brackets)", text);
		return false;
	}
	return true;
}

bool dt_config_ip(struct dt_config *c, const char *text, struct dt_ip *out)
{
	if (dt_ip_parse(out, text) < 0) {
		dt_config_error(c, "\"%s\" is not an IP address", text);
		return false;
	}
	return true;
}

bool dt_config_prefix(struct dt_config *c, const char *text, struct dt_prefix *out)
{
	int err = dt_prefix_parse(out, text);

	if (err == -EDOM)
		dt_config_error(c, "\"%s\" has bits set after its prefix length", text);
	else if (err < 0)
		dt_config_error(c, "\"%s\" is not an IP address or prefix (ADDRESS/BITS)", text);
	return err == 0;
}

bool dt_config_key32(struct dt_config *c, const char *text, uint8_t out[32])
{
	uint8_t key[32];

	if (dt_key_parse(key, text) < 0) {
		dt_config_error(c, "not a key (44 characters of base64, as detourd pubkey prints it)");
		return false;
	}
	if (dt_public_key_is_weak(key)) {
		dt_config_error(c, "this public key is weak: make another pair with detourd genkey and detourd pubkey");
		return false;
	}
	memcpy(out, key, sizeof(key));
	return true;
}

static bool copy_replace(struct dt_config *c, const char *text, char **out)
{
	char *copy = dt_config_copy(c, text);

	if (!copy)
		return false;
	free(*out);
	*out = copy;
	return true;
}

bool dt_config_path(struct dt_config *c, const char *text, size_t max, char **out)
{
	if (*text != '/') {
		dt_config_error(c, "\"%s\" is not an absolute path", text);
		return false;
	}
	if (strlen(text) > max) {
		dt_config_error(c, "this path is longer than %zu bytes", max);
		return false;
	}
	return copy_replace(c, text, out);
}

bool dt_config_device(struct dt_config *c, const char *text, char **out)
{
	size_t len = strlen(text);

	if (len >= IF_NAMESIZE || strcspn(text, "/ \t:%") != len || strcmp(text, ".") == 0 || strcmp(text, "..") == 0) {
		dt_config_error(c, "\"%s\" is not a device name (1 to 15 characters, without / : %% or space)", text);
		return false;
	}
	return copy_replace(c, text, out);
}

bool dt_config_log_level(struct dt_config *c, const char *text, enum dt_log_level *out)
{
	static const char *const names[] = {
		[DT_LOG_ERR] = "err", [DT_LOG_WARN] = "warn", [DT_LOG_INFO] = "info", [DT_LOG_DEBUG] = "debug"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], text) == 0) {
			*out = (enum dt_log_level)i;
			return true;
		}
	dt_config_error(c, "\"%s\" is not one of err, warn, info, debug", text);
	return false;
}
