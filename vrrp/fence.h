/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operator's fence command (a power switch, a switch port, a hypervisor), run before a takeover
 * for which there is no other proof that the peer is gone.  A helper process that is forked before
 * vrrpd gives up its rights runs it, so that the protocol never waits and never forks.
 */
#ifndef CASPAIR_FENCE_H
#define CASPAIR_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

struct fence_command {
	const char *path;           /* absolute */
	const char *name, *address; /* of the peer: its arguments */
	unsigned int timeout_ms;
};

struct fence {
	int fd; /* to the helper; -1: none */
	struct ev_loop *loop;
	ev_io io;
	uint64_t running; /* id; 0: nothing runs */
	char last[96];    /* what became of the last one; empty: there was none */
	void (*result)(void *arg, uint64_t id, bool done);
	void *arg;
};

/* Starts the helper; what `command` points to may go afterwards.  0 or -errno. */
int fence_open(struct fence *fence, const struct fence_command *command);
/* `result` is called for each command that ends and was not cancelled. */
void fence_start(struct fence *fence, struct ev_loop *loop,
		 void (*result)(void *arg, uint64_t id, bool done), void *arg);
/* Also ends the helper and what it runs. */
void fence_close(struct fence *fence);

/* Asks the helper to run the command.  Without a helper nothing comes of it. */
void fence_run(struct fence *fence, uint64_t id);
/* It has become needless: kills it, if it still runs. */
void fence_cancel(struct fence *fence);

#endif
