// SPDX-License-Identifier: BSD-2-Clause
/*
 * The RPC check's sockets.  What comes is read a buffer at a time, one buffer each turn of the
 * loop: a member that floods or dribbles takes its turn like all others and no more.
 */
#include "lbd/check/probe.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lbd/check/rpc_walk.h"

struct rpc_state {
	struct rpc_walk walk;
	size_t sent;
	bool connecting;
};

/* Left with FIN, as a client does: a reset would be logged by the server as a fault. */
static enum rpc_action dial(struct probe *probe)
{
	struct rpc_state *rpc = probe->state;
	enum health_outcome outcome;

	if (probe->fd >= 0)
		close(probe->fd);
	rpc->connecting = true;
	outcome = probe_dial(probe, rpc->walk.to_port);
	if (outcome != HEALTH_OK && outcome != HEALTH_UNKNOWN)
		return rpc_walk_failed(&rpc->walk, outcome);
	return RPC_WAIT;
}

/* A question fits the buffer of any socket, but nothing says that it goes in one piece. */
static enum rpc_action push(struct probe *probe)
{
	struct rpc_state *rpc = probe->state;
	ssize_t sent = send(probe->fd, rpc->walk.out + rpc->sent, rpc->walk.out_length - rpc->sent,
			    MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN && errno != EINTR)
		return rpc_walk_failed(&rpc->walk,
				       errno == EPIPE ? HEALTH_REFUSED : probe_outcome(errno));
	rpc->sent += sent > 0 ? (size_t)sent : 0;
	probe->events = rpc->sent < rpc->walk.out_length ? EV_WRITE : EV_READ;
	return RPC_WAIT;
}

static enum health_outcome act(struct probe *probe, enum rpc_action action)
{
	struct rpc_state *rpc = probe->state;

	if (action == RPC_SEND) {
		rpc->sent = 0;
		action = push(probe);
	} else if (action == RPC_CONNECT) {
		action = dial(probe);
	}
	if (action != RPC_END)
		return HEALTH_UNKNOWN;
	probe->trace = rpc->walk.trace;
	return rpc->walk.outcome;
}

static enum health_outcome rpc_start(struct probe *probe)
{
	struct rpc_state *rpc = probe->state;

	probe->mark_us = 0; /* the walk measures its steps */
	return act(probe, rpc_walk_begin(&rpc->walk, probe->order.port, probe->order.interface,
					 probe->order.interfaces, probe_now_us()));
}

static enum rpc_action on_connected(struct probe *probe)
{
	struct rpc_state *rpc = probe->state;
	enum health_outcome outcome = probe_connected(probe);

	if (outcome != HEALTH_OK)
		return rpc_walk_failed(&rpc->walk, outcome);
	rpc->connecting = false;
	return rpc_walk_connected(&rpc->walk, probe_now_us());
}

static enum rpc_action pull(struct probe *probe)
{
	struct rpc_state *rpc = probe->state;
	uint8_t data[DCE_ANSWER_MAX];
	ssize_t got = recv(probe->fd, data, sizeof(data), MSG_DONTWAIT);

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return RPC_WAIT;
	if (got < 0)
		return rpc_walk_failed(&rpc->walk, probe_outcome(errno));
	return rpc_walk_input(&rpc->walk, data, (size_t)got, probe_now_us());
}

static enum health_outcome rpc_ready(struct probe *probe)
{
	struct rpc_state *rpc = probe->state;

	if (rpc->connecting)
		return act(probe, on_connected(probe));
	return act(probe, probe->events == EV_WRITE ? push(probe) : pull(probe));
}

static enum health_outcome rpc_late(struct probe *probe)
{
	struct rpc_state *rpc = probe->state;

	return act(probe, rpc_walk_late(&rpc->walk, probe_now_us()));
}

const struct probe_ops probe_rpc = {
	.name = "rpc",
	.state_bytes = sizeof(struct rpc_state),
	.start = rpc_start,
	.ready = rpc_ready,
	.late = rpc_late,
};
