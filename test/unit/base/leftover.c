/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/leftover.h"

#include <criterion/criterion.h>
#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#define STACK_SIZE (1 << 20)

void __real_free(void *block);
void __wrap_free(void *block);

static const uint8_t *wanted;
static size_t wanted_len;
static unsigned found;

/* Not by memmem(): what lies on a stack that is no longer used is nobody's variable to AddressSanitizer. */
__attribute__((no_sanitize_address)) static unsigned count(const uint8_t *at, size_t size, const uint8_t *bytes,
							   size_t len)
{
	unsigned times = 0;

	for (size_t i = 0; i + len <= size; i++) {
		size_t same = 0;

		while (same < len && at[i + same] == bytes[same])
			same++;
		times += same == len;
	}
	return times;
}

void leftover_begin(const void *bytes, size_t len)
{
	found = 0;
	wanted_len = len;
	wanted = bytes;
}

unsigned leftover_end(void)
{
	wanted = NULL;
	return found;
}

void leftover_look(void *block)
{
	if (wanted && block)
		found += count(block, malloc_usable_size(block), wanted, wanted_len);
}

void __wrap_free(void *block)
{
	leftover_look(block);
	__real_free(block);
}

struct call {
	void (*fn)(void *data);
	void *data;
};

static void *call_make(void *data)
{
	const struct call *call = data;

	call->fn(call->data);
	return NULL;
}

unsigned leftover_on_stack(void (*fn)(void *data), void *data, const void *bytes, size_t len)
{
	void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct call call = {fn, data};
	pthread_attr_t attr;
	pthread_t thread;
	unsigned times;

	cr_assert_neq(stack, MAP_FAILED);
	pthread_attr_init(&attr);
	cr_assert_eq(pthread_attr_setstack(&attr, stack, STACK_SIZE), 0);
	cr_assert_eq(pthread_create(&thread, &attr, call_make, &call), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	times = count(stack, STACK_SIZE, bytes, len);
	munmap(stack, STACK_SIZE);
	return times;
}
