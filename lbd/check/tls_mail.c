// SPDX-License-Identifier: BSD-2-Clause
/*
 * The checks of IMAPS and POP3S: libcurl makes the connection and TLS, the greeting is read here,
 * as it is without TLS.
 */
#include "lbd/check/web.h"

#include <string.h>

#include "lbd/check/greeting.h"

struct tls_mail_state {
	struct web_transfer transfer;
	struct greeting greeting;
	ev_io io;
};

/* Ends by itself: what a greeting may have at most is bounded. */
static enum health_outcome hear(struct tls_mail_state *mail)
{
	enum health_outcome outcome = HEALTH_UNKNOWN;
	uint8_t data[1024];
	CURLcode code;
	size_t got;

	while (outcome == HEALTH_UNKNOWN) {
		code = curl_easy_recv(mail->transfer.easy, data, sizeof(data), &got);
		if (code == CURLE_AGAIN)
			return HEALTH_UNKNOWN;
		if (code != CURLE_OK)
			return HEALTH_REFUSED;
		outcome = greeting_input(&mail->greeting, data, got);
	}
	return outcome;
}

static void end(struct probe *probe, enum health_outcome outcome)
{
	struct tls_mail_state *mail = probe->state;
	const char *farewell = greeting_farewell(mail->greeting.kind);
	size_t sent;

	if (outcome == HEALTH_OK)
		curl_easy_send(mail->transfer.easy, farewell, strlen(farewell), &sent);
	web_measure(&mail->transfer);
	probe->room->done(probe, outcome);
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
	struct probe *probe = io->data;
	enum health_outcome outcome = hear(probe->state);

	(void)loop;
	(void)events;
	if (outcome != HEALTH_UNKNOWN)
		end(probe, outcome);
}

static void on_done(struct web_transfer *transfer, CURLcode code)
{
	struct probe *probe = transfer->probe;
	struct tls_mail_state *mail = probe->state;
	enum health_outcome outcome = web_outcome(transfer, code);
	curl_socket_t fd = CURL_SOCKET_BAD;

	web_measure(transfer);
	if (outcome == HEALTH_OK) {
		curl_easy_getinfo(transfer->easy, CURLINFO_ACTIVESOCKET, &fd);
		outcome = fd == CURL_SOCKET_BAD ? HEALTH_REFUSED : hear(mail);
	}
	if (outcome != HEALTH_UNKNOWN) {
		end(probe, outcome);
		return;
	}
	ev_io_set(&mail->io, fd, EV_READ);
	ev_io_start(probe->room->loop, &mail->io);
}

static enum health_outcome mail_start(struct probe *probe)
{
	struct tls_mail_state *mail = probe->state;

	mail->transfer.probe = probe;
	mail->transfer.done = on_done;
	mail->transfer.tls = true;
	ev_init(&mail->io, on_ready);
	mail->io.data = probe;
	greeting_begin(&mail->greeting,
		       probe->order.probe == HEALTH_IMAPS ? HEALTH_IMAP : HEALTH_POP3);
	return web_begin(&mail->transfer, NULL);
}

static enum health_outcome mail_late(struct probe *probe)
{
	const struct tls_mail_state *mail = probe->state;

	return web_late(&mail->transfer);
}

/* The watcher first: the connection goes with the transfer. */
static void mail_stop(struct probe *probe)
{
	struct tls_mail_state *mail = probe->state;

	if (ev_is_active(&mail->io))
		ev_io_stop(probe->room->loop, &mail->io);
	web_end(&mail->transfer);
}

const struct probe_ops probe_tls_mail = {
	.name = "mail over tls",
	.state_bytes = sizeof(struct tls_mail_state),
	.start = mail_start,
	.late = mail_late,
	.stop = mail_stop,
};
