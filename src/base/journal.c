/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/journal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/unix.h"

#define FIELDS_MAX 16
#define KEY_MAX 24

bool dt_journal_has(const char *stream, int fd)
{
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && fstat(fd, &st) == 0 &&
	       st.st_dev == (dev_t)device && st.st_ino == (ino_t)inode;
}

int dt_journal_open(const char *path)
{
	return dt_unix_connect(path, SOCK_DGRAM | SOCK_NONBLOCK);
}

/* The length of the key, if the word is "key=value". 0: it is not. */
static size_t key_len(const char *word, size_t len)
{
	size_t n = 0;

	while (n < len && (islower((unsigned char)word[n]) || (n && strchr("0123456789_-", word[n]))))
		n++;
	return n > 0 && n <= KEY_MAX && n + 1 < len && word[n] == '=' ? n : 0;
}

/* Where the last word of line begins, before its byte end. */
static size_t word_begin(const char *line, size_t end)
{
	while (end > 0 && line[end - 1] != ' ')
		end--;
	return end;
}

/* Nothing, if it does not fit. */
static void field_put(char *out, size_t *len, const char *name, size_t name_len, const char *value, size_t value_len)
{
	static const char prefix[] = "DETOURD_";
	size_t need = strlen(prefix) + name_len + 1 + value_len + 1;

	if (*len + need > DT_JOURNAL_MAX)
		return;
	memcpy(out + *len, prefix, strlen(prefix));
	*len += strlen(prefix);
	for (size_t i = 0; i < name_len; i++)
		out[(*len)++] = (char)(name[i] == '-' ? '_' : toupper((unsigned char)name[i]));
	out[(*len)++] = '=';
	memcpy(out + *len, value, value_len);
	*len += value_len;
	out[(*len)++] = '\n';
}

size_t dt_journal_format(char out[DT_JOURNAL_MAX], int priority, const char *line)
{
	char text[DT_JOURNAL_MAX / 2];
	size_t len, end;

	snprintf(text, sizeof(text), "%s", line);
	for (char *c = text; *c; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	len = (size_t)snprintf(out, DT_JOURNAL_MAX, "PRIORITY=%d\nSYSLOG_IDENTIFIER=detourd\nMESSAGE=%s\n", priority,
			       text);
	end = strlen(text);
	for (int i = 0; i < FIELDS_MAX && end > 0; i++) {
		size_t begin = word_begin(text, end), name = key_len(text + begin, end - begin);

		if (!name)
			break;
		field_put(out, &len, text + begin, name, text + begin + name + 1, end - begin - name - 1);
		end = begin > 0 ? begin - 1 : 0;
	}
	return len;
}

bool dt_journal_send(int fd, int priority, const char *line)
{
	char entry[DT_JOURNAL_MAX];
	size_t len = dt_journal_format(entry, priority, line);

	return send(fd, entry, len, MSG_NOSIGNAL) == (ssize_t)len;
}
