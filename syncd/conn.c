// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/daemon.h"

enum {
	LENGTH_BYTES = 2,
	IN_BYTES = LENGTH_BYTES + SEAL_MAX_MESSAGE,
	OUT_FIRST = 128 << 10,
	READS = 2, /* in one callback: with records to apply that takes 10 ms, and heartbeats wait */
	MS = 1000000,
};

const char *const conn_end_names[CONN_ENDS] = {
	[CONN_LOST] = "lost",        [CONN_DROPPED] = "dropped",     [CONN_SILENT] = "silent",
	[CONN_SLOW] = "slow",        [CONN_REFUSED] = "refused",     [CONN_BAD_FRAME] = "bad-frame",
	[CONN_FULL] = "not-reading", [CONN_NO_MEMORY] = "no-memory", [CONN_REVOKED] = "key-removed",
};

static void conn_free(struct conn *conn)
{
	greet_wipe(&conn->greet);
	free(conn->in);
	free(conn->out);
	free(conn);
}

void conn_close(struct conn *conn, enum conn_end why)
{
	if (conn->fd < 0)
		return;
	ev_io_stop(conn->loop, &conn->reader);
	ev_io_stop(conn->loop, &conn->writer);
	ev_timer_stop(conn->loop, &conn->timer);
	close(conn->fd);
	conn->fd = -1;
	conn->ops->closed(conn, why);
	/* Our own callback is still on the stack: it frees when it returns. */
	if (!conn->busy)
		conn_free(conn);
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool out_room(struct conn *conn, size_t want)
{
	size_t size = conn->out_size ? conn->out_size : OUT_FIRST;
	uint8_t *bigger;

	if (conn->out_start) {
		memmove(conn->out, conn->out + conn->out_start, conn->out_used - conn->out_start);
		conn->out_used -= conn->out_start;
		conn->out_start = 0;
	}
	while (size < conn->out_used + want)
		size *= 2;
	if (size > CONN_MAX_QUEUE)
		return false;
	if (size == conn->out_size)
		return true;
	bigger = realloc(conn->out, size);
	if (!bigger)
		return false;
	conn->out = bigger;
	conn->out_size = size;
	return true;
}

/* False: ended. */
static bool flush(struct conn *conn)
{
	while (conn->out_start < conn->out_used) {
		ssize_t n = send(conn->fd, conn->out + conn->out_start,
				 conn->out_used - conn->out_start, MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			ev_io_start(conn->loop, &conn->writer);
			return true;
		}
		if (n < 0) {
			conn_close(conn, CONN_LOST);
			return false;
		}
		conn->out_start += (size_t)n;
		conn->bytes_sent += (size_t)n;
	}
	conn->out_start = conn->out_used = 0;
	ev_io_stop(conn->loop, &conn->writer);
	return true;
}

/* Queues bytes as they are: the greeting's. */
static void send_raw(struct conn *conn, const uint8_t *bytes, size_t length)
{
	if (length == 0)
		return;
	if (!out_room(conn, length)) {
		conn_close(conn, CONN_FULL);
		return;
	}
	memcpy(conn->out + conn->out_used, bytes, length);
	conn->out_used += length;
	flush(conn);
}

static void send_sealed(struct conn *conn, const uint8_t *bytes, size_t length)
{
	size_t sealed = length + SEAL_TAG;
	uint8_t *out;

	if (conn->fd < 0)
		return;
	conn->sent_ns = daemon_now_ns();
	if (length > CONN_FRAME || !out_room(conn, LENGTH_BYTES + sealed)) {
		conn_close(conn, CONN_FULL);
		return;
	}
	out = conn->out + conn->out_used;
	out[0] = (uint8_t)sealed;
	out[1] = (uint8_t)(sealed >> 8);
	if (seal_encrypt(&conn->greet.send, out + LENGTH_BYTES, bytes, length) != 0) {
		conn_close(conn, CONN_DROPPED);
		return;
	}
	conn->out_used += LENGTH_BYTES + sealed;
	conn->frames_sent++;
	/* While bytes wait for the socket, the writer takes these along. */
	if (!ev_is_active(&conn->writer))
		flush(conn);
}

void conn_send(struct conn *conn, const uint8_t *bytes, size_t length)
{
	if (length == 0)
		conn_close(conn, CONN_DROPPED);
	else
		send_sealed(conn, bytes, length);
}

size_t conn_queued(const struct conn *conn)
{
	return conn->out_used - conn->out_start;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* False: ended. */
static bool take_frame(struct conn *conn, size_t sealed)
{
	uint8_t text[SEAL_MAX_MESSAGE];
	const uint8_t *bytes = conn->in + LENGTH_BYTES;

	if (sealed < SEAL_TAG || seal_decrypt(&conn->greet.receive, text, bytes, sealed) != 0) {
		conn_close(conn, CONN_BAD_FRAME);
		return false;
	}
	conn->frames_received++;
	conn->heard_ns = daemon_now_ns();
	if (!conn->ready) {
		conn->ready = true;
		conn->ops->ready(conn);
	}
	if (conn->fd >= 0 && sealed > SEAL_TAG)
		conn->ops->frame(conn, text, sealed - SEAL_TAG);
	return conn->fd >= 0;
}

/* Takes bytes of the transport: whole frames out, the rest waits. */
static bool take_transport(struct conn *conn, const uint8_t *bytes, size_t count)
{
	while (count > 0) {
		size_t want = LENGTH_BYTES, n;

		if (conn->in_used >= LENGTH_BYTES)
			want += (size_t)(conn->in[0] | conn->in[1] << 8);
		n = want - conn->in_used < count ? want - conn->in_used : count;
		memcpy(conn->in + conn->in_used, bytes, n);
		conn->in_used += n;
		bytes += n;
		count -= n;
		if (conn->in_used != want)
			continue;
		if (want == LENGTH_BYTES && (conn->in[0] | conn->in[1]))
			continue;
		conn->in_used = 0;
		if (!take_frame(conn, want - LENGTH_BYTES))
			return false;
	}
	return true;
}

static bool take_greeting(struct conn *conn, const uint8_t **bytes, size_t *count)
{
	uint8_t out[GREET_OUT];
	size_t length;
	size_t taken = greet_input(&conn->greet, conn->self, *bytes, *count, out, &length);
	socklen_t size = sizeof(conn->own);

	*bytes += taken;
	*count -= taken;
	if (conn->greet.refused) {
		conn_close(conn, CONN_REFUSED);
		return false;
	}
	if (conn->greet.done)
		getsockname(conn->fd, &conn->own.any, &size);
	send_raw(conn, out, length);
	if (conn->fd < 0 || !conn->greet.done)
		return false;
	conn->in = malloc(IN_BYTES);
	if (!conn->in) {
		conn_close(conn, CONN_NO_MEMORY);
		return false;
	}
	/* Whoever answered our INIT has proved himself; whoever sent one has not yet. */
	if (conn->greet.initiator) {
		conn->ready = true;
		conn->heard_ns = daemon_now_ns();
		send_sealed(conn, NULL, 0);
		if (conn->fd >= 0)
			conn->ops->ready(conn);
	}
	return conn->fd >= 0;
}

static void take(struct conn *conn, const uint8_t *bytes, size_t count)
{
	conn->bytes_received += count;
	if (!conn->greet.done && !take_greeting(conn, &bytes, &count))
		return;
	take_transport(conn, bytes, count);
}

static void read_some(struct conn *conn)
{
	uint8_t bytes[64 << 10];

	for (int i = 0; i < READS && conn->fd >= 0; i++) {
		/* A stranger gets a small buffer. */
		size_t room = conn->greet.done ? sizeof(bytes) : (size_t)GREET_IN;
		ssize_t n = recv(conn->fd, bytes, room, 0);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			conn_close(conn, CONN_LOST);
			return;
		}
		take(conn, bytes, (size_t)n);
	}
}

/* --- the loop --------------------------------------------------------------------------------- */

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct conn *conn = io->data;

	(void)loop;
	(void)events;
	conn->busy = true;
	read_some(conn);
	conn->busy = false;
	if (conn->fd < 0)
		conn_free(conn);
}

