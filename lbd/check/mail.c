// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checks of SMTP, IMAP and POP3 without TLS: the greeting.  Read a buffer at a time, one each
 * turn of the loop.  Nobody waits for the answer to the farewell: it only keeps the server's log
 * clean.
 */
#include "lbd/check/probe.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "lbd/check/greeting.h"

struct mail_state {
	struct greeting greeting;
	bool connected;
};

static enum health_outcome mail_start(struct probe *probe)
{
	struct mail_state *mail = probe->state;
	enum health_outcome outcome;

	greeting_begin(&mail->greeting, (enum health_kind)probe->order.probe);
	mail->connected = false;
	outcome = probe_dial(probe, probe->order.port);
	return outcome == HEALTH_OK ? HEALTH_UNKNOWN : outcome;
}

static enum health_outcome on_connected(struct probe *probe)
{
	struct mail_state *mail = probe->state;
	enum health_outcome outcome = probe_connected(probe);

	if (outcome != HEALTH_OK)
		return outcome;
	mail->connected = true;
	probe->events = EV_READ;
	probe_enter(probe, HEALTH_STEP_ANSWER);
	return HEALTH_UNKNOWN;
}

static enum health_outcome mail_ready(struct probe *probe)
{
	struct mail_state *mail = probe->state;
	const char *farewell = greeting_farewell(mail->greeting.kind);
	uint8_t data[1024];
	enum health_outcome outcome;
	ssize_t got;

	if (!mail->connected)
		return on_connected(probe);
	got = recv(probe->fd, data, sizeof(data), MSG_DONTWAIT);
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? HEALTH_UNKNOWN : probe_outcome(errno);
	outcome = greeting_input(&mail->greeting, data, (size_t)got);
	if (outcome == HEALTH_OK)
		send(probe->fd, farewell, strlen(farewell), MSG_DONTWAIT | MSG_NOSIGNAL);
	return outcome;
}

static enum health_outcome mail_late(struct probe *probe)
{
	const struct mail_state *mail = probe->state;

	return mail->connected ? HEALTH_HUNG : HEALTH_TIMEOUT;
}

const struct probe_ops probe_mail = {
	.name = "mail",
	.state_bytes = sizeof(struct mail_state),
	.start = mail_start,
	.ready = mail_ready,
	.late = mail_late,
};
