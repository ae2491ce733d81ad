/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/named.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bpf.h"
#include "base/log.h"
#include "named.skel.h"

/* Reads the ids of all that have the name. */
static bool ids_have(int fd, unsigned pid)
{
	uint32_t ids[64];
	bool found = false;
	ssize_t got;

	while (!found && ((got = read(fd, ids, sizeof(ids))) > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN))))
		for (size_t i = 0; got > 0 && i < (size_t)got / sizeof(ids[0]); i++)
			found = found || ids[i] == pid;
	return found;
}

bool dt_named_has(unsigned pid, const char *name)
{
	struct named_bpf *skel;
	struct bpf_link *link = NULL;
	bool found = false;
	int fd = -1, err;

	dt_bpf_log_to_ours();
	skel = named_bpf__open();
	err = skel ? 0 : -errno;
	if (err == 0) {
		snprintf((char *)skel->rodata->wanted, sizeof(skel->rodata->wanted), "%s", name);
		err = named_bpf__load(skel);
	}
	if (err == 0) {
		link = bpf_program__attach_iter(skel->progs.named, NULL);
		fd = link ? bpf_iter_create(bpf_link__fd(link)) : -1;
		err = fd < 0 ? -errno : 0;
	}
	if (err == 0)
		found = ids_have(fd, pid);
	else
		dt_log_debug("cannot list processes by BPF: %s", dt_bpf_explain(err));
	if (fd >= 0)
		close(fd);
	bpf_link__destroy(link);
	named_bpf__destroy(skel);
	return found;
}
