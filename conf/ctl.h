/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unix-socket messages between pairctl and the daemons and among the daemons: frames
 * (proto/frame.h) that carry one cas.Message each, descriptors alongside (SCM_RIGHTS).  Both ends:
 * the listener and the link that reconnects by itself.  Frames are capped (CTL_MAX_FRAME); a peer
 * that sends more, or something that does not unpack, is closed and counted.  A peer that does not
 * read is closed when CTL_MAX_QUEUE bytes wait for it.
 */
#ifndef CASPAIR_CTL_H
#define CASPAIR_CTL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "request.pb-c.h"

struct ev_loop;
struct ctl_conn;
struct ctl_server;
struct ctl_link;

enum { CTL_MAX_FRAME = 64 << 10, CTL_MAX_QUEUE = 4 << 20, CTL_MAX_FDS = 16 };

/* Called from the loop.  `message` borrows everything but the descriptors, which it then owns. */
struct ctl_ops {
	void (*opened)(void *arg, struct ctl_conn *conn); /* may be NULL */
	void (*message)(void *arg, struct ctl_conn *conn, const Cas__Message *message, int *fds,
			size_t nfds);
	/*
	 * May be NULL; conn is freed afterwards.  The peer has gone or was closed: never called for
	 * what ctl_server_free() and ctl_link_free() close, nor from within ctl_send().
	 */
	void (*closed)(void *arg, struct ctl_conn *conn);
	/*
	 * May be NULL.  The queue to this peer has drained: continue a long answer.  Follows every
	 * ctl_send(), also one whose message left at once.
	 */
	void (*drained)(void *arg, struct ctl_conn *conn);
};

/*
 * Listens at `path` (a stale socket is replaced, a living one is an error: -EADDRINUSE).  Only root
 * and the daemon's own uid may talk to it, and the group `caspair` where there is one.
 */
int ctl_listen(struct ctl_server **server, struct ev_loop *loop, const char *path,
	       const struct ctl_ops *ops, void *arg);
void ctl_server_free(struct ctl_server *server);
/* Connections refused or closed for what the peer did or sent, since the start. */
unsigned long long ctl_server_refused(const struct ctl_server *server);

/* Connects to `path`, again and again (100 ms apart) until freed.  `opened` tells when. */
int ctl_link(struct ctl_link **link, struct ev_loop *loop, const char *path,
	     const struct ctl_ops *ops, void *arg);
void ctl_link_free(struct ctl_link *link);
struct ctl_conn *ctl_link_conn(struct ctl_link *link); /* NULL while not connected */

/* Queues a message; descriptors are duplicated.  0, or -EPIPE, -EMSGSIZE, -ENOBUFS, -ENOMEM. */
int ctl_send(struct ctl_conn *conn, const Cas__Message *message, const int *fds, size_t nfds);
size_t ctl_queued(const struct ctl_conn *conn);
/* Answers with error and code. */
int ctl_refuse(struct ctl_conn *conn, unsigned int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* A word of the user's on a connection: who it is, what it has asked for. */
void ctl_set_data(struct ctl_conn *conn, void *data);
void *ctl_data(const struct ctl_conn *conn);
uid_t ctl_uid(const struct ctl_conn *conn);

/*
 * pairctl's side, blocking: asks the daemon at `path` and hands each answer to `answer` until one
 * without `more` came.  0, -ECONNREFUSED or -ENOENT (nobody there), -ETIMEDOUT (silent for
 * `timeout_ms`), -EPROTO (not one of ours), -ECONNRESET (it left), -EACCES.
 */
int ctl_ask(const char *path, const Cas__Message *question, unsigned int timeout_ms,
	    void (*answer)(void *arg, const Cas__Message *message), void *arg);
/* The same where a question takes several messages; the answers follow the last of them. */
int ctl_ask_parts(const char *path, const Cas__Message *const *question, size_t count,
		  unsigned int timeout_ms,
		  void (*answer)(void *arg, const Cas__Message *message), void *arg);
/* The process that listens at `path`, or a negative errno as of these. */
pid_t ctl_pid(const char *path);

#endif
