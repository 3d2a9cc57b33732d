// SPDX-License-Identifier: BSD-2-Clause
/* sources: lbd/check/dce.c lbd/check/rpc_walk.c conf/rpcif.c */
/*
 * A member's answers on the whole way of an RPC check.  The input is cut into pieces: a length byte
 * and so many bytes, 0 for the end of a connection.  The call's number is put in where it
 * belongs, or nothing would ever get past the first question.
 */
#include <stdlib.h>
#include <string.h>

#include "lbd/check/rpc_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);

enum { INTERFACES = 3, CALL_AT = 12 };

static size_t fill(struct rpcif *interface)
{
	size_t count = rpcif_parse(interface, "rpc-client-access");

	return count + rpcif_parse(interface + count, "address-book");
}

/* What must hold wherever the walk stands. */
static void check(const struct rpc_walk *walk, enum rpc_action action)
{
	if (walk->at > walk->count || walk->in_length > sizeof(walk->in) ||
	    walk->out_length > sizeof(walk->out))
		abort();
	if (action == RPC_END &&
	    (walk->outcome == HEALTH_UNKNOWN || walk->outcome >= HEALTH_OUTCOMES))
		abort();
	if (action == RPC_CONNECT && walk->to_port < 135)
		abort();
	/* Nobody is healthy who was not bound at each of the ports. */
	if (action == RPC_END && walk->outcome == HEALTH_OK && walk->done != (1 << INTERFACES) - 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
	struct rpcif interface[INTERFACES + RPCIF_PER_WORD];
	const uint8_t *end = data + length;
	enum rpc_action action;
	struct rpc_walk walk;
	uint64_t now = 1;

	action = rpc_walk_begin(&walk, 135, interface, fill(interface), now);
	while (action != RPC_END && data < end) {
		size_t piece = *data++;
		uint8_t *copy;

		if (action == RPC_CONNECT) {
			action = rpc_walk_connected(&walk, now++);
			check(&walk, action);
		}
		if (piece > (size_t)(end - data))
			piece = (size_t)(end - data);
		copy = malloc(piece ? piece : 1);
		if (!copy)
			return 0;
		memcpy(copy, data, piece);
		if (piece >= CALL_AT + 4 && !walk.in_length)
			memcpy(copy + CALL_AT, &walk.call, 4);
		action = rpc_walk_input(&walk, copy, piece, now++);
		check(&walk, action);
		free(copy);
		data += piece;
	}
	if (action != RPC_END)
		check(&walk, rpc_walk_late(&walk, now));
	return 0;
}
