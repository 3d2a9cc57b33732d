/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packets of strict services that wait until the standby has followed: which may go, and when.
 * Pure.
 *
 *	taken -- followed, or nobody to wait for --> sent
 *	      -- time is up, or no room ----------> sent (prefer), dropped (require)
 *
 * What is dropped comes again: TCP repeats it, and the data plane lets it pass once the standby has
 * followed.
 */
#ifndef CASPAIR_HOLD_H
#define CASPAIR_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_event.h"

#define HOLD_PREFER_NS  20000000ull
#define HOLD_REQUIRE_NS 500000000ull /* shorter than STRICT_AGAIN of the data plane */

/* How the standby does. */
struct hold_sight {
	uint64_t now_ns;
	uint64_t position; /* it has followed up to here ... */
	bool certain;      /* ... unless events were lost, and it is not known which */
	bool alone;        /* there is none that follows closely */
};

struct hold_counts {
	uint64_t taken;
	uint64_t released;  /* the standby has followed */
	uint64_t alone;     /* sent, for it has gone */
	uint64_t timed_out; /* sent, or with `require` dropped: it was too slow */
	uint64_t overflow;  /* likewise: FLOW_HELD were waiting */
	uint64_t dropped;   /* of the last two */
};

struct hold_entry {
	uint64_t until_ns;
	struct flow_held packet;
};

struct hold {
	struct hold_entry *entry; /* FLOW_HELD of them, the oldest first */
	size_t waiting;
	uint64_t until_ns; /* the first time that is up; nobody waits: 0 */
	struct hold_counts counts;
};

/* Sends a packet as it stands; it is the callee's for the time of the call. */
typedef void hold_send(void *arg, struct flow_held *packet);

/* 0 or -ENOMEM. */
int hold_open(struct hold *hold);
void hold_close(struct hold *hold);

/* Takes a packet in, or sends or drops it at once where there is no room.  -EINVAL: it is none. */
int hold_take(struct hold *hold, struct flow_held *packet, uint64_t now_ns, hold_send *send,
	      void *arg);

/* Sends and drops what is due, in the order it came. */
void hold_sift(struct hold *hold, const struct hold_sight *sight, hold_send *send, void *arg);

/* Nobody is going to look any more: sends all but what must not go unfollowed. */
void hold_empty(struct hold *hold, hold_send *send, void *arg);

#endif
