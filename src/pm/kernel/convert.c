/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pm/kernel/convert.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bpf.h"
#include "convert.skel.h"

struct dt_convert {
	struct convert_bpf *skel;
};

static int program_attach(struct bpf_program *program, int cgroup_fd, struct bpf_link **link)
{
	*link = bpf_program__attach_cgroup(program, cgroup_fd);
	return *link ? 0 : -errno;
}

/* getpeername first: at no time is a connection converted whose peer would be the relay. */
static int attach(struct convert_bpf *skel, int cgroup_fd)
{
	int err = program_attach(skel->progs.getpeername4, cgroup_fd, &skel->links.getpeername4);

	if (err == 0)
		err = program_attach(skel->progs.getpeername6, cgroup_fd, &skel->links.getpeername6);
	if (err == 0)
		err = program_attach(skel->progs.connect4, cgroup_fd, &skel->links.connect4);
	if (err == 0)
		err = program_attach(skel->progs.connect6, cgroup_fd, &skel->links.connect6);
	return err;
}

int dt_convert_open(struct dt_convert **out, uint64_t netns_cookie, int cgroup_fd)
{
	struct dt_convert *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	dt_bpf_log_to_ours();
	c->skel = convert_bpf__open();
	err = c->skel ? 0 : -errno;
	if (err == 0) {
		c->skel->rodata->netns_cookie = netns_cookie;
		err = convert_bpf__load(c->skel);
	}
	if (err == 0)
		err = attach(c->skel, cgroup_fd);
	if (err) {
		dt_convert_close(c);
		return err;
	}
	*out = c;
	return 0;
}

void dt_convert_close(struct dt_convert *c)
{
	if (!c)
		return;
	convert_bpf__destroy(c->skel);
	free(c);
}

const char *dt_convert_problem(int err)
{
	return dt_bpf_explain(err);
}

static struct dt_convert_key key_of(const struct dt_endpoint *server)
{
	struct dt_convert_key key;

	memset(&key, 0, sizeof(key));
	key.ip = server->ip;
	key.port_be16 = htons(server->port);
	return key;
}

int dt_convert_put(struct dt_convert *c, const struct dt_endpoint *server, const struct dt_endpoint *to,
		   uint64_t expires_ns)
{
	struct dt_convert_key key = key_of(server);
	struct dt_convert_to value;

	memset(&value, 0, sizeof(value));
	value.ip = to->ip;
	value.port_be16 = htons(to->port);
	value.expires_ns = expires_ns;
	return bpf_map_update_elem(bpf_map__fd(c->skel->maps.servers), &key, &value, BPF_ANY);
}

void dt_convert_remove(struct dt_convert *c, const struct dt_endpoint *server)
{
	struct dt_convert_key key = key_of(server);

	bpf_map_delete_elem(bpf_map__fd(c->skel->maps.servers), &key);
}

int dt_convert_earlier(struct dt_convert *c, const struct dt_endpoint *at, const struct dt_endpoint *server)
{
	struct dt_convert_key key = key_of(at), value = key_of(server);

	return bpf_map_update_elem(bpf_map__fd(c->skel->maps.earlier), &key, &value, BPF_ANY);
}
