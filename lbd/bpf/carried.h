/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What lbd hands to caspair_carry, in the array `carried`: entries of tables that are given up, in
 * the layout of those that take their place.
 */
#ifndef CASPAIR_CARRIED_H
#define CASPAIR_CARRIED_H

#include "proto/flow.h"
#include "proto/flow_tables.h"

enum { CARRY_BATCH = 256 };

enum carry_kind {
	CARRY_FLOW = 1,   /* makes it, or brings it up to date where it is a copy */
	CARRY_PIN,        /* likewise; the flows that it counts are carried by themselves */
	CARRY_KNOWN_FLOW, /* brings it up to date; what is not here any more was ended here */
	CARRY_KNOWN_PIN,
	CARRY_LOST_FLOW, /* is no longer in the old table: a copy made before goes */
	CARRY_LOST_PIN,
	CARRY_MEMBER, /* adds what was counted, but for the flows, which are counted as they come */
	CARRY_SOURCE,
};

struct carried {
	struct flow_key key; /* of a pin: its client */
	__u32 kind;          /* enum carry_kind */
	__u32 number;        /* of a pin: pool_id; of a member or source: its slot */
	__u32 done;          /* out: 1 when it changed something */
	union {
		struct flow flow;
		struct pin pin;
		struct flow_member_stats member;
		struct flow_source_stats source;
	} entry;
};

_Static_assert(sizeof(struct carried) % 8 == 0, "an array that user space maps");

#endif
