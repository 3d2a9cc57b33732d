// SPDX-License-Identifier: BSD-2-Clause
/*
 * The TCP check: a connection that comes about.  It is ended with a reset, so that neither side
 * keeps a TIME-WAIT for each probe.
 */
#include "lbd/check/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
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

uint64_t probe_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void probe_enter(struct probe *probe, enum health_step step)
{
	uint64_t now = probe_now_us(), spent = now - probe->mark_us;

	probe->trace.step_us[probe->trace.step] = spent < UINT32_MAX ? (uint32_t)spent : UINT32_MAX;
	probe->trace.step = (uint16_t)step;
	probe->mark_us = now;
}

socklen_t probe_address(struct sockaddr_storage *to, const struct flow_ip *ip, uint16_t port)
{
	struct sockaddr_in four = { .sin_family = AF_INET,
				    .sin_addr = { ip->word[3] },
				    .sin_port = htons(port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (flow_ip_family(ip) == FLOW_IPV4) {
		memcpy(to, &four, sizeof(four));
		return sizeof(four);
	}
	memcpy(&six.sin6_addr, ip, sizeof(six.sin6_addr));
	memcpy(to, &six, sizeof(six));
	return sizeof(six);
}

enum health_outcome probe_dial(struct probe *probe, uint16_t port)
{
	struct sockaddr_storage to = { 0 };
	socklen_t length = probe_address(&to, &probe->order.addr, port);

	probe->events = EV_WRITE;
	probe->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe->fd < 0)
		return HEALTH_FAULT;
	if (!connect(probe->fd, (const struct sockaddr *)&to, length))
		return HEALTH_OK;
	return errno == EINPROGRESS ? HEALTH_UNKNOWN : probe_outcome(errno);
}

static enum health_outcome tcp_start(struct probe *probe)
{
	struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	enum health_outcome outcome = probe_dial(probe, probe->order.port);

	if (probe->fd >= 0)
		setsockopt(probe->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return outcome;
}

enum health_outcome probe_connected(const struct probe *probe)
{
	socklen_t length = sizeof(int);
	int error = 0;

	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &error, &length))
		return HEALTH_FAULT;
	return probe_outcome(error);
}

static enum health_outcome tcp_ready(struct probe *probe)
{
	return probe_connected(probe);
}

const struct probe_ops probe_tcp = { .name = "tcp", .start = tcp_start, .ready = tcp_ready };
