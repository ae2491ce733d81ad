/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/mptcpify.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/bpf.h"
#include "mptcpify.skel.h"

struct dt_mptcpify {
	struct mptcpify_bpf *skel;
};

/* Tells the program which process is the daemon: its sockets stay TCP. */
static int daemon_exclude(struct mptcpify_bpf *skel)
{
	struct stat pidns;

	if (stat("/proc/self/ns/pid", &pidns) < 0)
		return -errno;
	skel->rodata->pidns_dev = (uint64_t)major(pidns.st_dev) << 20 | minor(pidns.st_dev); /* the kernel's dev_t */
	skel->rodata->pidns_ino = pidns.st_ino;
	skel->rodata->daemon_tgid = (uint32_t)getpid();
	return 0;
}

int dt_mptcpify_open(struct dt_mptcpify **out, uint64_t netns_cookie)
{
	struct dt_mptcpify *m = calloc(1, sizeof(*m));
	int err;

	if (!m)
		return -ENOMEM;
	dt_bpf_log_to_ours();
	m->skel = mptcpify_bpf__open();
	err = m->skel ? 0 : -errno;
	if (err == 0) {
		m->skel->rodata->netns_cookie = netns_cookie;
		err = daemon_exclude(m->skel);
	}
	if (err == 0)
		err = mptcpify_bpf__load(m->skel);
	if (err == 0)
		err = mptcpify_bpf__attach(m->skel);
	if (err) {
		dt_mptcpify_close(m);
		return err == -ESRCH || err == -EINVAL ? -ENOENT : err;
	}
	*out = m;
	return 0;
}

void dt_mptcpify_close(struct dt_mptcpify *m)
{
	if (!m)
		return;
	mptcpify_bpf__destroy(m->skel);
	free(m);
}

const char *dt_mptcpify_problem(int err)
{
	if (err == -ENOENT)
		return "this kernel has no hook for it (update_socket_protocol, Linux 6.6 with BPF trampolines)";
	if (err == -EPERM || err == -EACCES)
		return "this kernel or its configuration refuses BPF programs that change its functions (fmod_ret)";
	return strerror(-err);
}

/* --- lists ------------------------------------------------------------------------------------- */

static void list_clear(int fd, void *key)
{
	while (bpf_map_get_next_key(fd, NULL, key) == 0)
		if (bpf_map_delete_elem(fd, key) < 0)
			return;
}

static int list_add(int fd, const void *key, uint32_t flag)
{
	uint32_t flags = 0;

	bpf_map_lookup_elem(fd, key, &flags);
	flags |= flag;
	return bpf_map_update_elem(fd, key, &flags, BPF_ANY) < 0 ? -errno : 0;
}

static int who_add(const struct mptcpify_bpf *skel, const struct dt_who *who, uint32_t flag)
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < who->nuids; i++)
		err = list_add(bpf_map__fd(skel->maps.users), &who->uids[i], flag);
	for (size_t i = 0; err == 0 && i < who->ncgroups; i++)
		if (who->cgroups[i].id)
			err = list_add(bpf_map__fd(skel->maps.cgroups), &who->cgroups[i].id, flag);
	for (size_t i = 0; err == 0 && i < who->nprograms; i++) {
		struct dt_program program = {0};

		memcpy(program.name, who->programs[i], strnlen(who->programs[i], DT_PROGRAM_LEN));
		err = list_add(bpf_map__fd(skel->maps.programs), &program, flag);
	}
	return err;
}

int dt_mptcpify_configure(struct dt_mptcpify *m, const struct dt_mptcp_conf *conf)
{
	int fd = bpf_map__fd(m->skel->maps.config), err;
	struct dt_mptcpify_config config = {0};
	struct dt_program program;
	uint32_t zero = 0, uid;
	uint64_t cgroup;

	/* switched off while the lists change */
	config.sockets = dt_mptcpify_sockets(m);
	if (bpf_map_update_elem(fd, &zero, &config, BPF_ANY) < 0)
		return -errno;
	list_clear(bpf_map__fd(m->skel->maps.users), &uid);
	list_clear(bpf_map__fd(m->skel->maps.cgroups), &cgroup);
	list_clear(bpf_map__fd(m->skel->maps.programs), &program);
	if (!conf->enable)
		return 0;
	err = who_add(m->skel, &conf->chosen, DT_MPTCPIFY_CHOSEN);
	if (err == 0)
		err = who_add(m->skel, &conf->except, DT_MPTCPIFY_EXCEPT);
	if (err)
		return err;
	config.enabled = 1;
	config.by_user = conf->chosen.nuids != 0;
	config.by_cgroup = conf->chosen.ncgroups != 0;
	config.by_program = conf->chosen.nprograms != 0;
	return bpf_map_update_elem(fd, &zero, &config, BPF_ANY) < 0 ? -errno : 0;
}

uint64_t dt_mptcpify_sockets(const struct dt_mptcpify *m)
{
	struct dt_mptcpify_config config = {0};
	uint32_t zero = 0;

	bpf_map_lookup_elem(bpf_map__fd(m->skel->maps.config), &zero, &config);
	return config.sockets;
}
