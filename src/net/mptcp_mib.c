/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/mptcp_mib.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NETSTAT "/proc/self/net/netstat"
#define NETSTAT_MAX 65536
/* Two lines, of names and of values, begin with this. */
#define GROUP "MPTcpExt:"

int dt_mptcp_mib_open(void)
{
	int fd = open(NETSTAT, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The rest of the next line that begins with GROUP; NULL: there is none. */
static const char *group_line(const char *text)
{
	while (text && strncmp(text, GROUP, strlen(GROUP)) != 0) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text ? text + strlen(GROUP) : NULL;
}

/* The next word, behind spaces, and its length; 0: the line ends. */
static const char *word_next(const char *at, size_t *len)
{
	at += strspn(at, " ");
	*len = strcspn(at, " \n");
	return at;
}

int dt_mptcp_mib_parse(const char *text, const char *name, uint64_t *out)
{
	const char *names = group_line(text), *values = names ? group_line(names) : NULL;
	size_t name_len, value_len;

	while (values) {
		names = word_next(names, &name_len);
		values = word_next(values, &value_len);
		if (name_len == 0 || value_len == 0)
			break;
		if (name_len == strlen(name) && strncmp(names, name, name_len) == 0) {
			*out = strtoull(values, NULL, 10);
			return 0;
		}
		names += name_len;
		values += value_len;
	}
	return -ENOENT;
}

int dt_mptcp_mib_rm_addr_sent(int fd, uint64_t *out)
{
	char text[NETSTAT_MAX];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	if (len < 0)
		return -errno;
	text[len] = '\0';
	return dt_mptcp_mib_parse(text, "RmAddrTx", out);
}
