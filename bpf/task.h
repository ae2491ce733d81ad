/* SPDX-License-Identifier: GPL-2.0-only */
/* A process as the programs see it, and the one that runs now, whichever of its threads it is. */
#ifndef DETOURD_BPF_TASK_H
#define DETOURD_BPF_TASK_H

#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "detourd/maps.h"
#include "kernel.h"

struct cred {
	struct {
		__u32 val;
	} euid;
} __attribute__((preserve_access_index));

struct nsproxy {
	struct net *net_ns;
} __attribute__((preserve_access_index));

struct upid {
	int nr;
} __attribute__((preserve_access_index));

struct pid {
	unsigned int level;
	struct upid numbers[1];
} __attribute__((preserve_access_index));

struct task_struct {
	int pid, tgid;
	struct pid *thread_pid;
	struct task_struct *group_leader;
	const struct cred *cred;
	struct nsproxy *nsproxy;
	char comm[16];
} __attribute__((preserve_access_index));

static __always_inline struct task_struct *task_now(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/* The effective user id. */
static __always_inline __u32 task_user(void)
{
	return BPF_CORE_READ(task_now(), cred, euid.val);
}

/* The process's name, which ps -o comm shows: the group leader's, since a thread may have another. */
static __always_inline void task_program(char name[16])
{
	struct task_struct *leader = BPF_CORE_READ(task_now(), group_leader);

	bpf_core_read_str(name, 16, &leader->comm);
}

/* The cookie of its network namespace. */
static __always_inline __u64 task_netns(void)
{
	return BPF_CORE_READ(task_now(), nsproxy, net_ns, net_cookie);
}

#endif
