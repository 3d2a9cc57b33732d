/* SPDX-License-Identifier: BSD-2-Clause */
/* One kind of health check: how a probe begins, goes on and is called off.  A kind per file. */
#ifndef CASPAIR_PROBE_H
#define CASPAIR_PROBE_H

#include <sys/socket.h>

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
	/* It is over, whatever came of it: gives back what start() took.  NULL: nothing. */
	void (*stop)(struct probe *probe);
};

struct web;

/* What all probes of the child share. */
struct probe_room {
	struct ev_loop *loop;
	struct web *web; /* lbd/check/web.h; NULL until it is needed */
	/* For a kind that awaits things by itself: the probe has come to its end. */
	void (*done)(struct probe *probe, enum health_outcome outcome);
};

struct probe {
	const struct probe_ops *ops;
	struct probe_room *room;
	void *owner; /* the child's */
	struct check_order order;
	const struct health_web *web; /* NULL where it means nothing */
	int fd; /* -1 while idle, and of a kind that awaits things by itself; closed by the child */
	int events;
	void *state;      /* the kind's own */
	uint64_t mark_us; /* begin of the step; 0: the kind keeps its trace by itself */
	struct health_trace trace;
};

extern const struct probe_ops probe_tcp, probe_rpc, probe_mail, probe_web, probe_tls_mail,
	probe_ping;

/*
 * Opens probe->fd and begins to connect it to a port of the target's address, of whatever family it
 * is; probe->events is then to be awaited.  HEALTH_UNKNOWN: under way; HEALTH_OK: done already;
 * else what went wrong.
 */
enum health_outcome probe_dial(struct probe *probe, uint16_t port);

/* Writes an address and a port in host order; returns the length. */
socklen_t probe_address(struct sockaddr_storage *to, const struct flow_ip *ip, uint16_t port);

/* The step under way is over, another one begins. */
void probe_enter(struct probe *probe, enum health_step step);

/* Microseconds of a clock that does not go back. */
uint64_t probe_now_us(void);

/* How the connecting of probe->fd has ended. */
enum health_outcome probe_connected(const struct probe *probe);

/* What errno of a socket says about the member. */
enum health_outcome probe_outcome(int error);

#endif
