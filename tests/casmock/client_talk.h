/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a mail client says on one of its two lines, mailbox or address book, and what it makes of
 * the answers.  No sockets and no clock.
 *
 *	connect to the mapper -> bind it -> ask for the port -> connect there -> bind -> log on
 *	  -> held: a call now and then, on the context handle of the log-on
 *
 * Beside a line that is held, another one may join its association group: it binds at the same
 * port, and makes its calls on the same handle.  Only the same server takes it.
 */
#ifndef CASMOCK_CLIENT_TALK_H
#define CASMOCK_CLIENT_TALK_H

#include "tests/casmock/pdu.h"

enum { TALK_HANDLE = 20, TALK_NAME = 32, TALK_MAPPER_PORT = 135 };

enum talk_step { TALK_BIND_MAPPER, TALK_MAP, TALK_BIND, TALK_LOG_ON, TALK_HELD };

enum talk_next {
	TALK_SAY,     /* what was written to `out` */
	TALK_CONNECT, /* hang up, and connect to `port` */
	TALK_LOGGED_ON,
	TALK_ANSWERED, /* the call that was under way */
	TALK_WRONG,    /* not the answer to what was asked: `why` */
};

struct talk {
	bool book; /* the address book's line, else the mailbox's */
	uint32_t id;
	enum talk_step step;
	uint16_t port;  /* to connect to */
	uint32_t group; /* association group; 0: a new one */
	uint32_t call;
	uint8_t handle[TALK_HANDLE];
	char member[TALK_NAME]; /* who answers */
	char why[48];
};

/* From the mapper on. */
void talk_begin(struct talk *talk, bool book, uint32_t id);
/* From the port on, as one more connection of a line that is held. */
void talk_join(struct talk *talk, const struct talk *held);
/* Connected: the first words. */
void talk_connected(struct talk *talk, struct writer *out);
/* A whole fragment has come. */
enum talk_next talk_heard(struct talk *talk, const uint8_t *data, size_t length,
			  struct writer *out);
/* A call on the handle; held lines only, and one at a time. */
void talk_call(struct talk *talk, struct writer *out);

#endif
