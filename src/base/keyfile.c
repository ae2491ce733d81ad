/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/keyfile.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"

#define STACK_BELOW (16 << 10)

void dt_keyfile_take(struct dt_config *c, const char *path, struct dt_keypair *out)
{
	char text[256];
	uint8_t secret[DT_KEY_LEN];
	struct stat st;
	int err;

	if (*path != '/') {
		dt_config_error(c, "\"%s\" is not an absolute path", path);
		return;
	}
	if (!c->read_files)
		return;
	err = dt_file_read(path, text, sizeof(text));
	if (err == -EFBIG || (err == 0 && dt_key_parse(secret, text) < 0))
		dt_config_error(c, "%s does not hold a private key (one line, as detourd genkey prints it)", path);
	else if (err)
		dt_config_error(c, "cannot read %s: %s", path, strerror(-err));
	else if (stat(path, &st) < 0)
		dt_config_error(c, "cannot read %s: %s", path, strerror(errno));
	else if (st.st_mode & (S_IRWXO | S_IWGRP))
		dt_config_error(c, "%s can be read or written by others: chmod 600 it", path);
	else if (sodium_is_zero(secret, sizeof(secret)))
		dt_config_error(c, "%s holds no key, only zeros: make one with detourd genkey", path);
	else if (dt_keypair_from_secret(out, secret) < 0)
		dt_config_error(c, "%s does not hold a usable private key", path);
	else if (!dt_secret_is_made(secret))
		dt_config_warn(c,
			       "%s may hold a public key: private keys of detourd genkey and wg genkey look different",
			       path);
	sodium_memzero(text, sizeof(text));
	sodium_memzero(secret, sizeof(secret));
	/* and what the functions called here left below */
	sodium_stackzero(STACK_BELOW);
}
