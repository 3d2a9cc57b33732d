/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long the sessions of a service have been silent, and whose are the nearest to the end that
 * its idle timeout brings.  Pure.
 */
#ifndef CASPAIR_IDLE_H
#define CASPAIR_IDLE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/flow_ip.h"

enum {
	IDLE_BUCKETS = 6,
	IDLE_LISTED = 20,
	IDLE_NEAR_PERCENT = 80, /* of the timeout */
};

/* Where the buckets end, in seconds; the last one takes the rest. */
extern const uint32_t idle_bounds[IDLE_BUCKETS - 1];

/* Of one service. */
struct idle {
	uint64_t sessions;
	uint64_t bucket[IDLE_BUCKETS];
	uint64_t near;
	uint32_t longest_s;
};

/* A client and its session that is the nearest to the timeout. */
struct idle_client {
	struct flow_ip client;
	uint16_t service, member; /* slots */
	uint32_t idle_s, timeout_s;
};

/* The nearest first; of each client and service one. */
struct idle_list {
	struct idle_client client[IDLE_LISTED];
	size_t count;
};

/* Seconds between two stamps; one that is a little in the future is none. */
uint32_t idle_age(uint32_t now, uint32_t last_seen);

/* One more session. */
void idle_add(struct idle *idle, struct idle_list *list, const struct idle_client *session);

#endif
