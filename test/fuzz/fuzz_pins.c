/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that remembers net.ipv4.ip_local_reserved_ports from one run of the relay to the next. The first byte chooses
 * what the file says of the present: the truth, or what the input says. Whatever it is, the relay's ports are reserved
 * afterwards, and a wrong file does not change the sysctl at the end.
 *
 * The sysctl is kept here, because the kernel takes milliseconds for each access. Where the first byte has
 * the bits of REAL, each text is written to the kernel's too, in a network namespace of its own, and both must say the same.
 */
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "fuzz.h"
#include "relay/pins.h"

#define SYSCTL "/proc/sys/net/ipv4/ip_local_reserved_ports"
#define PRESENT "1000-1010"
#define OURS "40000-40009"
#define REAL 0xf0
#define PORTS 65536
#define TEXT_MAX 2000 /* the kernel takes less than a page at once */

static char sysctl_text[4 * TEXT_MAX];
static bool is_real;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		printf("SKIP: no network namespace: %s\n", strerror(errno));
		exit(FUZZ_SKIPPED);
	}
	return 0;
}

/* --- the sysctl, as proc_do_large_bitmap() of kernel/sysctl.c reads and writes it ------------------ */

struct range {
	unsigned long first, last;
};

static int by_first(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

/* The ranges of a text, sorted; their number, or -EINVAL. */
static int ranges_of(const char *text, struct range out[TEXT_MAX])
{
	int n = 0;
	char *end;

	while (*text && *text != '\n') {
		struct range r;

		fuzz_check(n < TEXT_MAX);
		if (*text < '0' || *text > '9')
			return -EINVAL;
		r.first = r.last = strtoul(text, &end, 0);
		if (*end == '-') {
			text = end + 1;
			if (*text < '0' || *text > '9')
				return -EINVAL;
			r.last = strtoul(text, &end, 0);
		}
		if (r.last >= PORTS || r.first > r.last || (*end && *end != ',' && *end != '\n'))
			return -EINVAL;
		out[n++] = r;
		text = end + (*end == ',');
	}
	qsort(out, (size_t)n, sizeof(out[0]), by_first);
	return n;
}

static int sysctl_set(const char *text)
{
	static struct range ranges[TEXT_MAX];
	int n = ranges_of(text, ranges);
	size_t len = 0;

	if (n < 0)
		return n;
	sysctl_text[0] = '\0';
	for (int i = 0, next; i < n; i = next) {
		struct range r = ranges[i];

		for (next = i + 1; next < n && ranges[next].first <= r.last + 1; next++)
			if (ranges[next].last > r.last)
				r.last = ranges[next].last;
		len += (size_t)snprintf(sysctl_text + len, sizeof(sysctl_text) - len,
					r.last > r.first ? "%s%lu-%lu" : "%s%lu", len ? "," : "", r.first, r.last);
		fuzz_check(len < sizeof(sysctl_text));
	}
	return 0;
}

/* In place of those of base/file.h, by the linker's --wrap. */
int __real_dt_file_read(const char *path, char *out, size_t cap);
int __real_dt_file_write(const char *path, const char *text);
int __wrap_dt_file_read(const char *path, char *out, size_t cap);
int __wrap_dt_file_write(const char *path, const char *text);

int __wrap_dt_file_read(const char *path, char *out, size_t cap)
{
	size_t len = strlen(sysctl_text);

	fuzz_check(strcmp(path, SYSCTL) == 0 && len < cap);
	memcpy(out, sysctl_text, len + 1);
	return 0;
}

int __wrap_dt_file_write(const char *path, const char *text)
{
	static char real[PORTS];
	int err;

	fuzz_check(strcmp(path, SYSCTL) == 0);
	err = sysctl_set(text);
	if (!is_real)
		return err;
	fuzz_check((__real_dt_file_write(SYSCTL, text) == 0) == (err == 0));
	fuzz_check(__real_dt_file_read(SYSCTL, real, sizeof(real)) == 0 && strcmp(real, sysctl_text) == 0);
	return err;
}

/* --- the target ---------------------------------------------------------------------------------- */

static bool is_reserved(unsigned first, unsigned last)
{
	static struct range ranges[TEXT_MAX];
	int n = ranges_of(sysctl_text, ranges);

	for (int i = 0; i < n; i++)
		if (ranges[i].first <= first && last <= ranges[i].last)
			return true;
	return false;
}

static void sysctl_is(const char *wanted)
{
	fuzz_check(strcmp(sysctl_text, wanted) == 0);
}

/* The state file; it has this text and then tail. */
static int file_of(const uint8_t *text, size_t len, const char *tail)
{
	static int fd = -1;
	ssize_t tail_len = (ssize_t)strlen(tail);

	if (fd < 0)
		fd = memfd_create("pins", MFD_CLOEXEC);
	fuzz_check(fd >= 0 && ftruncate(fd, 0) == 0);
	fuzz_check(pwrite(fd, text, len, 0) == (ssize_t)len && pwrite(fd, tail, strlen(tail), (off_t)len) == tail_len);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dt_pins pins = {.lock_fd = -1};
	bool is_true = size > 0 && data[0] & 1;

	if (size < 1 || size > TEXT_MAX)
		return 0;
	is_real = (data[0] & REAL) == REAL;
	fuzz_check(dt_file_write(SYSCTL, PRESENT) == 0);
	pins.lock_fd = file_of(data + 1, size - 1, is_true ? "\n" PRESENT : "");
	if (data[0] & 2) {
		/* a file that says of the present what is not so changes nothing; one that does is undone or refused */
		dt_pins_restore_ports(&pins);
		if (!is_true && !memmem(data + 1, size - 1, PRESENT, strlen(PRESENT)))
			sysctl_is(PRESENT);
	} else if (dt_pins_reserve_ports(&pins, OURS) == 0) {
		fuzz_check(is_reserved(40000, 40009));
		/* and once more, as after a restart */
		fuzz_check(dt_pins_reserve_ports(&pins, OURS) == 0);
		fuzz_check(dt_pins_restore_ports(&pins) == 0);
		if (!is_true && !memmem(data + 1, size - 1, PRESENT, strlen(PRESENT)))
			sysctl_is(PRESENT);
	}
	return 0;
}
