/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "relay/pins.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/run_dir.h"

#define BPFFS "/sys/fs/bpf"
#define RESERVED_PORTS "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define PORTS_MAX 65536

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/* Is the nearest directory above path that exists on a bpffs? The unit file shows the relay its own part of one only. */
static bool is_below_bpffs(const char *path)
{
	char above[PATH_MAX], *slash;

	snprintf(above, sizeof(above), "%s", path);
	while ((slash = strrchr(above, '/')) && slash != above) {
		*slash = '\0';
		if (access(above, F_OK) == 0)
			return is_bpffs(above);
	}
	return false;
}

bool dt_pins_place_fits(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) && is_bpffs(path);
	/* one is mounted there if need be */
	return strncmp(path, BPFFS "/", strlen(BPFFS "/")) == 0 || is_below_bpffs(path);
}

/* Mounts a bpffs at the usual place if it is missing there; for any other place that is the user's decision. */
static int bpffs_ready(const char *path)
{
	if (strncmp(path, BPFFS "/", strlen(BPFFS "/")) != 0 || is_below_bpffs(path))
		return 0;
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0) {
		int err = -errno;

		dt_log_err("no bpffs at " BPFFS " and cannot mount one: %s", strerror(-err));
		return err;
	}
	dt_log_info("mounted a bpffs at " BPFFS);
	return 0;
}

/* Makes the directory, and what it needs. Logs why it failed. */
static int directory_make(struct dt_pins *p, const char *path)
{
	struct stat st;
	int err = bpffs_ready(path);

	if (err)
		return err;
	/* a bpffs that was just mounted may have it */
	p->existed = stat(path, &st) == 0;
	err = p->existed ? 0 : dt_file_make_dirs(path);
	if (err)
		dt_log_err("cannot make the pin directory %s: %s", path, strerror(-err));
	return err;
}

/* Logs why it failed. */
static int directory_lock(struct dt_pins *p, const char *path, const struct stat *st)
{
	char name[64];

	snprintf(name, sizeof(name), "relay-%llx-%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	p->lock_fd = dt_run_dir_lock(name);
	if (p->lock_fd == -EBUSY)
		dt_log_err("another relay, in another network namespace, is running with pins = %s; give this one "
			   "pins and control of its own",
			   path);
	return p->lock_fd < 0 ? p->lock_fd : 0;
}

int dt_pins_open(struct dt_pins *p, const char *path, bool make)
{
	struct stat st;
	int err;

	memset(p, 0, sizeof(*p));
	p->lock_fd = -1;
	p->existed = stat(path, &st) == 0;
	if (!p->existed) {
		err = make ? directory_make(p, path) : -ENOENT;
		if (err)
			return err;
	}
	if (stat(path, &st) < 0 || !is_bpffs(path)) {
		dt_log_err("pins = %s is not on a bpffs; mount one (mount -t bpf bpf %s) or choose another", path,
			   BPFFS);
		return -EINVAL;
	}
	return directory_lock(p, path, &st);
}

void dt_pins_close(struct dt_pins *p)
{
	if (p->lock_fd >= 0)
		close(p->lock_fd);
	p->lock_fd = -1;
}

/* --- reserved ports ---------------------------------------------------------------------------- */

/* A set of ports: a bit each. */
#define WORD_BITS 64
#define PORT_WORDS (PORTS_MAX / WORD_BITS)

/*
 * A decimal number; returns what follows it, or NULL. The kernel takes a leading zero for octal (proc_do_large_bitmap() in
 * kernel/sysctl.c) and never writes one, so a number that begins with one is refused.
 */
static const char *number_take(const char *text, unsigned long *number)
{
	char *end;

	if (text[0] < '0' || text[0] > '9' || (text[0] == '0' && text[1] >= '0' && text[1] <= '9'))
		return NULL;
	*number = strtoul(text, &end, 10);
	return end;
}

/* Adds the ranges of a list ("7,10-12") to the ports that are set. False: that is no such list. */
static bool ranges_take(const char *text, uint64_t ports[PORT_WORDS])
{
	while (*text) {
		unsigned long first, last;
		const char *end = number_take(text, &first);

		last = first;
		if (end && *end == '-')
			end = number_take(end + 1, &last);
		if (!end || last >= PORTS_MAX || first > last || (*end && *end != ','))
			return false;
		for (unsigned long port = first; port <= last; port++)
			ports[port / WORD_BITS] |= 1ULL << port % WORD_BITS;
		text = end + (*end == ',');
	}
	return true;
}

static bool is_set(const uint64_t ports[PORT_WORDS], unsigned port)
{
	return port < PORTS_MAX && ports[port / WORD_BITS] & 1ULL << port % WORD_BITS;
}

/* As the kernel writes it: sorted and merged. Out has PORTS_MAX bytes. -E2BIG. */
static int ranges_format(const uint64_t ports[PORT_WORDS], char *out)
{
	size_t len = 0;

	*out = '\0';
	for (unsigned port = 0, last; port < PORTS_MAX; port = last + 1) {
		/* most of the 65,536 are not set */
		last = ports[port / WORD_BITS] ? port : port | (WORD_BITS - 1);
		if (!is_set(ports, port))
			continue;
		while (is_set(ports, last + 1))
			last++;
		if (len + sizeof(",65535-65535") > PORTS_MAX)
			return -E2BIG;
		len += (size_t)snprintf(out + len, PORTS_MAX - len, last > port ? "%s%u-%u" : "%s%u", len ? "," : "",
					port, last);
	}
	return 0;
}

/*
 * The lock file has three lines: the sysctl as it was before us, as we set it, and as it was just before that. It is
 * written before the sysctl is set. So whenever we are killed, the sysctl is as the second or the third line says.
 */
struct reserved {
	char before[PORTS_MAX], after[PORTS_MAX], last[PORTS_MAX];
};

/* The next line of *text, which then begins after it; "" at the end. */
static const char *line_next(char **text)
{
	char *line = *text, *end = strchr(line, '\n');

	*text = end ? end + 1 : line + strlen(line);
	if (end)
		*end = '\0';
	return line;
}

static bool is_list(const char *text)
{
	static uint64_t ports[PORT_WORDS];

	return ranges_take(text, ports);
}

/* -ENOENT: none is stored, or it is damaged. */
static int state_read(const struct dt_pins *p, struct reserved *r)
{
	static char text[sizeof(*r) + 4];
	char *const lines[] = {r->before, r->after, r->last};
	ssize_t got = pread(p->lock_fd, text, sizeof(text) - 1, 0);
	char *at = text;

	if (got < 0)
		return -errno;
	text[got] = '\0';
	if (!strchr(text, '\n'))
		return -ENOENT;
	/* what follows is of a longer text that was there before */
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const char *line = line_next(&at);

		if (strlen(line) >= PORTS_MAX)
			return -ENOENT;
		strcpy(lines[i], line);
	}
	return is_list(r->before) ? 0 : -ENOENT;
}

