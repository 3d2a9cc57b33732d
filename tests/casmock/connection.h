/* SPDX-License-Identifier: BSD-2-Clause */
/* A client's connection to a service: bytes to fragments, answers back, at once or later. */
#ifndef CASMOCK_CONNECTION_H
#define CASMOCK_CONNECTION_H

#include <sys/queue.h>

#include "tests/casmock/service.h"
#include "tests/casmock/speaker.h"

struct connection {
	LIST_ENTRY(connection) next;
	struct service *service;
	struct speaker speaker;
	struct ev_io io;
	struct ev_timer late; /* until the answer in `held` */
	uint8_t in[PDU_MAX];
	size_t fill;
	uint8_t held[64]; /* who waits for news gets a short answer */
	size_t held_bytes;
};

/* Takes over a descriptor, also when it fails: then it is closed. */
void connection_begin(struct service *service, int fd);
void connection_end(struct connection *connection);
/* The same, as a process's death does it to who waits for an answer. */
void connection_reset(struct connection *connection);

/* Nothing is read any more, though the kernel goes on to acknowledge; and on with it. */
void connection_halt(struct connection *connection);
void connection_resume(struct connection *connection);

#endif
