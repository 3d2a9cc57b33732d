// SPDX-License-Identifier: BSD-2-Clause
/*
 * A connection: frames in, frames out, descriptors beside them.  It never ends itself: the end is
 * always told to its owner from the loop, so that nobody loses a connection within his own call.
 */
#include "conf/ctl_conn.h"
#include "conf/log.h"
#include "proto/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READ_SIZE = 32 << 10 };

/* A frame on its way out.  Its descriptors travel with its first byte. */
struct chunk {
	STAILQ_ENTRY(chunk) next;
	size_t length, sent;
	size_t nfds;
	int fds[CTL_MAX_FDS];
	uint8_t data[];
};

/*
 * Descriptors that came in.  The kernel ends a read behind the write that carried descriptors, and
 * every frame is a write of its own: they belong to the frame in which byte `at` - 1 lies.
 */
struct arrived {
	uint64_t at;
	size_t nfds;
	int fds[CTL_MAX_FDS];
};

struct ctl_conn {
	ev_io readable, writable;
	ev_timer doomed; /* ends the connection from the loop */
	struct ev_loop *loop;
	struct ctl_conn_owner owner;
	int fd;
	uid_t uid;
	bool broken;  /* nothing more can be sent; what the peer sent before is still read */
	bool refused; /* ended because of what the peer did */
	bool busy;    /* a callback of ours is on the stack */
	bool freed;   /* ... and has freed us */
	STAILQ_HEAD(, chunk) queue;
	size_t queued;
	struct frame_buffer input;
	uint64_t received, consumed; /* stream offsets */
	struct arrived arrived[2];   /* at most: for the frame begun, and for the next one */
	void *data;
};

/* --- sending ---------------------------------------------------------------------------------- */

/* Descriptors that wait in a chunk or arrived without a taker are ours to close. */
static void close_all(const int *fds, size_t nfds)
{
	for (size_t i = 0; i < nfds; i++)
		close(fds[i]);
}

static void chunk_free(struct chunk *chunk)
{
	close_all(chunk->fds, chunk->nfds);
	free(chunk);
}

static void drop_queue(struct ctl_conn *conn)
{
	struct chunk *chunk;

	while ((chunk = STAILQ_FIRST(&conn->queue))) {
		STAILQ_REMOVE_HEAD(&conn->queue, next);
		chunk_free(chunk);
	}
	conn->queued = 0;
}

/* The descriptors are duplicated: the caller may close his at once, the queue may last. */
static struct chunk *chunk_new(const Cas__Message *message, size_t length, const int *fds,
			       size_t nfds)
{
	struct chunk *chunk = calloc(1, sizeof(*chunk) + FRAME_HEADER + length);

	if (!chunk)
		return NULL;
	frame_header(chunk->data, length);
	cas__message__pack(message, chunk->data + FRAME_HEADER);
	chunk->length = FRAME_HEADER + length;
	for (; chunk->nfds < nfds; chunk->nfds++) {
		int copy = fcntl(fds[chunk->nfds], F_DUPFD_CLOEXEC, 0);

		if (copy < 0) {
			chunk_free(chunk);
			return NULL;
		}
		chunk->fds[chunk->nfds] = copy;
	}
	return chunk;
}

static ssize_t chunk_write(int fd, struct chunk *chunk)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * CTL_MAX_FDS)];
	} control = { .space = { 0 } };
	struct iovec piece = { chunk->data + chunk->sent, chunk->length - chunk->sent };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (chunk->nfds > 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * chunk->nfds);
		memcpy(CMSG_DATA(&control.header), chunk->fds, sizeof(int) * chunk->nfds);
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * chunk->nfds);
	}
	return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Writes until the queue is empty or the peer's buffer full.  0, or -EPIPE. */
static int flush(struct ctl_conn *conn)
{
	struct chunk *chunk;

	while ((chunk = STAILQ_FIRST(&conn->queue))) {
		ssize_t sent = chunk_write(conn->fd, chunk);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? 0 : -EPIPE;
		close_all(chunk->fds, chunk->nfds);
		chunk->nfds = 0;
		chunk->sent += (size_t)sent;
		conn->queued -= (size_t)sent;
		if (chunk->sent < chunk->length)
			continue;
		STAILQ_REMOVE_HEAD(&conn->queue, next);
		chunk_free(chunk);
	}
	return 0;
}

