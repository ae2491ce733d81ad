/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/keys.h"

#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/key.h"

static int line_print(const char *text)
{
	if (puts(text) == EOF || fflush(stdout) == EOF) {
		perror("detourd: cannot write the key");
		return 1;
	}
	return 0;
}

int dt_cli_genkey(void)
{
	char text[DT_KEY_BASE64_LEN];
	struct dt_keypair keys;
	struct stat st;
	int code;

	if (fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode) && st.st_mode & S_IRWXO)
		fputs("detourd: warning: others can read this file; use umask 077 or chmod 600\n", stderr);
	dt_keypair_generate(&keys);
	code = line_print(dt_key_format(keys.secret, text));
	sodium_memzero(&keys, sizeof(keys));
	sodium_memzero(text, sizeof(text));
	return code;
}

int dt_cli_pubkey(void)
{
	char line[128], text[DT_KEY_BASE64_LEN];
	struct dt_keypair keys = {0};
	size_t len = fread(line, 1, sizeof(line) - 1, stdin);
	bool usable;

	line[len] = '\0';
	while (len && strchr(" \t\r\n", line[len - 1]))
		line[--len] = '\0';
	usable = dt_key_parse(keys.secret, line) == 0 && dt_keypair_from_secret(&keys, keys.secret) == 0;
	sodium_memzero(line, sizeof(line));
	sodium_memzero(keys.secret, sizeof(keys.secret));
	if (!usable) {
		fputs("detourd: stdin is not a private key (44 characters of base64, as detourd genkey prints it)\n",
		      stderr);
		return 1;
	}
	return line_print(dt_key_format(keys.public, text));
}
