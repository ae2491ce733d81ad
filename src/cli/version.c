/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/version.h"

#include <bpf/libbpf.h>
#include <http_parser.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <uv.h>

#include "told.h" /* by cmake/told.cmake */

int dt_cli_version(void)
{
	const char *bpf = libbpf_version_string();
	unsigned long http = http_parser_version();

	puts("detourd " DT_VERSION);
	puts("commit " DT_COMMIT);
	/* those that run, which need not be those that it was built with; libmnl does not tell */
	printf("libraries: libbpf %s, libmnl %s, libsodium %s, libuv %s, jansson %s, http-parser %lu.%lu.%lu\n",
	       bpf + (*bpf == 'v'), DT_LIBMNL, sodium_version_string(), uv_version_string(), jansson_version_str(),
	       http >> 16 & 255, http >> 8 & 255, http & 255);
	if (fflush(stdout) == EOF) {
		perror("detourd: cannot write");
		return 1;
	}
	return 0;
}
