// SPDX-License-Identifier: BSD-2-Clause
/*
 * The blocking end of conf/ctl.h: one question, its answers, done.
 */
#include "conf/ctl.h"
#include "conf/ctl_conn.h"
#include "proto/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_SIZE = 64 << 10 };

struct ask {
	int fd;
	int timeout_ms;
	struct frame_buffer input;
	void (*answer)(void *arg, const Cas__Message *message);
	void *arg;
};

/* The limit is on silence, not on the whole answer: a long list takes its time. */
static int wait_for(const struct ask *ask, short events)
{
	struct pollfd entry = { .fd = ask->fd, .events = events };
	int ready;

	do
		ready = poll(&entry, 1, ask->timeout_ms);
	while (ready < 0 && errno == EINTR);
	return ready > 0 ? 0 : ready == 0 ? -ETIMEDOUT : -errno;
}

static int write_all(const struct ask *ask, const uint8_t *data, size_t length)
{
	while (length > 0) {
		ssize_t sent = send(ask->fd, data, length, MSG_NOSIGNAL);
		int error;

		if (sent >= 0) {
			data += sent;
			length -= (size_t)sent;
			continue;
		}
		error = errno == EAGAIN ? wait_for(ask, POLLOUT) : -errno;
		if (error < 0 && error != -EINTR)
			return error == -EPIPE ? -ECONNRESET : error;
	}
	return 0;
}

static int write_question(const struct ask *ask, const Cas__Message *question)
{
	size_t length = cas__message__get_packed_size(question);
	uint8_t *frame;
	int error;

	if (length == 0 || length > CTL_MAX_FRAME)
		return -EMSGSIZE;
	frame = malloc(FRAME_HEADER + length);
	if (!frame)
		return -ENOMEM;
	frame_header(frame, length);
	cas__message__pack(question, frame + FRAME_HEADER);
	error = write_all(ask, frame, FRAME_HEADER + length);
	free(frame);
	return error;
}

/* More bytes into the buffer: 0, or -ETIMEDOUT, -ECONNRESET, ... */
static int read_some(struct ask *ask)
{
	uint8_t *room = frame_room(&ask->input, READ_SIZE);
	ssize_t got;
	int error;

	if (!room)
		return -ENOMEM;
	error = wait_for(ask, POLLIN);
	if (error < 0)
		return error;
	got = recv(ask->fd, room, READ_SIZE, 0);
	if (got == 0)
		return -ECONNRESET; /* before the last answer: it died, or refused us */
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	frame_added(&ask->input, (size_t)got);
	return 0;
}

/* One answer: 1 when more will come, 0 when it was the last. */
static int read_answer(struct ask *ask)
{
	Cas__Message *message;
	const uint8_t *payload;
	size_t length;
	int next, more;

	while ((next = frame_next(&ask->input, &payload, &length)) == 0) {
		next = read_some(ask);
		if (next < 0)
			return next;
	}
	message = next > 0 ? ctl_conn_unpack(payload, length) : NULL;
	if (!message)
		return -EPROTO;
	more = message->more;
	ask->answer(ask->arg, message);
	ctl_conn_discard(message);
	return more;
}

int ctl_ask_parts(const char *path, const Cas__Message *const *question, size_t count,
		  unsigned int timeout_ms,
		  void (*answer)(void *arg, const Cas__Message *message), void *arg)
{
	struct ask ask = { .timeout_ms = (int)timeout_ms,
			   .input = { .cap = CTL_MAX_FRAME },
			   .answer = answer,
			   .arg = arg };
	int result = 0;

	ask.fd = ctl_conn_connect(path);
	if (ask.fd < 0)
		return ask.fd == -EAGAIN ? -ETIMEDOUT : ask.fd; /* its backlog is full: stuck */
	for (size_t i = 0; result == 0 && i < count; i++)
		result = write_question(&ask, question[i]);
	if (result == 0)
		do
			result = read_answer(&ask);
		while (result > 0);
	frame_free(&ask.input);
	close(ask.fd);
	return result;
}

int ctl_ask(const char *path, const Cas__Message *question, unsigned int timeout_ms,
	    void (*answer)(void *arg, const Cas__Message *message), void *arg)
{
	return ctl_ask_parts(path, &question, 1, timeout_ms, answer, arg);
}

pid_t ctl_pid(const char *path)
{
	struct ucred who = { .pid = 0 };
	socklen_t size = sizeof(who);
	int fd = ctl_conn_connect(path), error = 0;

	if (fd < 0)
		return fd == -EAGAIN ? -ETIMEDOUT : fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) < 0)
		error = -errno;
	close(fd);
	/* 0: it lives in a PID namespace that we do not see. */
	return error ? error : who.pid > 0 ? who.pid : -ESRCH;
}
