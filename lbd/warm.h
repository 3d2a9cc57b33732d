/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keeps the next hops towards clients resolved on both nodes: walks the flows slowly, looks up the
 * routes of clients that it does not know and has their hops resolved, see lbd/hops.h.
 */
#ifndef CASPAIR_WARM_H
#define CASPAIR_WARM_H

#include <stdbool.h>

#include <ev.h>

#include "lbd/walk.h"

struct dataplane;
struct hops;
struct neighbour;

struct warm {
	struct ev_loop *loop;
	struct neighbour *neighbour; /* borrowed */
	struct walk flows;
	struct hops *hops;
	ev_timer step;
	uint64_t began_ns; /* of the round; not of libev, whose time follows the date */
	bool said_full;
};

/* 0 or a negative errno. */
int warm_start(struct warm *warm, struct ev_loop *loop, const struct dataplane *plane,
	       struct neighbour *neighbour);
void warm_stop(struct warm *warm);

/* Links have changed: what was known of routes is not believed any more. */
void warm_again(struct warm *warm);

#endif