/*
 * What the peer has sent before it closed its end may matter more than all before (a last YIELD),
 * so a broken connection is read to its end, and that end is reported from there.
 */
static void set_broken(struct ctl_conn *conn)
{
	conn->broken = true;
	drop_queue(conn);
	ev_io_stop(conn->loop, &conn->writable);
}

/* For a peer that lives but misbehaves: nothing it says counts any more. */
static void doom(struct ctl_conn *conn, const char *why)
{
	log_warning("connection of user %u closed: %s", conn->uid, why);
	conn->refused = true;
	set_broken(conn);
	ev_io_stop(conn->loop, &conn->readable);
	ev_timer_start(conn->loop, &conn->doomed);
}

int ctl_send(struct ctl_conn *conn, const Cas__Message *message, const int *fds, size_t nfds)
{
	size_t length = cas__message__get_packed_size(message);
	struct chunk *chunk;

	if (conn->broken)
		return -EPIPE;
	if (length == 0 || length > CTL_MAX_FRAME || nfds > CTL_MAX_FDS)
		return -EMSGSIZE;
	if (conn->queued + FRAME_HEADER + length > CTL_MAX_QUEUE) {
		doom(conn, "it does not read its answers");
		return -ENOBUFS;
	}
	chunk = chunk_new(message, length, fds, nfds);
	if (!chunk)
		return -ENOMEM;
	STAILQ_INSERT_TAIL(&conn->queue, chunk, next);
	conn->queued += chunk->length;
	if (STAILQ_FIRST(&conn->queue) == chunk && flush(conn) < 0) {
		set_broken(conn);
		return -EPIPE;
	}
	/* Also when all has left: `drained` comes from the loop after every send. */
	if (conn->queued > 0 || conn->owner.ops->drained)
		ev_io_start(conn->loop, &conn->writable);
	return 0;
}

size_t ctl_queued(const struct ctl_conn *conn)
{
	return conn->queued;
}

int ctl_refuse(struct ctl_conn *conn, unsigned int code, const char *format, ...)
{
	Cas__Message message = CAS__MESSAGE__INIT;
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	message.error = text;
	message.has_error_code = true;
	message.error_code = code;
	return ctl_send(conn, &message, NULL, 0);
}

/* --- receiving -------------------------------------------------------------------------------- */

static void release(struct ctl_conn *conn)
{
	for (size_t i = 0; i < 2; i++)
		close_all(conn->arrived[i].fds, conn->arrived[i].nfds);
	frame_free(&conn->input);
	free(conn);
}

/* Leaves a callback: false when the connection was freed in it. */
static bool still_there(struct ctl_conn *conn)
{
	conn->busy = false;
	if (!conn->freed)
		return true;
	release(conn);
	return false;
}

/* The owner frees us in here. */
static void end(struct ctl_conn *conn)
{
	ev_io_stop(conn->loop, &conn->readable);
	set_broken(conn);
	conn->owner.ended(conn->owner.owner, conn, conn->refused);
}

static bool take_descriptors(struct ctl_conn *conn, struct msghdr *message)
{
	struct arrived *slot = conn->arrived[0].nfds == 0 ? &conn->arrived[0] : &conn->arrived[1];

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t bytes = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || bytes == 0)
			continue;
		if (slot->nfds > 0) /* descriptors in mid-frame: no peer of ours does that */
			close_all(slot->fds, slot->nfds);
		memcpy(slot->fds, CMSG_DATA(c), bytes);
		slot->nfds = bytes / sizeof(int);
		slot->at = conn->received;
	}
	return !(message->msg_flags & MSG_CTRUNC);
}

