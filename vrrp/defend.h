/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hears who says that he has a floating address: ARP and neighbour advertisements that reach this
 * node, on every interface.  What they mean is dispute.h's.
 */
#ifndef CASPAIR_DEFEND_H
#define CASPAIR_DEFEND_H

#include <ev.h>

#include "vrrp/dispute.h"

enum { DEFEND_TAPS = 2 };

struct defend_tap {
	int fd; /* -1: closed */
	ev_io io;
};

struct defend {
	struct ev_loop *loop;
	struct defend_tap tap[DEFEND_TAPS];
	ev_timer pause;
	/* Somebody, who may be of the pair, says that he has the address. */
	void (*claimed)(void *arg, const struct claim *claim);
	/* Some time has passed since one was heard.  True: to be asked again after as much. */
	bool (*rested)(void *arg);
	void *arg;
};

/* `claimed`, `rested` and `arg` are the caller's to set.  The addresses are those of now.  0, or
 * -errno with nothing left but defend_close(). */
int defend_open(struct defend *defend, struct ev_loop *loop, const struct vips *vips);
void defend_close(struct defend *defend);

#endif
