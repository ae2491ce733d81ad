/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Descriptors that no kernel knows: the path manager's own UDP sockets (links to relays), the throw-away TCP sockets by
 * which it finds free ports and source addresses, and what the other fakes hand out. By --wrap: see CMakeLists.txt.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

#include "world.h"

#define FIRST_FD 100000
#define FDS_MAX 4096
#define PORTS_FIRST 32768
#define PORTS_LAST 60999
#define MTU 1500

struct datagram {
	size_t len;
	struct datagram *prev, *next;
	uint8_t bytes[];
};

struct fake_fd {
	bool open;
	enum fake_kind kind;
	bool readable;
	bool failed;  /* poll reports an error condition */
	bool refused; /* the next recv() fails with ECONNREFUSED */
	bool bound;
	unsigned family;
	struct dt_endpoint local, remote;
	struct datagram *received;
};
static struct fake_fd fds[FDS_MAX];
static int top; /* none beyond it was ever open */

static struct fake_fd *fake(int fd)
{
	if (fd < FIRST_FD || fd >= FIRST_FD + FDS_MAX || !fds[fd - FIRST_FD].open)
		return NULL;
	return &fds[fd - FIRST_FD];
}

int fake_fd_new(enum fake_kind kind)
{
	for (int i = 0; i < FDS_MAX; i++)
		if (!fds[i].open) {
			memset(&fds[i], 0, sizeof(fds[i]));
			fds[i].open = true;
			top = i >= top ? i + 1 : top;
			fds[i].kind = kind;
			return FIRST_FD + i;
		}
	errno = EMFILE;
	return -1;
}

void fake_fd_close(int fd)
{
	struct fake_fd *f = fake(fd);
	struct datagram *d, *tmp;

	if (!f)
		abort(); /* closed twice, or never opened */
	DL_FOREACH_SAFE(f->received, d, tmp) {
		DL_DELETE(f->received, d);
		free(d);
	}
	f->open = false;
}

bool fake_fd_readable(int fd)
{
	const struct fake_fd *f = fake(fd);

	return f && (f->readable || f->received || f->failed);
}

bool fake_fd_failure_take(int fd)
{
	struct fake_fd *f = fake(fd);
	bool failed = f && f->failed;

	if (failed)
		f->failed = false;
	return failed;
}

void fake_fd_fail(enum fake_kind kind)
{
	for (int i = 0; i < top; i++)
		if (fds[i].open && fds[i].kind == kind)
			fds[i].failed = true;
}

void fake_udp_refuse(const struct dt_endpoint *to, const struct dt_endpoint *from)
{
	for (int i = 0; i < top; i++)
		if (fds[i].open && fds[i].kind == FAKE_UDP && dt_endpoint_equal(&fds[i].local, to) &&
		    dt_endpoint_equal(&fds[i].remote, from))
			fds[i].failed = fds[i].refused = true;
}

void fake_fd_set_readable(enum fake_kind kind, bool readable)
{
	for (int i = 0; i < top; i++)
		if (fds[i].open && fds[i].kind == kind)
			fds[i].readable = readable;
}

size_t fake_fds_open(void)
{
	size_t count = 0;

	for (int i = 0; i < top; i++)
		count += fds[i].open;
	return count;
}

void fake_fds_forget(void)
{
	for (int i = 0; i < top; i++)
		if (fds[i].open)
			fake_fd_close(FIRST_FD + i);
}

static void deliver(struct fake_fd *f, const uint8_t *bytes, size_t len)
{
	struct datagram *d = malloc(sizeof(*d) + len);

	if (!d)
		abort();
	d->len = len;
	memcpy(d->bytes, bytes, len);
	DL_APPEND(f->received, d);
}

void fake_udp_deliver(const struct dt_endpoint *to, const struct dt_endpoint *from, const uint8_t *bytes, size_t len)
{
	for (int i = 0; i < top; i++)
		if (fds[i].open && fds[i].kind == FAKE_UDP && dt_endpoint_equal(&fds[i].local, to) &&
		    dt_endpoint_equal(&fds[i].remote, from))
			deliver(&fds[i], bytes, len);
}

void fake_udp_deliver_all(const struct dt_endpoint *from, const uint8_t *bytes, size_t len)
{
	for (int i = 0; i < top; i++)
		if (fds[i].open && fds[i].kind == FAKE_UDP && dt_endpoint_equal(&fds[i].remote, from))
			deliver(&fds[i], bytes, len);
}

void fake_udp_disconnect(void)
{
	for (int i = 0; i < top; i++)
		if (fds[i].open && fds[i].kind == FAKE_UDP)
			memset(&fds[i].remote, 0, sizeof(fds[i].remote));
}

/* --- what the path manager calls --------------------------------------------------------------- */

int __wrap_socket(int family, int type, int protocol);
int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len);
int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len);
ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t cap, int flags);
int __wrap_close(int fd);
int __real_close(int fd);
int __wrap_sched_getscheduler(pid_t pid);
int __wrap_sched_getparam(pid_t pid, struct sched_param *out);
int __wrap_sched_setscheduler(pid_t pid, int policy, const struct sched_param *param);
int __wrap_sched_getcpu(void);
int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *out);
int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *cpus);

static int fail(int err)
{
	errno = err;
	return -1;
}

