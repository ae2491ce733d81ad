/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log lines as entries of systemd's journal. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/journal.h"

static void reads(const char *line, const char *entry)
{
	char out[DT_JOURNAL_MAX + 1];

	out[dt_journal_format(out, 6, line)] = '\0';
	cr_assert_str_eq(out, entry);
}

#define HEAD "PRIORITY=6\nSYSLOG_IDENTIFIER=detourd\nMESSAGE="

Test(journal, keys_at_the_end_become_fields)
{
	reads("relay is up relay=fra endpoint=198.51.100.1:45672",
	      HEAD "relay is up relay=fra endpoint=198.51.100.1:45672\n"
		   "DETOURD_ENDPOINT=198.51.100.1:45672\nDETOURD_RELAY=fra\n");
	reads("ready max-detours=2", HEAD "ready max-detours=2\nDETOURD_MAX_DETOURS=2\n");
	reads("a=b", HEAD "a=b\nDETOURD_A=b\n");
	reads("", HEAD "\n");
}

Test(journal, what_is_no_key_is_none)
{
	reads("net.mptcp.enabled = 1", HEAD "net.mptcp.enabled = 1\n");
	reads("x=1 in the middle", HEAD "x=1 in the middle\n");
	reads("empty key=", HEAD "empty key=\n");
	reads("UPPER=1", HEAD "UPPER=1\n");
	reads("=1", HEAD "=1\n");
	reads("1a=1", HEAD "1a=1\n");
	reads("two  a=1", HEAD "two  a=1\nDETOURD_A=1\n");
	reads("a=b=c", HEAD "a=b=c\nDETOURD_A=b=c\n");
}

Test(journal, a_line_cannot_forge_fields)
{
	reads("name=x\nPRIORITY=0", HEAD "name=x PRIORITY=0\n");
	reads("said hello\nkey=1", HEAD "said hello key=1\nDETOURD_KEY=1\n");
}

Test(journal, never_outgrows_its_room)
{
	char line[10000], out[DT_JOURNAL_MAX];

	for (size_t len = 0; len < sizeof(line) - 1; len += 97) {
		memset(line, 'v', len);
		line[len] = '\0';
		for (size_t i = 0; i + 4 < len; i += 50)
			memcpy(line + i, " k=", 3);
		cr_assert(dt_journal_format(out, 7, line) <= DT_JOURNAL_MAX);
	}
}

Test(journal, is_known_by_the_stream)
{
	char stream[64];
	struct stat st;

	cr_assert(fstat(STDERR_FILENO, &st) == 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	cr_assert(dt_journal_has(stream, STDERR_FILENO));
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + 1);
	cr_assert_not(dt_journal_has(stream, STDERR_FILENO));
	cr_assert_not(dt_journal_has("x", STDERR_FILENO) || dt_journal_has(NULL, STDERR_FILENO));
}

Test(journal, entries_arrive)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	char got[DT_JOURNAL_MAX] = "";
	int server = socket(AF_UNIX, SOCK_DGRAM, 0), fd;

	snprintf(sa.sun_path, sizeof(sa.sun_path), "/tmp/detourd-test-journal.%d", (int)getpid());
	cr_assert(dt_journal_open(sa.sun_path) == -ENOENT);
	cr_assert(server >= 0 && bind(server, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	fd = dt_journal_open(sa.sun_path);
	cr_assert(fd >= 0 && dt_journal_send(fd, 4, "relay is down relay=fra"));
	cr_assert(recv(server, got, sizeof(got) - 1, MSG_DONTWAIT) > 0);
	cr_assert_str_eq(got, "PRIORITY=4\nSYSLOG_IDENTIFIER=detourd\nMESSAGE=relay is down relay=fra\n"
			      "DETOURD_RELAY=fra\n");
	for (int i = 0; i < 100000 && dt_journal_send(fd, 4, "full"); i++)
		;
	cr_assert_not(dt_journal_send(fd, 4, "full"), "it does not wait");
	unlink(sa.sun_path);
	close(server);
	close(fd);
}
