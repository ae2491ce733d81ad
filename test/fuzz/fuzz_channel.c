/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a converter's daemon and its copying process may hear from each other: the first byte says whether a descriptor comes
 * along, the rest is the message.
 */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "convert/channel.h"
#include "fuzz.h"

static void put(int fd, const uint8_t *data, size_t size, int passed)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec iov = {(void *)data, size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (passed >= 0) {
		memcpy(CMSG_DATA(&control.header), &passed, sizeof(passed));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	fuzz_check(sendmsg(fd, &msg, MSG_DONTWAIT) == (ssize_t)size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dt_channel_message m;
	int ends[2], passed, got, next;

	if (size < 2)
		return 0;
	fuzz_check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
	put(ends[0], data + 1, size - 1, data[0] & 1 ? ends[0] : -1);
	got = dt_channel_receive(ends[1], &m, &passed);
	fuzz_check((got == 1) ==
		   (size - 1 == sizeof(m) && m.version == DT_CHANNEL_VERSION && m.type < DT_CHANNEL_TYPES));
	fuzz_check(got == 1 || got == -EBADMSG || got == -EPROTO);
	fuzz_check((passed >= 0) == (got == 1 && data[0] & 1));
	fuzz_check(got != 1 || strnlen(m.reason, sizeof(m.reason)) < sizeof(m.reason));
	/* no descriptor is left behind: the next one has the number that this one had, or would have had */
	next = dup(ends[1]);
	fuzz_check(next == (passed >= 0 ? passed + 1 : ends[1] + 1));
	close(next);
	if (passed >= 0)
		close(passed);
	close(ends[0]);
	close(ends[1]);
	return 0;
}
