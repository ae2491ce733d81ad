/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happens when memory runs out, as base/memory.h says it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/array.h"
#include "base/hash.h"
#include "base/loop.h"
#include "base/scarce.h"
#include "pm/conf/client_conf.h"
#include "relay/config.h"

static int cleaned[2]; /* a pipe: what the clean-up of a process that ended has written */

static char letter_a = 'a', letter_b = 'b', letter_c = 'c';

static void write_letter(void *letter)
{
	cr_assert_eq(write(cleaned[1], letter, 1), 1);
}

/* Runs fn in a process of its own, with clean-up of three letters, "b" taken back; returns how it ended. */
static int ended_by(void (*fn)(void), char *letters, size_t cap)
{
	int status;
	ssize_t got;
	pid_t pid;

	cr_assert_eq(pipe(cleaned), 0);
	pid = fork();
	if (pid == 0) {
		dt_memory_cleanup_add(write_letter, &letter_a);
		dt_memory_cleanup_add(write_letter, &letter_b);
		dt_memory_cleanup_add(write_letter, &letter_c);
		dt_memory_cleanup_remove(write_letter, &letter_b);
		fn();
		_exit(0);
	}
	close(cleaned[1]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	got = read(cleaned[0], letters, cap - 1);
	letters[got > 0 ? got : 0] = '\0';
	close(cleaned[0]);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

struct item {
	int key;
	UT_hash_handle hh;
};

static void table_grows(void)
{
	struct item *table = NULL, item = {.key = 1};

	scarce_begin(1); /* the table itself, but not its buckets */
	HASH_ADD_INT(table, key, &item);
}

static void loop_begins(void)
{
	uv_loop_t loop;

	dt_loop_guard_memory();
	scarce_begin(0);
	uv_loop_init(&loop);
}

static void nothing_runs_out(void)
{
	struct item *table = NULL, item = {.key = 1};

	HASH_ADD_INT(table, key, &item);
	HASH_CLEAR(hh, table);
}

Test(memory, what_cannot_return_an_error_ends_the_process_after_the_clean_up)
{
	char letters[8];

	cr_assert_eq(ended_by(table_grows, letters, sizeof(letters)), 1);
	cr_assert_str_eq(letters, "ca", "newest first, without what was taken back");
	cr_assert_eq(ended_by(loop_begins, letters, sizeof(letters)), 1);
	cr_assert_str_eq(letters, "ca");
	cr_assert_eq(ended_by(nothing_runs_out, letters, sizeof(letters)), 0);
	cr_assert_str_eq(letters, "", "no clean-up without need");
}

Test(memory, an_array_that_cannot_grow_stays_as_it_was)
{
	int *numbers = NULL;
	size_t count = 0;

	for (int i = 0; i < 4; i++)
		cr_assert(dt_array_append(&numbers, &count, sizeof(i), &i));
	scarce_begin(0);
	cr_assert(!dt_array_append(&numbers, &count, sizeof(count), &count), "4 is a power of two: full");
	cr_assert(scarce_end());
	cr_assert_eq(count, 4);
	cr_assert_eq(numbers[3], 3);
	free(numbers);
}

static size_t read_file(const char *path, char *out, size_t cap)
{
	FILE *file = fopen(path, "re");
	size_t len;

	cr_assert(file, "%s", path);
	len = fread(out, 1, cap, file);
	fclose(file);
	cr_assert(len && len < cap);
	out[len] = '\0';
	for (char *at; (at = strstr(out, "@DIR@"));)
		memcpy(at, "/home", strlen("/home"));
	return len;
}

/* Parses and frees; -EFAULT: there was a configuration in spite of an error, or none without one. */
typedef int (*parse_fn)(const char *text, size_t len, FILE *errors);

static int relay_parse(const char *text, size_t len, FILE *errors)
{
	struct dt_relay_config *config = NULL;
	int err = dt_relay_config_parse(&config, "relay.conf", text, len, errors);

	if ((config != NULL) != (err == 0))
		return -EFAULT;
	dt_relay_config_free(config);
	return err;
}

static int client_parse(const char *text, size_t len, FILE *errors)
{
	struct dt_client_config *config = NULL;
	int err = dt_client_config_parse(&config, "client.conf", text, len, errors);

	if ((config != NULL) != (err == 0))
		return -EFAULT;
	dt_client_config_free(config);
	return err;
}

static void config_read_with_too_little(parse_fn parse, const char *path, int complete)
{
	FILE *nowhere = fopen("/dev/null", "we");
	unsigned allocations = 0;
	bool refused = true;
	char text[8192];
	size_t len = read_file(path, text, sizeof(text));

	for (; refused; allocations++) {
		int err;

		scarce_begin(allocations);
		err = parse(text, len, nowhere);
		refused = scarce_end();
		cr_assert_eq(err, refused ? -ENOMEM : complete, "%s, %u allocations: %d", path, allocations, err);
	}
	cr_assert_gt(allocations, 10, "%s is too short for this test", path);
	fclose(nowhere);
}

Test(memory, a_configuration_is_refused_as_one_with_an_error)
{
	static const char conf[] = DT_SOURCE_DIR "/test/config";
	static const struct {
		parse_fn parse;
		const char *name;
		int complete; /* with enough memory */
	} rows[] = {
		{relay_parse, "relay/good-full.conf", 0},	    {relay_parse, "relay/max-rate-bad.conf", -EINVAL},
		{client_parse, "client/good-full.conf", 0},	    {client_parse, "client/good-apps.conf", 0},
		{client_parse, "client/many-errors.conf", -EINVAL},
	};
	char path[256];

	cr_assert(sodium_init() >= 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", conf, rows[i].name);
		config_read_with_too_little(rows[i].parse, path, rows[i].complete);
	}
}
