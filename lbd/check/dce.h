/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * As much of connection-oriented DCE/RPC as a health check speaks (C706 chapter 12, MS-RPCE 2.2.2):
 * bind, alter_context and the endpoint mapper's ept_map.  Pure: bytes to answers and back.
 *
 *	 0      1      2      3      4             8             10            12
 *	+------+------+------+------+-------------+-------------+-------------+-------------+
 *	|  5   |  0   | type |flags | drep        | frag_length | auth_length | call_id     |
 *	+------+------+------+------+-------------+-------------+-------------+-------------+
 */
#ifndef CASPAIR_DCE_H
#define CASPAIR_DCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/rpcif.h"

enum {
	DCE_HEADER = 16,
	DCE_BIND_BYTES = 72,
	DCE_MAP_BYTES = 156,
	DCE_REQUEST_MAX = DCE_MAP_BYTES,
	/* No honest answer to what is asked here is longer: four towers are 500 bytes. */
	DCE_ANSWER_MAX = 2048,
};

enum dce_type {
	DCE_REQUEST = 0,
	DCE_RESPONSE = 2,
	DCE_FAULT = 3,
	DCE_BIND = 11,
	DCE_BIND_ACK = 12,
	DCE_BIND_NAK = 13,
	DCE_ALTER = 14,
	DCE_ALTER_ACK = 15,
};

enum dce_answer {
	DCE_YES = 0,
	DCE_NO_SUCH_INTERFACE, /* this port does not serve it */
	DCE_NOT_REGISTERED,    /* the mapper knows nobody who does */
	DCE_BUSY,              /* out of resources for the moment */
	DCE_DENIED,            /* not without credentials */
	DCE_BAD_PORT,          /* the mapper named a port that no client would accept */
	DCE_NONSENSE,          /* no answer to what was asked */
	DCE_ANSWERS
};

extern const struct rpcif dce_mapper; /* the endpoint mapper's own interface */

/* The association's first context (DCE_BIND), or a further one on it (DCE_ALTER).  Its length. */
size_t dce_write_bind(uint8_t out[DCE_REQUEST_MAX], enum dce_type type, uint32_t call,
		      uint16_t context, const struct rpcif *interface);

/* Asks the mapper, in context 0, for TCP ports of an interface.  Its length. */
size_t dce_write_map(uint8_t out[DCE_REQUEST_MAX], uint32_t call, const struct rpcif *interface);

/*
 * The length of the fragment that begins with these bytes: 0 when they do not tell yet, -EPROTO as
 * soon as they cannot be the beginning of an answer.
 */
int dce_length(const uint8_t *data, size_t length);

/* The answer to a bind or alter_context.  `data` is one whole fragment. */
enum dce_answer dce_read_bind(const uint8_t *data, size_t length, enum dce_type type,
			      uint32_t call);

/* The answer to ept_map; with DCE_YES, the first TCP port of the interface, host order. */
enum dce_answer dce_read_map(const uint8_t *data, size_t length, uint32_t call,
			     const struct rpcif *interface, uint16_t *port);

#endif
