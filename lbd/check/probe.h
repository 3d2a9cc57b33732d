/* SPDX-License-Identifier: BSD-2-Clause */
/* One kind of health check: how a probe begins, goes on and is called off.  A kind per file. */
#ifndef CASPAIR_PROBE_H
#define CASPAIR_PROBE_H

#include <ev.h>

#include "lbd/check/check.h"

struct probe;

struct probe_ops {
	const char *name;
	size_t state_bytes; /* of probe->state */
	/*
	 * Begins; opens probe->fd and sets probe->events to what is awaited.  0, or an outcome when
	 * it is decided at once.
	 */
	enum health_outcome (*start)(struct probe *probe);
	/*
	 * The awaited has come.  HEALTH_UNKNOWN: go on waiting, for probe->events on probe->fd,
	 * which both may be others now.
	 */
	enum health_outcome (*ready)(struct probe *probe);
	/* Its time is over: what that means.  NULL: HEALTH_TIMEOUT. */
	enum health_outcome (*late)(struct probe *probe);
};

struct probe {
	const struct probe_ops *ops;
	struct check_order order;
	int fd; /* -1 while idle; closed by the child */
	int events;
	void *state; /* the kind's own */
	struct health_trace trace;
};

extern const struct probe_ops probe_tcp, probe_rpc, probe_mail;

/*
 * Opens probe->fd and begins to connect it to a port of the target's address, of whatever family it
 * is; probe->events is then to be awaited.  HEALTH_UNKNOWN: under way; HEALTH_OK: done already;
 * else what went wrong.
 */
enum health_outcome probe_dial(struct probe *probe, uint16_t port);

/* What errno of a socket says about the member. */
enum health_outcome probe_outcome(int error);

#endif
