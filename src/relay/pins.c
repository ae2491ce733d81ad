/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define BPFFS "/sys/fs/bpf"
#define RUN_DIR "/run/detourd"
#define RESERVED_PORTS "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define PORTS_MAX 65536

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* Only the usual mount point is mounted by us; elsewhere the user wants something of his own. */
static int bpffs_ready(const char *path)
{
	if (strncmp(path, BPFFS "/", strlen(BPFFS "/")) != 0 || is_bpffs(BPFFS))
		return 0;
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0) {
		int err = -errno;

		dt_log_err("no bpffs at " BPFFS " and cannot mount one: %s", strerror(-err));
		return err;
	}
	dt_log_info("mounted a bpffs at " BPFFS);
	return 0;
}

int dt_pins_open(struct dt_pins *p, const char *path, bool make)
{
	struct stat st;
	int err;

	memset(p, 0, sizeof(*p));
	p->lock_fd = -1;
	p->existed = stat(path, &st) == 0;
	if (!p->existed) {
		if (!make)
			return -ENOENT;
		err = bpffs_ready(path);
		if (err)
			return err;
		p->existed = stat(path, &st) == 0;
		err = p->existed ? 0 : dt_file_make_dirs(path);
		if (err) {
			dt_log_err("cannot make the pin directory %s: %s", path, strerror(-err));
			return err;
		}
	}
	if (stat(path, &st) < 0 || !is_bpffs(path)) {
		dt_log_err("pins = %s is not on a bpffs; mount one (mount -t bpf bpf %s) or choose another", path,
			   BPFFS);
		return -EINVAL;
	}
	err = dt_file_make_dirs(RUN_DIR);
	if (err) {
		dt_log_err("cannot make %s: %s", RUN_DIR, strerror(-err));
		return err;
	}
	snprintf(p->lock_path, sizeof(p->lock_path), RUN_DIR "/relay-%llx-%llx", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	p->lock_fd = open(p->lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (p->lock_fd < 0) {
		err = -errno;
		dt_log_err("cannot open %s: %s", p->lock_path, strerror(-err));
		return err;
	}
	if (flock(p->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		dt_log_err("another relay, in another network namespace, is running with pins = %s; give this one pins "
			   "and "
			   "control of its own",
			   path);
		close(p->lock_fd);
		p->lock_fd = -1;
		return -EBUSY;
	}
	return 0;
}

void dt_pins_close(struct dt_pins *p)
{
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	p->lock_fd = -1;
}

/* The lock file holds two lines: the sysctl before us, and as we left it. */
static int state_read(const struct dt_pins *p, char *before, char *after)
{
	static char text[2 * PORTS_MAX + 2];
	ssize_t got = pread(p->lock_fd, text, sizeof(text) - 1, 0);
	char *newline;

	if (got <= 0)
		return -ENOENT;
	text[got] = '\0';
	newline = strchr(text, '\n');
	if (!newline || strlen(newline + 1) >= PORTS_MAX || newline - text >= PORTS_MAX)
		return -ENOENT;
	*newline = '\0';
	strcpy(before, text);
	strcpy(after, newline + 1);
	return 0;
}

int dt_pins_reserve_ports(struct dt_pins *p, const char *ranges)
{
	static char before[PORTS_MAX], after[PORTS_MAX], now[PORTS_MAX], wanted[2 * PORTS_MAX];
	int err = dt_file_read(RESERVED_PORTS, now, sizeof(now));

	if (err)
		goto failed;
	if (state_read(p, before, after) < 0 || strcmp(after, now) != 0)
		strcpy(before, now);
	snprintf(wanted, sizeof(wanted), "%s%s%s", before, *before ? "," : "", ranges);
	err = dt_file_write(RESERVED_PORTS, wanted);
	if (err)
		goto failed;
	/* the kernel merges and sorts */
	err = dt_file_read(RESERVED_PORTS, now, sizeof(now));
	if (err)
		goto failed;
	snprintf(wanted, sizeof(wanted), "%s\n%s", before, now);
	if (ftruncate(p->lock_fd, 0) < 0 || pwrite(p->lock_fd, wanted, strlen(wanted), 0) != (ssize_t)strlen(wanted)) {
		err = -errno;
		goto failed;
	}
	return 0;
failed:
	dt_log_err("cannot reserve the relay's ports in net.ipv4.ip_local_reserved_ports: %s", strerror(-err));
	return err;
}

int dt_pins_restore_ports(struct dt_pins *p)
{
	static char before[PORTS_MAX], after[PORTS_MAX], now[PORTS_MAX];
	int err;

	if (state_read(p, before, after) < 0)
		return 0;
	err = dt_file_read(RESERVED_PORTS, now, sizeof(now));
	if (err)
		return err;
	if (strcmp(now, after) != 0) {
		dt_log_warn("net.ipv4.ip_local_reserved_ports was changed by somebody else, left as it is");
		return 0;
	}
	return dt_file_write(RESERVED_PORTS, *before ? before : "\n");
}
