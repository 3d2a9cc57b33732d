// SPDX-License-Identifier: BSD-2-Clause
#include "tests/casmock/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void connection_end(struct connection *connection)
{
	struct ev_loop *loop = connection->service->cas->loop;

	ev_io_stop(loop, &connection->io);
	ev_timer_stop(loop, &connection->late);
	speaker_end(&connection->speaker);
	LIST_REMOVE(connection, next);
	close(connection->io.fd);
	free(connection);
}

void connection_reset(struct connection *connection)
{
	const struct linger at_once = { .l_onoff = 1 };

	setsockopt(connection->io.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	connection_end(connection);
}

void connection_halt(struct connection *connection)
{
	ev_io_stop(connection->service->cas->loop, &connection->io);
	ev_timer_stop(connection->service->cas->loop, &connection->late);
}

void connection_resume(struct connection *connection)
{
	ev_io_start(connection->service->cas->loop, &connection->io);
	if (connection->held_bytes)
		ev_timer_again(connection->service->cas->loop, &connection->late);
}

/* A few bytes always fit the buffer of somebody who takes his answers. */
static bool put(struct connection *connection, const uint8_t *data, size_t length)
{
	return send(connection->io.fd, data, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void on_late(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct connection *connection = timer->data;

	(void)events;
	ev_timer_stop(loop, timer);
	if (!put(connection, connection->held, connection->held_bytes))
		connection_end(connection);
	else
		connection->held_bytes = 0;
}

static bool hold(struct connection *connection, const struct writer *answer, unsigned int ms)
{
	if (connection->held_bytes || written(answer) > sizeof(connection->held))
		return false;
	connection->held_bytes = written(answer);
	memcpy(connection->held, answer->start, connection->held_bytes);
	connection->late.repeat = ms / 1000.0;
	ev_timer_again(connection->service->cas->loop, &connection->late);
	return true;
}

static bool answer(struct connection *connection, const uint8_t *data, size_t length)
{
	uint8_t out[PDU_MAX];
	struct writer w = writer_over(out, sizeof(out));
	unsigned int after_ms;
	int bytes = speaker_answer(&connection->speaker, data, length, &w, &after_ms);

	if (bytes < 0)
		return false;
	return after_ms ? hold(connection, &w, after_ms) : put(connection, out, (size_t)bytes);
}

/* Each whole fragment of what has come. */
static bool answer_all(struct connection *connection)
{
	size_t used = 0;
	int length = 0;

	while (used < connection->fill) {
		length = pdu_length(connection->in + used, connection->fill - used);
		if (length <= 0 || (size_t)length > connection->fill - used)
			break;
		if (!answer(connection, connection->in + used, (size_t)length))
			return false;
		used += (size_t)length;
	}
	connection->fill -= used;
	memmove(connection->in, connection->in + used, connection->fill);
	return length >= 0;
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
	struct connection *connection = io->data;
	ssize_t got = read(io->fd, connection->in + connection->fill,
			   sizeof(connection->in) - connection->fill);

	(void)loop;
	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0)
		connection->fill += (size_t)got;
	if (got <= 0 || !answer_all(connection))
		connection_end(connection);
}

/* IPv4 as an IPv6 socket sees it; of IPv6, a tower has no floor. */
static void find_address(uint8_t address[4], int fd)
{
	struct sockaddr_in6 at = { 0 };
	socklen_t size = sizeof(at);

	if (!getsockname(fd, (struct sockaddr *)&at, &size) && IN6_IS_ADDR_V4MAPPED(&at.sin6_addr))
		memcpy(address, at.sin6_addr.s6_addr + 12, 4);
}

void connection_begin(struct service *service, int fd)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	const int one = 1;

	if (!connection) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	connection->service = service;
	connection->speaker.service = service;
	connection->speaker.associations = &service->associations;
	find_address(connection->speaker.address, fd);
	ev_io_init(&connection->io, on_readable, fd, EV_READ);
	ev_timer_init(&connection->late, on_late, 0, 0);
	connection->io.data = connection->late.data = connection;
	LIST_INSERT_HEAD(&service->connections, connection, next);
	ev_io_start(service->cas->loop, &connection->io);
}
