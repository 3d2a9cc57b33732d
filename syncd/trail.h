/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a syncd leaves to the next one of the same boot, so that one that was killed is no more to
 * the pair than one that stood still: where it stood in which log, the newest records of its own
 * log, and the records of its own packets that the leader has not settled.  The tables outlive
 * syncd too, and the ring keeps what nobody has read.  Pure: memory that a file may lie behind.
 *
 * The writer may be killed between any two stores.  So facts are written to the older of two places
 * and count when their stamp does, a record before the head that includes it, and the caller makes
 * the facts void before what they speak of becomes untrue.  They may be late in becoming better.
 */
#ifndef CASPAIR_SYNCD_TRAIL_H
#define CASPAIR_SYNCD_TRAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_event.h"

enum {
	TRAIL_OWN = 1024,
	TRAIL_RECORDS = 1 << 16, /* of the log: 6.5 MiB */
	TRAIL_BOOT = 40,
};

/*
 * A history is named by (epoch, node, incarnation): one leader that writes one log.  It may have
 * holes, where events were lost before they could be logged.  Positions stay good then, and the
 * follower is in doubt until all has been sent once more (snapshot.h).
 */
struct session_position {
	uint64_t epoch, incarnation, seq;
	unsigned int node; /* 0: no position */
};

/* All of them belong together; zero: nothing is known. */
struct trail_facts {
	struct session_position have;    /* of a follower: exact but for its own packets' records */
	struct session_position history; /* of the log, when this node leads or led */
	struct session_position prior;
	uint64_t safe, tail; /* struct leader, struct follower */
	uint32_t owns;
	uint8_t leading, led, proven, uncertain;
};

struct trail {
	/* whose it is; anything else is nobody's */
	struct {
		uint32_t magic, layout, bytes, node;
		char boot[TRAIL_BOOT];
	} header;
	uint64_t generation; /* of the tables that it is about; 0: of none */
	uint64_t lost;       /* events, as the session was told last */
	struct {
		uint64_t stamp; /* 0: not whole */
		struct trail_facts facts;
	} place[2];
	uint64_t first, head; /* of the log: nothing up to `first` is here */
	struct flow_event own[TRAIL_OWN];
	uint64_t records; /* room for, a power of two */
	struct flow_event record[];
};

static inline size_t trail_bytes(size_t records)
{
	return sizeof(struct trail) + records * sizeof(struct flow_event);
}

/*
 * Takes the memory over, of trail_bytes(records): true when it is of this layout, node and boot.
 * Otherwise it is empty from now on.
 */
bool trail_open(struct trail *trail, size_t records, unsigned int node, const char *boot);

/* The facts that count. */
void trail_read(const struct trail *trail, struct trail_facts *facts);
void trail_write(struct trail *trail, const struct trail_facts *facts);

/* The log: forgets all; the record at position `head` + 1; the position before the oldest one. */
void trail_reset(struct trail *trail);
void trail_append(struct trail *trail, const struct flow_event *event);
uint64_t trail_floor(const struct trail *trail);

#endif
