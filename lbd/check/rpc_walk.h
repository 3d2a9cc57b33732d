/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way of an RPC client, as one machine: what it does when bytes come, when a connection comes
 * about and when nothing comes.  Pure: the caller has the sockets and the clock.
 *
 *	connect to the mapper -> bind it -> map, once for each interface
 *	  -> for each port that was named: connect -> bind its first interface
 *	     -> alter_context for each further one -> next port ... -> end
 *
 * A service that is stopped still accepts connections (the kernel does it), which is why nothing
 * short of an answered bind counts.
 */
#ifndef CASPAIR_RPC_WALK_H
#define CASPAIR_RPC_WALK_H

#include <stddef.h>
#include <stdint.h>

#include "lbd/check/dce.h"
#include "lbd/health.h"

enum rpc_action {
	RPC_WAIT,    /* for bytes */
	RPC_SEND,    /* `out`, then wait */
	RPC_CONNECT, /* leave the present connection, make one to `to_port` */
	RPC_END,     /* `outcome` is known */
};

struct rpc_walk {
	struct rpcif interface[RPCIF_MAX];
	size_t count;

	enum health_step step;
	size_t at; /* interface */
	uint16_t to_port;
	uint16_t done; /* bit = interface was bound */
	uint32_t call;
	uint64_t since_us; /* begin of the step */
	uint8_t out[DCE_REQUEST_MAX];
	size_t out_length;
	uint8_t in[DCE_ANSWER_MAX];
	size_t in_length;

	enum health_outcome outcome;
	struct health_trace trace;
};

/* Times are microseconds of any clock that does not go back.  `count` may be 0: the mapper only. */
enum rpc_action rpc_walk_begin(struct rpc_walk *walk, uint16_t mapper_port,
			       const struct rpcif *interface, size_t count, uint64_t now_us);
enum rpc_action rpc_walk_connected(struct rpc_walk *walk, uint64_t now_us);
/* 1 to any number of bytes; 0: the far end has closed. */
enum rpc_action rpc_walk_input(struct rpc_walk *walk, const uint8_t *data, size_t length,
			       uint64_t now_us);
/* The connection failed, as `outcome` says. */
enum rpc_action rpc_walk_failed(struct rpc_walk *walk, enum health_outcome outcome);
/* The time is over.  The trace says at which step, and how long that had been waited for. */
enum rpc_action rpc_walk_late(struct rpc_walk *walk, uint64_t now_us);

#endif
