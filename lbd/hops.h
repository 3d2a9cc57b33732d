/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The next hops towards the clients of living flows.  They are kept resolved, for the first packet
 * after a takeover may be a member's, and the data plane can only drop it while it asks.  Pure:
 * who walks the flows and who asks the kernel is lbd/warm.c.
 *
 * Bounded, however many clients there are: what does not fit is resolved when it is needed. Usually
 * all clients come through one router, and one hop is all there is.
 */
#ifndef CASPAIR_HOPS_H
#define CASPAIR_HOPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow.h"
#include "proto/flow_ip.h"

enum hops_limits {
	HOPS_MAX = 512,       /* half of what the kernel's neighbour table holds by default */
	HOPS_ASKS = 512,      /* routes looked up in a round */
	HOPS_CLIENTS = 8192,  /* remembered */
	HOPS_REFRESH = 30,    /* seconds: the kernel may forget what is unused for a minute */
	HOPS_ROUTE_AGE = 120, /* seconds: then the route is looked up again */
};

struct hop {
	struct flow_ip addr; /* may be of the other family than what it leads to (RFC 8950) */
	int ifindex;         /* 0: free */
	uint32_t used;       /* the last round in which one of its clients was seen */
	uint32_t asked;      /* second in which it was resolved last */
};

/* Where the route to a client leads.  One place a hash: who is displaced is looked up again. */
struct hops_client {
	struct flow_ip addr; /* none: free */
	uint16_t hop;        /* index + 1, 0: none */
	uint16_t pad;
	uint32_t seen;   /* round */
	uint32_t looked; /* second */
};

struct hops {
	uint32_t round, now; /* the second in which the round has begun */
	struct hop hop[HOPS_MAX];
	struct hops_client client[HOPS_CLIENTS];
	struct flow_ip ask[HOPS_ASKS]; /* clients whose route is wanted */
	size_t asks;
	bool full; /* there were more than HOPS_MAX */
};

/* Whether an answer to this flow's client would need its next hop resolved. */
bool hops_wanted(const struct flow *flow);

/*
 * All zero is an empty one.  A round begins, `now` in seconds of any clock that only goes forward:
 * what the round before it did not see is forgotten.
 */
void hops_begin(struct hops *hops, uint32_t now);

/* A client with a wanted flow; its route may be put on the list of those to look up. */
void hops_client(struct hops *hops, const struct flow_ip *client);

/* The answer: a hop, or NULL when no route leads there.  True when the hop is new. */
bool hops_learn(struct hops *hops, const struct flow_ip *client, const struct hop *found);

/* Whether it is this hop's turn to be resolved again; then it has had it. */
bool hops_due(struct hops *hops, size_t index);

/* Forgets all routes: links or routes have changed. */
void hops_forget(struct hops *hops);

#endif