/* Over what is there, so that there is always a whole text. */
static int state_write(const struct dt_pins *p, const struct reserved *r)
{
	static char text[sizeof(*r) + 4];
	int len = snprintf(text, sizeof(text), "%s\n%s\n%s\n", r->before, r->after, r->last);
	ssize_t put = pwrite(p->lock_fd, text, (size_t)len, 0);

	if (put < 0)
		return -errno;
	return put == len ? 0 : -EIO;
}

/* Sets the sysctl to r->before and ranges, and remembers. */
static int ports_add(struct dt_pins *p, struct reserved *r, const char *ranges)
{
	static uint64_t ports[PORT_WORDS];
	int err;

	memset(ports, 0, sizeof(ports));
	if (!ranges_take(r->before, ports) || !ranges_take(ranges, ports))
		return -EINVAL;
	err = ranges_format(ports, r->after);
	if (err == 0)
		err = state_write(p, r);
	return err ? err : dt_file_write(RESERVED_PORTS, r->after);
}

int dt_pins_reserve_ports(struct dt_pins *p, const char *ranges)
{
	static struct reserved r;
	static char now[PORTS_MAX];
	int err = dt_file_read(RESERVED_PORTS, now, sizeof(now));

	snprintf(p->ranges, sizeof(p->ranges), "%s", ranges);
	if (err == 0) {
		err = state_read(p, &r);
		/* none is stored, or another program changed the sysctl */
		if (err == -ENOENT || (err == 0 && strcmp(r.after, now) != 0 && strcmp(r.last, now) != 0)) {
			strcpy(r.before, now);
			err = 0;
		}
	}
	if (err == 0) {
		strcpy(r.last, now);
		err = ports_add(p, &r, ranges);
	}
	if (err)
		dt_log_err("cannot reserve the relay's ports in net.ipv4.ip_local_reserved_ports: %s", strerror(-err));
	return err;
}

/* Does the sysctl hold all ports of these ranges? */
static bool ranges_are_in(const char *sysctl, const char *ranges)
{
	static uint64_t now[PORT_WORDS], with[PORT_WORDS];

	memset(now, 0, sizeof(now));
	if (!ranges_take(sysctl, now))
		return false;
	memcpy(with, now, sizeof(with));
	return ranges_take(ranges, with) && memcmp(with, now, sizeof(now)) == 0;
}

int dt_pins_keep_ports(struct dt_pins *p)
{
	static char now[PORTS_MAX];
	char ranges[sizeof(p->ranges)];
	int err = dt_file_read(RESERVED_PORTS, now, sizeof(now));

	if (err || !*p->ranges || ranges_are_in(now, p->ranges))
		return err;
	dt_log_warn("another program took the relay's ports out of net.ipv4.ip_local_reserved_ports, putting them back "
		    "ports=%s",
		    p->ranges);
	memcpy(ranges, p->ranges, sizeof(ranges));
	return dt_pins_reserve_ports(p, ranges);
}

int dt_pins_restore_ports(struct dt_pins *p)
{
	static struct reserved r;
	static char now[PORTS_MAX];
	int err = state_read(p, &r);

	if (err)
		return err == -ENOENT ? 0 : err;
	err = dt_file_read(RESERVED_PORTS, now, sizeof(now));
	if (err || strcmp(now, r.before) == 0)
		return err;
	if (strcmp(now, r.after) != 0 && strcmp(now, r.last) != 0) {
		dt_log_warn("net.ipv4.ip_local_reserved_ports was changed by another program, so it is left as it is");
		return 0;
	}
	return dt_file_write(RESERVED_PORTS, *r.before ? r.before : "\n");
}
