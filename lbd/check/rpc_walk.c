// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/check/rpc_walk.h"

#include <string.h>

static enum rpc_action end(struct rpc_walk *walk, enum health_outcome outcome)
{
	walk->outcome = outcome;
	walk->trace.port = walk->to_port;
	walk->trace.interface = (uint16_t)walk->at;
	walk->trace.step = (uint16_t)walk->step;
	return RPC_END;
}

/* The step is over; the time it took is the worst of its kind in this walk. */
static void enter(struct rpc_walk *walk, enum health_step step, uint64_t now_us)
{
	uint32_t *took = &walk->trace.step_us[walk->step];
	uint64_t spent = now_us > walk->since_us ? now_us - walk->since_us : 0;

	if (spent > *took)
		*took = spent < UINT32_MAX ? (uint32_t)spent : UINT32_MAX;
	walk->step = step;
	walk->since_us = now_us;
}

static enum rpc_action connect_to(struct rpc_walk *walk, uint16_t port)
{
	walk->to_port = port;
	walk->in_length = 0;
	return RPC_CONNECT;
}

static enum rpc_action ask(struct rpc_walk *walk, size_t length)
{
	walk->out_length = length;
	walk->in_length = 0;
	return RPC_SEND;
}

static enum rpc_action ask_map(struct rpc_walk *walk)
{
	return ask(walk, dce_write_map(walk->out, ++walk->call, &walk->interface[walk->at]));
}

static enum rpc_action ask_bind(struct rpc_walk *walk, enum dce_type type)
{
	const struct rpcif *interface = walk->step == HEALTH_STEP_BIND_MAPPER
						? &dce_mapper
						: &walk->interface[walk->at];

	return ask(walk,
		   dce_write_bind(walk->out, type, ++walk->call, (uint16_t)walk->at, interface));
}

static enum health_outcome outcome_of(enum dce_answer answer)
{
	static const enum health_outcome outcomes[DCE_ANSWERS] = {
		[DCE_YES] = HEALTH_OK,
		[DCE_NO_SUCH_INTERFACE] = HEALTH_WRONG_SERVICE,
		[DCE_NOT_REGISTERED] = HEALTH_NOT_REGISTERED,
		[DCE_BUSY] = HEALTH_CONGESTED,
		[DCE_DENIED] = HEALTH_REFUSES_ANONYMOUS,
		[DCE_BAD_PORT] = HEALTH_PORT_DRIFT,
		[DCE_NONSENSE] = HEALTH_NO_RPC,
	};

	return outcomes[answer];
}

/* The next interface that has not been bound: on `port` when one is given. */
static bool find_next(struct rpc_walk *walk, uint16_t port)
{
	for (size_t i = 0; i < walk->count; i++) {
		if (walk->done >> i & 1 || (port && walk->trace.mapped[i] != port))
			continue;
		walk->at = i;
		return true;
	}
	return false;
}

static enum rpc_action next_port(struct rpc_walk *walk, uint64_t now_us)
{
	enter(walk, HEALTH_STEP_CONNECT, now_us);
	if (!find_next(walk, 0))
		return end(walk, HEALTH_OK);
	return connect_to(walk, walk->trace.mapped[walk->at]);
}

static enum rpc_action on_mapper_bound(struct rpc_walk *walk, uint64_t now_us)
{
	enter(walk, HEALTH_STEP_MAP, now_us);
	return walk->count ? ask_map(walk) : end(walk, HEALTH_OK);
}

static enum rpc_action on_mapped(struct rpc_walk *walk, uint16_t port, uint64_t now_us)
{
	walk->trace.mapped[walk->at] = port;
	enter(walk, HEALTH_STEP_MAP, now_us);
	if (++walk->at < walk->count)
		return ask_map(walk);
	return next_port(walk, now_us);
}

