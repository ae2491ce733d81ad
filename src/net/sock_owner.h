/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who holds a socket, for people to read. */
#ifndef DETOURD_NET_SOCK_OWNER_H
#define DETOURD_NET_SOCK_OWNER_H

#include <stdint.h>

#define DT_SOCK_OWNER_STRLEN 128
/*
 * "sshd (process 812)" for who has the socket of this inode open, "a process of user 0" where only that can be known.
 * Returns buf.
 */
const char *dt_sock_owner(uint32_t inode, uint32_t uid, char buf[DT_SOCK_OWNER_STRLEN]);

#endif
