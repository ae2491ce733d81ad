/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file that remembers net.ipv4.ip_local_reserved_ports from one run of the relay to the next. The first byte chooses
 * what the file says of the present: the truth, or what the input says. Whatever it is, the relay's ports are reserved
 * afterwards, and a wrong file does not change the sysctl at the end. In a network namespace of its own.
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

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0) {
		printf("SKIP: no network namespace: %s\n", strerror(errno));
		exit(FUZZ_SKIPPED);
	}
	return 0;
}

/* As the kernel writes ranges, merged. */
static bool is_reserved(unsigned first, unsigned last)
{
	static char now[65536];
	unsigned from, to;
	int len;

	fuzz_check(dt_file_read(SYSCTL, now, sizeof(now)) == 0);
	for (const char *at = now; sscanf(at, "%u%n", &from, &len) == 1; at += len + (at[len] == ',')) {
		at += len;
		to = from;
		len = 0;
		if (*at == '-')
			fuzz_check(sscanf(at, "-%u%n", &to, &len) == 1);
		if (from <= first && last <= to)
			return true;
	}
	return false;
}

static void sysctl_is(const char *wanted)
{
	static char now[65536];

	fuzz_check(dt_file_read(SYSCTL, now, sizeof(now)) == 0 && strcmp(now, wanted) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dt_pins pins = {.lock_fd = -1};
	bool is_true = size > 0 && data[0] & 1;

	if (size < 1)
		return 0;
	fuzz_check(dt_file_write(SYSCTL, PRESENT) == 0);
	pins.lock_fd = memfd_create("pins", MFD_CLOEXEC);
	fuzz_check(pins.lock_fd >= 0 && write(pins.lock_fd, data + 1, size - 1) == (ssize_t)size - 1);
	if (is_true)
		fuzz_check(write(pins.lock_fd, "\n" PRESENT, strlen("\n" PRESENT)) > 0);
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
	dt_pins_close(&pins);
	return 0;
}
