/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both configuration files. The first byte says which. */
#include "fuzz.h"
#include "pm/conf/client_conf.h"
#include "relay/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	struct dt_client_config *client = NULL;
	struct dt_relay_config *relay = NULL;

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	if (size < 1)
		return 0;
	if (data[0] & 1) {
		if (dt_client_config_parse(&client, "fuzz", (const char *)data + 1, size - 1, nowhere) == 0)
			dt_client_config_free(client);
	} else {
		if (dt_relay_config_parse(&relay, "fuzz", (const char *)data + 1, size - 1, nowhere) == 0)
			dt_relay_config_free(relay);
	}
	return 0;
}
