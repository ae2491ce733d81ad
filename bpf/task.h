/* SPDX-License-Identifier: GPL-2.0 */
/* Who runs now: of the process, whatever thread it is. */
#ifndef DETOURD_BPF_TASK_H
#define DETOURD_BPF_TASK_H

#include <linux/types.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "detourd/maps.h"

struct cred {
	struct {
		__u32 val;
	} euid;
} __attribute__((preserve_access_index));

struct net {
	__u64 net_cookie;
} __attribute__((preserve_access_index));

struct nsproxy {
	struct net *net_ns;
} __attribute__((preserve_access_index));

struct task_struct {
	struct task_struct *group_leader;
	const struct cred *cred;
	struct nsproxy *nsproxy;
	char comm[16];
} __attribute__((preserve_access_index));

static __always_inline struct task_struct *task_now(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/* The effective one. */
static __always_inline __u32 task_user(void)
{
	return BPF_CORE_READ(task_now(), cred, euid.val);
}

/* A thread may have a name of its own; what ps -o comm shows is the group leader's. */
static __always_inline void task_program(char name[16])
{
	struct task_struct *leader = BPF_CORE_READ(task_now(), group_leader);

	bpf_core_read_str(name, 16, &leader->comm);
}

static __always_inline __u64 task_netns(void)
{
	return BPF_CORE_READ(task_now(), nsproxy, net_ns, net_cookie);
}

#endif