/* Bytes read, 0 at the end, negative errno (-EAGAIN: nothing now). */
static ssize_t receive(struct ctl_conn *conn)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int) * CTL_MAX_FDS)];
	} control;
	struct iovec room = { frame_room(&conn->input, READ_SIZE), READ_SIZE };
	struct msghdr message = { .msg_iov = &room,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t got;

	if (!room.iov_base)
		return -ENOMEM;
	got = recvmsg(conn->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return -errno;
	conn->received += (uint64_t)got;
	frame_added(&conn->input, (size_t)got);
	return take_descriptors(conn, &message) ? got : -EMFILE;
}

/* The descriptors of the frame that ends at conn->consumed, moved to `fds`. */
static size_t claim_descriptors(struct ctl_conn *conn, int fds[CTL_MAX_FDS])
{
	struct arrived *first = &conn->arrived[0];
	size_t nfds = first->nfds;

	if (nfds == 0 || conn->consumed < first->at)
		return 0;
	memcpy(fds, first->fds, sizeof(int) * nfds);
	*first = conn->arrived[1];
	conn->arrived[1].nfds = 0;
	return nfds;
}

/* Hands one frame over: false when the connection is gone. */
static bool deliver(struct ctl_conn *conn, const uint8_t *payload, size_t length)
{
	Cas__Message *message = ctl_conn_unpack(payload, length);
	int fds[CTL_MAX_FDS];
	size_t nfds;

	conn->consumed += FRAME_HEADER + length;
	nfds = claim_descriptors(conn, fds);
	if (!message) {
		close_all(fds, nfds);
		doom(conn, "a message that cannot be read");
		return true;
	}
	conn->busy = true;
	conn->owner.ops->message(conn->owner.arg, conn, message, fds, nfds);
	ctl_conn_discard(message);
	return still_there(conn);
}

/* False when the connection is gone. */
static bool deliver_all(struct ctl_conn *conn)
{
	const uint8_t *payload;
	size_t length;
	int next;

	while (!ev_is_active(&conn->doomed) &&
	       (next = frame_next(&conn->input, &payload, &length))) {
		if (next < 0)
			doom(conn, "a frame of impossible length");
		else if (!deliver(conn, payload, length))
			return false;
	}
	return true;
}

static void on_readable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct ctl_conn *conn = watcher->data;
	ssize_t got = receive(conn);

	(void)loop;
	(void)events;
	if (got > 0)
		deliver_all(conn);
	else if (got == -EMFILE || got == -ENOMEM)
		doom(conn, strerror((int)-got));
	else if (got != -EAGAIN && got != -EINTR)
		end(conn);
}

static void on_writable(struct ev_loop *loop, ev_io *watcher, int events)
{
	struct ctl_conn *conn = watcher->data;

	(void)events;
	if (flush(conn) < 0) {
		set_broken(conn);
		return;
	}
	if (conn->queued > 0)
		return;
	ev_io_stop(loop, watcher);
	if (!conn->owner.ops->drained)
		return;
	conn->busy = true;
	conn->owner.ops->drained(conn->owner.arg, conn);
	still_there(conn);
}

static void on_doomed(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	end(watcher->data);
}

/* --- life ------------------------------------------------------------------------------------- */

struct ctl_conn *ctl_conn_new(struct ev_loop *loop, int fd, const struct ctl_conn_owner *owner)
{
	struct ctl_conn *conn = calloc(1, sizeof(*conn));
	struct ucred peer = { .uid = (uid_t)-1 };
	socklen_t length = sizeof(peer);

	if (!conn) {
		close(fd);
		return NULL;
	}
	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length);
	conn->loop = loop;
	conn->fd = fd;
	conn->uid = peer.uid;
	conn->owner = *owner;
	conn->input.cap = CTL_MAX_FRAME;
	STAILQ_INIT(&conn->queue);
	ev_io_init(&conn->readable, on_readable, fd, EV_READ);
	ev_io_init(&conn->writable, on_writable, fd, EV_WRITE);
	ev_timer_init(&conn->doomed, on_doomed, 0., 0.);
	conn->readable.data = conn->writable.data = conn->doomed.data = conn;
	ev_io_start(loop, &conn->readable);
	return conn;
}

bool ctl_conn_opened(struct ctl_conn *conn)
{
	conn->busy = true;
	if (conn->owner.ops->opened)
		conn->owner.ops->opened(conn->owner.arg, conn);
	return still_there(conn);
}

void ctl_conn_free(struct ctl_conn *conn)
{
	if (!conn || conn->freed)
		return;
	if (!conn->broken)
		(void)flush(conn); /* the last word before leaving, if it goes at once */
	set_broken(conn);
	ev_io_stop(conn->loop, &conn->readable);
	ev_timer_stop(conn->loop, &conn->doomed);
	close(conn->fd);
	conn->freed = true;
	if (!conn->busy)
		release(conn);
}

void ctl_set_data(struct ctl_conn *conn, void *data)
{
	conn->data = data;
}

void *ctl_data(const struct ctl_conn *conn)
{
	return conn->data;
}

uid_t ctl_uid(const struct ctl_conn *conn)
{
	return conn->uid;
}
