/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/inventory.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bpf.h"
#include "base/log.h"
#include "inventory.skel.h"

#define RECORDS 512 /* per read() */

struct dt_inventory {
	struct inventory_bpf *skel;
	struct bpf_link *link;
	struct dt_subflow_record records[RECORDS];
};

int dt_inventory_open(struct dt_inventory **out)
{
	struct dt_inventory *inv = calloc(1, sizeof(*inv));
	int err;

	if (!inv)
		return -ENOMEM;
	inv->skel = inventory_bpf__open_and_load();
	err = inv->skel ? 0 : -errno;
	if (err == 0) {
		inv->link = bpf_program__attach_iter(inv->skel->progs.inventory, NULL);
		err = inv->link ? 0 : -errno;
	}
	if (err) {
		dt_log_err("cannot list MPTCP connections by BPF: %s", dt_bpf_explain(err));
		dt_inventory_close(inv);
		return err;
	}
	*out = inv;
	return 0;
}

void dt_inventory_close(struct dt_inventory *inv)
{
	if (!inv)
		return;
	bpf_link__destroy(inv->link);
	inventory_bpf__destroy(inv->skel);
	free(inv);
}

int dt_inventory_read(struct dt_inventory *inv, dt_inventory_fn fn, void *data)
{
	int fd = bpf_iter_create(bpf_link__fd(inv->link)), err = 0;
	uint8_t *bytes = (uint8_t *)inv->records;
	size_t have = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while ((got = read(fd, bytes + have, sizeof(inv->records) - have)) != 0) {
		size_t whole;

		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0) {
			err = -errno;
			break;
		}
		have += (size_t)got;
		whole = have / sizeof(inv->records[0]);
		for (size_t i = 0; i < whole; i++)
			fn(&inv->records[i], data);
		have -= whole * sizeof(inv->records[0]);
		memmove(bytes, bytes + whole * sizeof(inv->records[0]), have);
	}
	close(fd);
	return err;
}
