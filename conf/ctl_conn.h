/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection of conf/ctl.h, whoever opened it.  Only ctl*.c includes this.
 */
#ifndef CASPAIR_CTL_CONN_H
#define CASPAIR_CTL_CONN_H

#include <ev.h>
#include <stdint.h>

#include "conf/ctl.h"

struct sockaddr_un;

/* Who owns a connection.  `ended` comes from the loop, once; the owner then calls ctl_conn_free().
 */
struct ctl_conn_owner {
	const struct ctl_ops *ops;
	void *arg;
	void (*ended)(void *owner, struct ctl_conn *conn, bool refused);
	void *owner;
};

/* Takes `fd` in any case. NULL: no memory. */
struct ctl_conn *ctl_conn_new(struct ev_loop *loop, int fd, const struct ctl_conn_owner *owner);
/* Tells the user that it is there: false when he has freed it in the callback. */
bool ctl_conn_opened(struct ctl_conn *conn);
/* Closes without telling anybody; sends what can be sent at once.  Allowed in every callback. */
void ctl_conn_free(struct ctl_conn *conn);

/* A stream socket connected to `path`, which does not block, or a negative errno. */
int ctl_conn_connect(const char *path);
/* Socket address of `path`: 0 or -ENAMETOOLONG. */
int ctl_conn_address(struct sockaddr_un *address, const char *path);

/* Unpacks with a cap on what the message may occupy; NULL for garbage.  Free with
 * ctl_conn_discard().
 */
Cas__Message *ctl_conn_unpack(const uint8_t *payload, size_t length);
void ctl_conn_discard(Cas__Message *message);

#endif
