// SPDX-License-Identifier: BSD-2-Clause
/*
 * The TCP check: a connection that comes about.  It is ended with a reset, so that neither side
 * keeps a TIME-WAIT for each probe.
 */
#include "lbd/check/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

enum health_outcome probe_outcome(int error)
{
	switch (error) {
	case 0:
		return HEALTH_OK;
	case ECONNREFUSED:
	case ECONNRESET:
		return HEALTH_REFUSED;
	case ETIMEDOUT:
		return HEALTH_TIMEOUT;
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EHOSTDOWN:
	case ENETDOWN:
	case EACCES: /* a prohibit route, or a firewall of our own */
	case EPERM:
		return HEALTH_UNREACHABLE;
	default: /* no descriptors, no ports, no memory */
		return HEALTH_FAULT;
	}
}

static enum health_outcome tcp_start(struct probe *probe)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr = { probe->order.addr },
				  .sin_port = htons(probe->order.port) };
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };

	probe->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->fd < 0)
		return HEALTH_FAULT;
	setsockopt(probe->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	probe->events = EV_WRITE;
	if (!connect(probe->fd, (const struct sockaddr *)&to, sizeof(to)))
		return HEALTH_OK;
	return errno == EINPROGRESS ? HEALTH_UNKNOWN : probe_outcome(errno);
}

static enum health_outcome tcp_ready(struct probe *probe)
{
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &length))
		return HEALTH_FAULT;
	return probe_outcome(error);
}

const struct probe_ops probe_tcp = { .name = "tcp", .start = tcp_start, .ready = tcp_ready };
