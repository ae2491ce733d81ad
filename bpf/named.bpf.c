/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lists the processes that have a given name, in the PID namespace of who reads the iterator: the id of each. It sees them
 * also where /proc hides other users' processes (hidepid, ProtectProc= of systemd).
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "task.h"

const volatile char wanted[16];

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

/* The task's id as the reader knows it: a task has one in each PID namespace from the first to its own. */
static __always_inline __u32 id_for_reader(struct task_struct *task)
{
	__u32 level = BPF_CORE_READ(task_now(), thread_pid, level), id = 0;
	struct pid *pid = BPF_CORE_READ(task, thread_pid);

	if (pid)
		bpf_core_read(&id, sizeof(id),
			      (char *)pid + bpf_core_field_offset(pid->numbers) +
				      level * bpf_core_type_size(struct upid));
	return id;
}

static __always_inline bool is_named(struct task_struct *task)
{
	char name[16];

	bpf_core_read_str(name, sizeof(name), &task->comm);
	for (int i = 0; i < (int)sizeof(name) && name[i] == wanted[i]; i++)
		if (!name[i])
			return true;
	return false;
}

SEC("iter/task")
int named(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 id;

	if (!task || task->pid != task->tgid || !is_named(task))
		return 0;
	id = id_for_reader(task);
	bpf_seq_write(ctx->meta->seq, &id, sizeof(id));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
