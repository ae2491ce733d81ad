/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Look-ups of names: what the story says the resolver knows, a little later. For libuv's getaddrinfo. */
#include <netdb.h>
#include <stdlib.h>
#include <uv.h>

#include "world.h"

#define RESOLVE_NS (5 * DT_MS)

struct lookup {
	uv_getaddrinfo_t *req;
	bool cancelled;
	struct lookup *next;
};
static struct lookup *lookups;

static struct addrinfo *result_new(const struct dt_ip *ip, struct addrinfo *next)
{
	struct addrinfo *result = calloc(1, sizeof(*result) + sizeof(struct sockaddr_storage));
	struct dt_endpoint e = {*ip, 0};

	if (!result)
		abort();
	result->ai_addr = (struct sockaddr *)(result + 1);
	result->ai_addrlen = dt_endpoint_to_sockaddr(&e, (struct sockaddr_storage *)(result + 1));
	result->ai_next = next;
	return result;
}

static void lookup_end(void *data)
{
	struct lookup *l = data, **at = &lookups;
	struct addrinfo *result = NULL;

	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	if (!l->cancelled && !dt_ip_is_unset(&world.resolves_to)) {
		if (!dt_ip_is_unset(&world.resolves_too))
			result = result_new(&world.resolves_too, NULL);
		result = result_new(&world.resolves_to, result);
	}
	l->req->cb(l->req, result ? 0 : l->cancelled ? UV_ECANCELED : UV_EAI_NONAME, result);
	free(l);
}

int uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb, const char *node, const char *service,
		   const struct addrinfo *hints)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	req->loop = loop;
	req->cb = cb;
	l->req = req;
	l->next = lookups;
	lookups = l;
	tell("> resolve %s", node);
	world_after(RESOLVE_NS, lookup_end, l);
	return 0;
}

void uv_freeaddrinfo(struct addrinfo *result)
{
	while (result) {
		struct addrinfo *next = result->ai_next;

		free(result);
		result = next;
	}
}

int uv_cancel(uv_req_t *req)
{
	for (struct lookup *l = lookups; l; l = l->next)
		if ((uv_req_t *)l->req == req)
			l->cancelled = true;
	return 0;
}

const char *uv_strerror(int err)
{
	return err == UV_ECANCELED ? "operation canceled" : "unknown node or service";
}
