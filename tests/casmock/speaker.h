/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection's half of the conversation: a fragment comes, and this is the answer.  No sockets
 * and no clock.
 */
#ifndef CASMOCK_SPEAKER_H
#define CASMOCK_SPEAKER_H

#include "tests/casmock/interface.h"

struct speaker {
	const struct service *service;
	struct associations *associations; /* the service's */
	struct association *association;   /* NULL before the first bind */
	struct {
		uint16_t id;
		const struct interface *interface;
	} context[PDU_CONTEXTS];
	size_t contexts;
	uint8_t address[4]; /* that the client has reached */
};

/*
 * Answers a whole fragment into `out`, whose length it returns, to be sent `after_ms` from now; or
 * -EPROTO, and the connection is better closed.
 */
int speaker_answer(struct speaker *speaker, const uint8_t *data, size_t length, struct writer *out,
		   unsigned int *after_ms);
void speaker_end(struct speaker *speaker);

#endif
