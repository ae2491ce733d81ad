/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/setup.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <sodium.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/key.h"
#include "base/run_dir.h"

extern char **environ;

static int complain(const char *what, const char *path, int err)
{
	fprintf(stderr, "detourd: cannot %s %s: %s%s\n", what, path, strerror(-err),
		err == -EACCES || err == -EPERM || err == -EROFS ? "; run as root" : "");
	return err;
}

/* The units do not run as root. */
static int share(const char *path)
{
	const struct passwd *units = geteuid() == 0 ? getpwnam(DT_UNITS_USER) : NULL;

	if (!units)
		return 0;
	return chown(path, 0, units->pw_gid) < 0 || chmod(path, 0640) < 0 ? -errno : 0;
}

static int parent_make(const char *path)
{
	char *copy = strdup(path);
	int err = copy ? dt_file_make_dirs(dirname(copy)) : -ENOMEM;

	free(copy);
	return err;
}

int dt_setup_write(const char *path, const char *text)
{
	int err = parent_make(path);

	if (err == 0)
		err = dt_file_replace(path, text);
	if (err == 0)
		err = share(path);
	return err ? complain("write", path, err) : 0;
}

static int key_make(const char *path)
{
	char text[DT_KEY_BASE64_LEN + 1];
	struct dt_keypair keys;
	int err;

	if (access(path, F_OK) == 0)
		return 0;
	dt_keypair_generate(&keys);
	dt_key_format(keys.secret, text);
	strcat(text, "\n");
	err = dt_setup_write(path, text);
	sodium_memzero(&keys, sizeof(keys));
	sodium_memzero(text, sizeof(text));
	if (err == 0)
		fprintf(stderr, "made the private key %s\n", path);
	return err;
}

int dt_setup_config(const char *config_path, const char *section, const char *by)
{
	size_t len = strlen(config_path), suffix = strlen(".conf");
	char path[PATH_MAX], key[PATH_MAX], *text = NULL;
	int err;

	if (access(config_path, F_OK) == 0)
		return 0;
	if (errno != ENOENT)
		return complain("read", config_path, -errno);
	/* the configuration names the key by an absolute path */
	if (*config_path != '/') {
		fprintf(stderr, "detourd: there is no %s; to make it, name it by an absolute path\n", config_path);
		return -ENOENT;
	}
	snprintf(path, sizeof(path), "%s", config_path);
	if (len > suffix && len < sizeof(path) && strcmp(path + len - suffix, ".conf") == 0)
		path[len - suffix] = '\0';
	if (snprintf(key, sizeof(key), "%s.key", path) >= (int)sizeof(key))
		return complain("write", config_path, -ENAMETOOLONG);
	err = key_make(key);
	if (err)
		return err;
	if (asprintf(&text, "# Made by detourd %s. All keys: man 5 detourd-%s.conf\n[%s]\nprivate-key-file = %s\n", by,
		     section, section, key) < 0)
		return complain("write", config_path, -ENOMEM);
	err = dt_setup_write(config_path, text);
	free(text);
	if (err)
		return err;
	fprintf(stderr, "made %s\n", config_path);
	return 1;
}

bool dt_setup_start(const char *unit)
{
	const char *argv[] = {"systemctl", "--quiet", "enable", "--now", unit, NULL};
	posix_spawn_file_actions_t actions;
	int status, err;
	pid_t pid;

	if (access("/run/systemd/system", F_OK) < 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
	err = posix_spawnp(&pid, argv[0], &actions, NULL, (char **)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err || waitpid(pid, &status, 0) < 0 || status) {
		fprintf(stderr, "detourd: systemctl enable --now %s failed; journalctl -u %s may say why\n", unit,
			unit);
		return false;
	}
	fprintf(stderr, "started %s, and after each boot\n", unit);
	return true;
}