int __wrap_socket(int family, int type, int protocol)
{
	int fd;

	if (family != AF_INET && family != AF_INET6)
		abort(); /* no story needs another, and no real one may be opened */
	fd = fake_fd_new((type & 0xf) == SOCK_DGRAM ? FAKE_UDP : FAKE_PORT);
	if (fd >= 0)
		fake(fd)->family = family == AF_INET ? 4 : 6;
	return fd;
}

static bool port_is_used(const struct dt_ip *ip, uint16_t port)
{
	for (const struct sock *s = world.socks; s; s = s->hh.next)
		if (s->local.port == port && dt_ip_equal(&s->local.ip, ip))
			return true;
	return false;
}

/* Each port once before one comes again, so that looking whether it is in use is seldom needed. */
static uint16_t port_choose(const struct dt_ip *ip)
{
	static bool around;

	for (unsigned i = PORTS_FIRST; i <= PORTS_LAST; i++) {
		uint16_t port = world.next_port < PORTS_FIRST ? PORTS_FIRST : world.next_port;

		around = around || port == PORTS_LAST;
		world.next_port = port == PORTS_LAST ? PORTS_FIRST : (uint16_t)(port + 1);
		if (!around || !port_is_used(ip, port))
			return port;
	}
	return 0;
}

int __wrap_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct fake_fd *f = fake(fd);
	struct dt_endpoint local;

	if (!f)
		abort();
	if (dt_endpoint_from_sockaddr(&local, sa) < 0)
		return fail(EAFNOSUPPORT);
	if (!host_link_of(&local.ip))
		return fail(EADDRNOTAVAIL);
	if (world.no_ports && f->kind == FAKE_PORT)
		return fail(EADDRINUSE);
	f->local = local;
	f->bound = true;
	if (!f->local.port)
		f->local.port = port_choose(&local.ip);
	return 0;
}

int __wrap_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	struct fake_fd *f = fake(fd);

	if (!f || f->kind != FAKE_UDP)
		abort();
	if (dt_endpoint_from_sockaddr(&f->remote, sa) < 0)
		return fail(EAFNOSUPPORT);
	if (!f->bound) {
		if (!host_source(&f->remote.ip, &f->local.ip))
			return fail(ENETUNREACH);
		f->local.port = port_choose(&f->local.ip);
	}
	return host_route(&f->local.ip, &f->remote.ip) ? 0 : fail(ENETUNREACH);
}

int __wrap_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	const struct fake_fd *f = fake(fd);
	struct sockaddr_storage all;
	socklen_t size;

	if (!f)
		abort();
	size = dt_endpoint_to_sockaddr(&f->local, &all);
	memcpy(sa, &all, size < *len ? size : *len);
	*len = size;
	return 0;
}

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *len)
{
	int mtu = MTU;

	if (!fake(fd) || *len < sizeof(mtu) ||
	    !((level == IPPROTO_IP && name == IP_MTU) || (level == IPPROTO_IPV6 && name == IPV6_MTU)))
		abort();
	memcpy(value, &mtu, sizeof(mtu));
	return 0;
}

ssize_t __wrap_send(int fd, const void *bytes, size_t len, int flags)
{
	const struct fake_fd *f = fake(fd);

	if (!f || f->kind != FAKE_UDP)
		abort();
	if (!f->remote.port)
		return fail(EDESTADDRREQ);
	if (!host_link_of(&f->local.ip) || !host_route(&f->local.ip, &f->remote.ip))
		return fail(ENETUNREACH);
	relay_datagram(&f->remote, &f->local, bytes, len);
	return (ssize_t)len;
}

ssize_t __wrap_recv(int fd, void *bytes, size_t cap, int flags)
{
	struct fake_fd *f = fake(fd);
	struct datagram *d;
	size_t len;

	if (!f || f->kind != FAKE_UDP)
		abort();
	d = f->received;
	if (f->refused) {
		f->refused = false;
		return fail(ECONNREFUSED);
	}
	if (!d)
		return fail(EAGAIN);
	DL_DELETE(f->received, d);
	len = d->len < cap ? d->len : cap;
	memcpy(bytes, d->bytes, len);
	free(d);
	return (ssize_t)len;
}

int __wrap_close(int fd)
{
	if (fd < FIRST_FD)
		return __real_close(fd);
	fake_fd_close(fd);
	return 0;
}

/* --- the processor ----------------------------------------------------------------------------- */

int __wrap_sched_getscheduler(pid_t pid)
{
	return SCHED_OTHER;
}

int __wrap_sched_getparam(pid_t pid, struct sched_param *out)
{
	memset(out, 0, sizeof(*out));
	return 0;
}

int __wrap_sched_setscheduler(pid_t pid, int policy, const struct sched_param *param)
{
	if ((policy & 0xf) == SCHED_FIFO && world.no_realtime)
		return fail(EPERM);
	world.realtime = (policy & 0xf) == SCHED_FIFO;
	world.cpu_held = world.realtime && (world.cpu_pinned || !world.other_realtime);
	return 0;
}

int __wrap_sched_getcpu(void)
{
	return 1;
}

int __wrap_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *out)
{
	memset(out, 0, size);
	CPU_SET(0, out);
	CPU_SET(1, out);
	return 0;
}

int __wrap_sched_setaffinity(pid_t pid, size_t size, const cpu_set_t *cpus)
{
	world.cpu_pinned = CPU_COUNT(cpus) == 1 && CPU_ISSET(1, cpus);
	return 0;
}