static enum rpc_action on_bound(struct rpc_walk *walk, uint64_t now_us)
{
	walk->done |= (uint16_t)(1 << walk->at);
	enter(walk, HEALTH_STEP_BIND, now_us);
	return find_next(walk, walk->to_port) ? ask_bind(walk, DCE_ALTER) : next_port(walk, now_us);
}

/* The bind on a port is the first, an alter_context whatever follows it there. */
static enum dce_type bind_type(const struct rpc_walk *walk)
{
	return walk->out[2] == DCE_ALTER ? DCE_ALTER : DCE_BIND;
}

static enum rpc_action on_answer(struct rpc_walk *walk, uint64_t now_us)
{
	enum dce_answer answer;
	uint16_t port = 0;

	if (walk->step == HEALTH_STEP_MAP)
		answer = dce_read_map(walk->in, walk->in_length, walk->call,
				      &walk->interface[walk->at], &port);
	else
		answer = dce_read_bind(walk->in, walk->in_length, bind_type(walk), walk->call);
	if (answer == DCE_BAD_PORT)
		walk->trace.mapped[walk->at] = port;
	/* Only the mapper says no to somebody without a name; elsewhere nobody was told one. */
	if (answer == DCE_DENIED && walk->step == HEALTH_STEP_BIND)
		answer = DCE_NONSENSE;
	if (answer != DCE_YES)
		return end(walk, outcome_of(answer));
	switch (walk->step) {
	case HEALTH_STEP_BIND_MAPPER:
		return on_mapper_bound(walk, now_us);
	case HEALTH_STEP_MAP:
		return on_mapped(walk, port, now_us);
	default:
		return on_bound(walk, now_us);
	}
}

enum rpc_action rpc_walk_begin(struct rpc_walk *walk, uint16_t mapper_port,
			       const struct rpcif *interface, size_t count, uint64_t now_us)
{
	memset(walk, 0, sizeof(*walk));
	walk->count = count < RPCIF_MAX ? count : RPCIF_MAX;
	if (walk->count)
		memcpy(walk->interface, interface, walk->count * sizeof(*interface));
	walk->step = HEALTH_STEP_CONNECT_MAPPER;
	walk->since_us = now_us;
	return connect_to(walk, mapper_port);
}

enum rpc_action rpc_walk_connected(struct rpc_walk *walk, uint64_t now_us)
{
	bool mapper = walk->step == HEALTH_STEP_CONNECT_MAPPER;

	enter(walk, mapper ? HEALTH_STEP_BIND_MAPPER : HEALTH_STEP_BIND, now_us);
	return ask_bind(walk, DCE_BIND);
}

static bool connecting(const struct rpc_walk *walk)
{
	return walk->step == HEALTH_STEP_CONNECT_MAPPER || walk->step == HEALTH_STEP_CONNECT;
}

enum rpc_action rpc_walk_input(struct rpc_walk *walk, const uint8_t *data, size_t length,
			       uint64_t now_us)
{
	size_t room = sizeof(walk->in) - walk->in_length;
	int whole;

	if (!length)
		return end(walk, HEALTH_REFUSED);
	if (length > room || connecting(walk))
		return end(walk, HEALTH_NO_RPC);
	memcpy(walk->in + walk->in_length, data, length);
	walk->in_length += length;
	whole = dce_length(walk->in, walk->in_length);
	if (!whole || (whole > 0 && walk->in_length < (size_t)whole))
		return RPC_WAIT;
	/* One question, one answer: more than that was not asked for. */
	if (whole < 0 || walk->in_length > (size_t)whole)
		return end(walk, HEALTH_NO_RPC);
	return on_answer(walk, now_us);
}

enum rpc_action rpc_walk_failed(struct rpc_walk *walk, enum health_outcome outcome)
{
	return end(walk, outcome);
}

enum rpc_action rpc_walk_late(struct rpc_walk *walk, uint64_t now_us)
{
	enter(walk, walk->step, now_us);
	return end(walk, connecting(walk) ? HEALTH_TIMEOUT : HEALTH_HUNG);
}
