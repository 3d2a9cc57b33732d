// SPDX-License-Identifier: BSD-2-Clause
/*
 * The check by ICMP echo (RFC 792, RFC 4443 4.1), over the kernel's ping sockets: they need no
 * right, but a group within net.ipv4.ping_group_range.  The kernel fills in identifier and
 * checksum, and hands over only what answers this socket.
 */
#include "lbd/check/probe.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conf/log.h"

/* Both families' echo have this form. */
struct echo {
	uint8_t type, code;
	uint16_t checksum, identifier, sequence;
	uint64_t token; /* an answer to an earlier probe does not count */
};

struct ping_state {
	struct echo sent;
	bool told; /* that there is no socket to be had */
};

static enum health_outcome refuse_socket(struct probe *probe)
{
	struct ping_state *ping = probe->state;

	if (!ping->told)
		log_warning("check ping: no socket (%s); is group %u in net.ipv4.ping_group_range?",
			    strerror(errno), getegid());
	ping->told = true;
	return HEALTH_FAULT;
}

static enum health_outcome ping_start(struct probe *probe)
{
	struct ping_state *ping = probe->state;
	bool six = flow_ip_family(&probe->order.addr) == FLOW_IPV6;
	struct sockaddr_storage to = { 0 };
	socklen_t length = probe_address(&to, &probe->order.addr, 0);

	probe->trace.step = HEALTH_STEP_ANSWER;
	probe->events = EV_READ;
	probe->fd = socket(to.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC,
			   six ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP);
	if (probe->fd < 0)
		return refuse_socket(probe);
	ping->told = false;
	ping->sent = (struct echo){
		.type = six ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
		.sequence = htons((uint16_t)(ntohs(ping->sent.sequence) + 1)),
		.token = (uint64_t)lrand48() << 32 | (uint64_t)lrand48(),
	};
	if (connect(probe->fd, (const struct sockaddr *)&to, length) ||
	    send(probe->fd, &ping->sent, sizeof(ping->sent), MSG_NOSIGNAL) < 0)
		return probe_outcome(errno);
	return HEALTH_UNKNOWN;
}

/* What is no answer to this probe is passed over, one packet each turn. */
static enum health_outcome ping_ready(struct probe *probe)
{
	const struct ping_state *ping = probe->state;
	uint8_t reply = ping->sent.type == ICMP_ECHO ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
	struct echo echo;
	ssize_t got = recv(probe->fd, &echo, sizeof(echo), MSG_DONTWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? HEALTH_UNKNOWN : probe_outcome(errno);
	if (got != sizeof(echo) || echo.type != reply || echo.sequence != ping->sent.sequence ||
	    echo.token != ping->sent.token)
		return HEALTH_UNKNOWN;
	return HEALTH_OK;
}

const struct probe_ops probe_ping = {
	.name = "ping",
	.state_bytes = sizeof(struct ping_state),
	.start = ping_start,
	.ready = ping_ready,
};
