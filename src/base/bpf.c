/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/bpf.h"

#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

static int line_log(enum libbpf_print_level level, const char *fmt, va_list args)
{
	char line[512];

	if (level == LIBBPF_DEBUG)
		return 0;
	vsnprintf(line, sizeof(line), fmt, args);
	line[strcspn(line, "\n")] = '\0';
	dt_log_debug("%s", line);
	return 0;
}

void dt_bpf_log_to_ours(void)
{
	libbpf_set_print(line_log);
}

const char *dt_bpf_explain(int err)
{
	switch (err) {
	case -EACCES:
		if (geteuid() == 0)
			return "the kernel's verifier refused it; log-level = debug shows why, please report it";
		/* fallthrough */
	case -EPERM:
		return "no permission; run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON; pins "
		       "must belong to this user";
	case -ENOMEM:
		return "out of memory";
	default:
		break;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK) < 0)
		return "this kernel has no BTF (/sys/kernel/btf/vmlinux); use one built with CONFIG_DEBUG_INFO_BTF, as "
		       "Debian's are";
	if (err == -EOPNOTSUPP || err == -ENOSYS)
		return "this kernel lacks BPF; use one built with CONFIG_BPF_SYSCALL, CONFIG_CGROUP_BPF, "
		       "CONFIG_NET_CLS_BPF and CONFIG_NET_SCH_INGRESS";
	return strerror(-err);
}

int dt_bpf_map_walk(int fd, size_t key_size, int (*fn)(const void *key, void *data), void *data)
{
	char key[DT_BPF_KEY_MAX] __attribute__((aligned(8))), next[DT_BPF_KEY_MAX];
	int err, verdict;

	assert(key_size <= sizeof(key));
	err = bpf_map_get_next_key(fd, NULL, next);
	while (err == 0) {
		memcpy(key, next, key_size);
		/* one step ahead: a map starts over when the key asked after is gone */
		err = bpf_map_get_next_key(fd, key, next);
		verdict = fn(key, data);
		if (verdict < 0)
			return verdict;
	}
	return err == -ENOENT ? 0 : err;
}

int dt_bpf_map_delete(int fd, const void *key)
{
	int err = bpf_map_delete_elem(fd, key);

	return err == -ENOENT ? 0 : err;
}
