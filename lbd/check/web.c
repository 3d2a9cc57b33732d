// SPDX-License-Identifier: BSD-2-Clause
/*
 * libcurl's sockets and timer, watched by libev.  One multi handle for all targets, because it
 * keeps what the system trusts in memory: reading that anew takes longer than a handshake.
 */
#include "lbd/check/web.h"

#include <stdlib.h>

#include "conf/log.h"

/* A CA file that was exchanged is seen after so long. */
enum { CA_CACHE_S = 60 };

struct web {
	struct ev_loop *loop;
	CURLM *multi;
	ev_timer timer;
};

struct web_socket {
	struct web *web;
	struct web_transfer *transfer;
	ev_io io;
};

/* A transfer may begin another one or end itself here, which libcurl allows at this place only. */
static void harvest(struct web *web)
{
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(web->multi, &left))) {
		CURLcode code = message->data.result;
		struct web_transfer *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		transfer->done(transfer, code);
	}
}

/* libcurl tells of a connection only when its TLS is made as well. */
static void look(const struct web_socket *sock, curl_socket_t fd)
{
	struct sockaddr_storage peer;
	socklen_t length = sizeof(peer);

	if (!sock->transfer->connected_us && !getpeername(fd, (struct sockaddr *)&peer, &length))
		sock->transfer->connected_us = probe_now_us();
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
	const struct web_socket *sock = io->data;
	struct web *web = sock->web;
	int what = (events & EV_READ ? CURL_CSELECT_IN : 0) |
		   (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
	int running;

	(void)loop;
	look(sock, io->fd);
	curl_multi_socket_action(web->multi, io->fd, what, &running);
	harvest(web); /* `sock` may be no more */
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
	struct web *web = timer->data;
	int running;

	(void)loop;
	(void)events;
	curl_multi_socket_action(web->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	harvest(web);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct web *web = arg;

	(void)multi;
	ev_timer_stop(web->loop, &web->timer);
	if (timeout_ms < 0)
		return 0;
	ev_timer_set(&web->timer, (double)timeout_ms / 1000.0, 0.);
	ev_timer_start(web->loop, &web->timer);
	return 0;
}

static struct web_socket *new_socket(struct web *web, CURL *easy, curl_socket_t fd)
{
	struct web_socket *sock = calloc(1, sizeof(*sock));

	if (!sock)
		return NULL;
	sock->web = web;
	ev_init(&sock->io, on_ready);
	sock->io.data = sock;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&sock->transfer);
	curl_multi_assign(web->multi, fd, sock);
	return sock;
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
	struct web *web = arg;
	struct web_socket *sock = mine;

	if (what == CURL_POLL_REMOVE) {
		if (sock)
			ev_io_stop(web->loop, &sock->io);
		free(sock);
		return 0;
	}
	if (!sock && !(sock = new_socket(web, easy, fd)))
		return -1;
	look(sock, fd);
	ev_io_stop(web->loop, &sock->io);
	ev_io_set(&sock->io, fd,
		  (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0));
	ev_io_start(web->loop, &sock->io);
	return 0;
}

struct web *web_open(struct ev_loop *loop)
{
	struct web *web = calloc(1, sizeof(*web));

	if (!web)
		return NULL;
	web->loop = loop;
	web->multi = curl_global_init(CURL_GLOBAL_DEFAULT) ? NULL : curl_multi_init();
	if (!web->multi) {
		log_error("libcurl does not start");
		free(web);
		return NULL;
	}
	ev_init(&web->timer, on_timer);
	web->timer.data = web;
	curl_multi_setopt(web->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl_multi_setopt(web->multi, CURLMOPT_SOCKETDATA, web);
	curl_multi_setopt(web->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(web->multi, CURLMOPT_TIMERDATA, web);
	curl_multi_setopt(web->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
	return web;
}

void web_close(struct web *web)
{
	if (!web)
		return;
	curl_multi_cleanup(web->multi);
	ev_timer_stop(web->loop, &web->timer);
	curl_global_cleanup();
	free(web);
}

bool web_add(struct web *web, struct web_transfer *transfer)
{
	return !curl_easy_setopt(transfer->easy, CURLOPT_CA_CACHE_TIMEOUT, (long)CA_CACHE_S) &&
	       !curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer) &&
	       !curl_multi_add_handle(web->multi, transfer->easy);
}

void web_remove(struct web *web, struct web_transfer *transfer)
{
	curl_multi_remove_handle(web->multi, transfer->easy);
}
