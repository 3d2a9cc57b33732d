/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the data plane cannot ask the kernel for: resolving next hops.  Those it asks for, at once;
 * those of the members, again and again, so that a takeover finds them known (those of the clients
 * are the business of lbd/warm.h).  Also hears when links and routes change, and has the data plane
 * look up its routes again.
 */
#ifndef CASPAIR_NEIGHBOUR_H
#define CASPAIR_NEIGHBOUR_H

#include <stdbool.h>
#include <stdint.h>

#include <ev.h>

#include "proto/flow_ip.h"

struct dataplane;
struct hop;
struct nl_sock;
struct plan;

struct neighbour {
	struct ev_loop *loop;
	struct dataplane *plane;
	const struct plan *plan; /* in force; borrowed */
	struct nl_sock *ask;     /* routes and neighbours: request and answer */
	struct nl_sock *hear;    /* events of links and routes */
	bool links_seen;         /* among the events just heard */
	ev_io notices, events;
	ev_timer warm;
	void (*links_changed)(void *arg);
	void *arg;
	uint64_t asked, refused; /* by the kernel */
};

/* `links_changed` is called for each link event.  0 or a negative errno. */
int neighbour_start(struct neighbour *neighbour, struct ev_loop *loop, struct dataplane *plane,
		    const struct plan *plan, void (*links_changed)(void *arg), void *arg);
void neighbour_stop(struct neighbour *neighbour);

/* The hop that the kernel's own route to an address has; false when none leads there. */
bool neighbour_route(struct neighbour *neighbour, const struct flow_ip *to, struct hop *hop);

/* Has a hop resolved, as if a packet had been sent there. */
void neighbour_use(struct neighbour *neighbour, const struct hop *hop);

/*
 * The link address of a hop, as the kernel knows it now.  False when it does not, or not any more.
 */
bool neighbour_link(struct neighbour *neighbour, const struct hop *hop, uint8_t link[6]);

void neighbour_replan(struct neighbour *neighbour, const struct plan *plan);

#endif
