/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/capabilities.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
	unsigned number;
	const char *name;
} names[] = {
	{CAP_NET_ADMIN, "CAP_NET_ADMIN"}, {CAP_NET_RAW, "CAP_NET_RAW"},	    {CAP_BPF, "CAP_BPF"},
	{CAP_PERFMON, "CAP_PERFMON"},	  {CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
};

uint64_t dt_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, data) < 0)
		return 0;
	return (uint64_t)data[1].effective << 32 | data[0].effective;
}

const char *dt_capabilities_format(uint64_t set, char out[DT_CAPABILITIES_STRLEN])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (set & DT_CAPABILITY(names[i].number))
			len += (size_t)snprintf(out + len, DT_CAPABILITIES_STRLEN - len, "%s%s", len ? ", " : "",
						names[i].name);
	return out;
}
