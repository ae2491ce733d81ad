/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Makes new TCP sockets of chosen programs MPTCP sockets, although the programs did not ask for MPTCP. The kernel has the
 * hook update_socket_protocol() for this (net/socket.c, since Linux 6.6). Only sockets of our network namespace.
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "detourd/maps.h"
#include "task.h"

#define AF_INET 2
#define AF_INET6 10
#define SOCK_STREAM 1
#define SOCK_TYPE_MASK 0xf /* the rest is SOCK_CLOEXEC and SOCK_NONBLOCK */
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262

const volatile __u64 netns_cookie;
/* The daemon's process id, as it is in the daemon's own PID namespace, and that namespace. */
const volatile __u64 pidns_dev, pidns_ino;
const volatile __u32 daemon_tgid;

/* The lists: one map for each kind, written by user space. Values are enum dt_mptcpify_flag. */
#define LIST(name, key_type)                          \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_HASH);      \
		__uint(max_entries, DT_MPTCPIFY_MAX); \
		__type(key, key_type);                \
		__type(value, __u32);                 \
	} name SEC(".maps")

LIST(users, __u32);
LIST(cgroups, __u64);
LIST(programs, struct dt_program);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct dt_mptcpify_config);
} config SEC(".maps");

/* The flags of a list's entry; 0: not listed. */
static __always_inline __u32 flags_of(void *list, const void *key)
{
	const __u32 *flags = bpf_map_lookup_elem(list, key);

	return flags ? *flags : 0;
}

/* Of all cgroups that the process is in, down from the root. */
static __always_inline __u32 cgroup_flags(void)
{
	__u32 flags = 0;

	for (int level = 0; level < DT_ORIGIN_CGROUPS; level++) {
		__u64 id = bpf_get_current_ancestor_cgroup_id(level);

		if (!id)
			break;
		flags |= flags_of(&cgroups, &id);
	}
	return flags;
}

/* An exception in any list wins; of the other lists that are used, all must have the process. */
static __always_inline bool is_chosen(const struct dt_mptcpify_config *conf)
{
	struct dt_program program = {};
	__u32 uid = task_user();
	__u32 user, cgroup, prog;

	task_program(program.name);
	user = flags_of(&users, &uid);
	cgroup = cgroup_flags();
	prog = flags_of(&programs, &program);
	if ((user | cgroup | prog) & DT_MPTCPIFY_EXCEPT)
		return false;
	return (!conf->by_user || user & DT_MPTCPIFY_CHOSEN) && (!conf->by_cgroup || cgroup & DT_MPTCPIFY_CHOSEN) &&
	       (!conf->by_program || prog & DT_MPTCPIFY_CHOSEN);
}

/* Not by bpf_get_current_pid_tgid(), which gives the id in the initial PID namespace. */
static __always_inline bool is_daemon(void)
{
	struct bpf_pidns_info self = {};

	return bpf_get_ns_current_pid_tgid(pidns_dev, pidns_ino, &self, sizeof(self)) == 0 && self.tgid == daemon_tgid;
}

/*
 * Returns the protocol of the new socket. 0: no change; the kernel then runs other such programs, and takes the protocol
 * that was asked for. Any other value ends this.
 */
SEC("fmod_ret/update_socket_protocol")
int BPF_PROG(mptcpify, int family, int type, int protocol)
{
	struct dt_mptcpify_config *conf;
	__u32 zero = 0;

	if ((family != AF_INET && family != AF_INET6) || (type & SOCK_TYPE_MASK) != SOCK_STREAM ||
	    (protocol != 0 && protocol != IPPROTO_TCP))
		return 0;
	conf = bpf_map_lookup_elem(&config, &zero);
	if (!conf || !conf->enabled || task_netns() != netns_cookie || is_daemon() || !is_chosen(conf))
		return 0;
	__sync_fetch_and_add(&conf->sockets, 1);
	return IPPROTO_MPTCP;
}

char LICENSE[] SEC("license") = "GPL";