static void on_writable(struct ev_loop *loop, ev_io *io, int events)
{
	struct conn *conn = io->data;

	(void)events;
	conn->busy = true;
	if (conn->connecting) {
		conn->connecting = false;
		ev_io_start(loop, &conn->reader);
	}
	if (flush(conn) && conn_queued(conn) == 0)
		conn->ops->drained(conn);
	conn->busy = false;
	if (conn->fd < 0)
		conn_free(conn);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct conn *conn = timer->data;
	uint64_t now = daemon_now_ns();

	(void)loop;
	(void)events;
	if (!conn->ready && now - conn->begun_ns > (uint64_t)CONN_GREET_MS * MS)
		conn_close(conn, CONN_SLOW);
	else if (conn->ready && now - conn->heard_ns > (uint64_t)conn->timeout_ms * MS)
		conn_close(conn, CONN_SILENT);
	else if (conn->ready && now - conn->sent_ns > (uint64_t)conn->timeout_ms * MS / 8)
		send_sealed(conn, NULL, 0);
}

struct conn *conn_open(struct ev_loop *loop, int fd, const union endpoint *from,
		       const struct conn_config *config)
{
	struct conn *conn = calloc(1, sizeof(*conn));
	uint8_t hello[GREET_OUT];

	if (!conn) {
		close(fd);
		return NULL;
	}
	conn->loop = loop;
	conn->ops = config->ops;
	conn->arg = config->arg;
	conn->self = config->self;
	conn->timeout_ms = config->timeout_ms;
	conn->from = *from;
	conn->fd = fd;
	conn->connecting = config->initiator;
	conn->begun_ns = conn->heard_ns = daemon_now_ns();
	ev_io_init(&conn->reader, on_readable, fd, EV_READ);
	/* After a stall all have something to say: this node's vrrpd comes before the peer, who
	 * may not lead any more. */
	ev_set_priority(&conn->reader, EV_MINPRI);
	ev_io_init(&conn->writer, on_writable, fd, EV_WRITE);
	ev_timer_init(&conn->timer, on_timer, 0.05, config->timeout_ms / 8e3);
	conn->reader.data = conn->writer.data = conn->timer.data = conn;
	ev_timer_start(loop, &conn->timer);
	if (conn->connecting) {
		greet_begin(&conn->greet, true, hello);
		conn->greet.keys = config->keys;
		ev_io_start(loop, &conn->writer);
		return conn;
	}
	ev_io_start(loop, &conn->reader);
	/* 36 bytes always fit an empty socket; if not, the caller must not see it freed. */
	conn->busy = true;
	send_raw(conn, hello, greet_begin(&conn->greet, false, hello));
	conn->busy = false;
	if (conn->fd >= 0)
		return conn;
	conn_free(conn);
	return NULL;
}
