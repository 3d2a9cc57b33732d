/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Records of the replication log: struct flow_event on this side, columns of sync.Records on the
 * wire; and the unpacking of what an authenticated peer sent, within fixed memory.  Pure.
 */
#ifndef CASPAIR_RECORD_H
#define CASPAIR_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_event.h"
#include "sync.pb-c.h"

enum {
	RECORD_MAX = 704,         /* records in a batch; 92 bytes each at most */
	RECORD_BYTES = 65519,     /* a frame always fits; a sealed message less its tag */
	RECORD_ARENA = 128 << 10, /* an arena of this size unpacks every frame we ever send */
	RECORD_MAX_TEXT = 255,    /* bytes of a string of the peer's; the rest is cut off */
	RECORD_MAX_WEIGHT = 0xffff,
	RECORD_NOTHING = 0x80, /* a kind: in place of one with this bit that is not known here */
};

/*
 * What a record costs in the live stream, an IPv4 address taking one word and an IPv6 one four: a
 * flow 24 or 60 bytes, with a source 32 or 80; a pin 24 or 48; a part of a memo 60.  12 more when
 * it is full.
 */

/*
 * A run of records.  In the live stream `snapshot` is 0 and the records have the positions
 * first_seq, first_seq + 1, ...; in a snapshot it is the snapshot's number and first_seq is 0.
 */
struct record_batch {
	uint64_t epoch; /* of the history that the records belong to */
	uint64_t first_seq;
	uint32_t snapshot;
	bool only_if_absent; /* tail of an older epoch */
	uint32_t listed;     /* no run of a log but a list, of this number; first_seq is 0 */
	bool full;           /* carry client_ack, client_seq and age; implied by `snapshot` */
	uint32_t unknown;    /* unpacked: records that nobody here knows, and that may be ignored */
	uint32_t count;      /* at most RECORD_MAX */
	struct flow_event event[RECORD_MAX];
};

/* Why a frame, a batch or a record is refused; names for counters and logs. */
enum record_verdict {
	RECORD_OK = 0,
	RECORD_EMPTY,    /* no record */
	RECORD_TOO_MANY, /* more than fit in a batch */
	RECORD_UNEVEN,   /* columns that are not as long as the records say */
	RECORD_BAD_POSITION,
	RECORD_BAD_KIND,
	RECORD_BAD_STATE,
	RECORD_BAD_FLAGS,
	RECORD_BAD_KEY,    /* addresses, ports or a field that this kind does not have */
	RECORD_BAD_MEMBER, /* a flow, pin or verdict without a member, or one of another family */
	RECORD_BAD_MODE,
	RECORD_BAD_WEIGHT,
	RECORD_BAD_SOURCE, /* a source address without need, or none where the mode needs one */
	RECORD_VERDICTS
};
extern const char *const record_verdict_names[RECORD_VERDICTS];

static inline bool record_is_flow(uint8_t kind)
{
	return kind == EVENT_FLOW_PUT || kind == EVENT_FLOW_DEL;
}

static inline bool record_is_pin(uint8_t kind)
{
	return kind == EVENT_PIN_PUT || kind == EVENT_PIN_DEL;
}

static inline bool record_is_verdict(uint8_t kind)
{
	return kind == EVENT_MEMBER || kind == EVENT_GEN;
}

/* A part of a memo (proto/memo.h): all its addresses are 48 bytes of text. */
static inline bool record_is_memo(uint8_t kind)
{
	return kind == EVENT_ADMIN || kind == EVENT_LEARNED || kind == EVENT_REVISION;
}

/* What lbd says to lbd, or syncd to syncd: about no entry of a table. */
static inline bool record_is_word(uint8_t kind)
{
	return record_is_verdict(kind) || record_is_memo(kind);
}

/* What a later version may say to whoever knows it. */
static inline bool record_is_ignorable(uint8_t kind)
{
	return kind & RECORD_NOTHING;
}

/*
 * Whether an event can travel.  What the data plane emits can; whoever reads the ring asks here and
 * counts what cannot, because a batch with one bad record is refused as a whole on both sides.
 */
enum record_verdict record_check(const struct flow_event *event);

/*
 * Packs a whole sync.Frame with the batch into `out`: its length, or -EINVAL for a batch that
 * record_unpack() would refuse, -EMSGSIZE when `size` is too small (RECORD_BYTES never is).
 * Flags that mean nothing to the peer (FLOW_REPLICA) stay behind; so do an event's
 * own `epoch` and `apply`, and a source without a port.
 */
int record_pack(const struct record_batch *batch, uint8_t *out, size_t size);

/*
 * Checks and unpacks.  Every event's `epoch` is the low half of the batch's and `apply` follows
 * only_if_absent; what was not sent is 0.  A record that is ignored keeps its place in a log, as
 * RECORD_NOTHING; elsewhere it is left out.  `batch` is meaningful on RECORD_OK only.
 */
enum record_verdict record_unpack(struct record_batch *batch, const Sync__Records *records);

/*
 * Memory for one unpacked message at a time.  What does not fit is refused, so a peer cannot make
 * us allocate.  The buffer is the caller's and outlives the message.
 */
struct record_arena {
	ProtobufCAllocator allocator;
	uint8_t *buffer;
	size_t size, used;
	unsigned int unknown; /* fields and values of the last message that nobody here knows */
};
void record_arena_init(struct record_arena *arena, void *buffer, size_t size);

/*
 * Unpacks a message of any type.  NULL for what is malformed, does not fit or has, in a required
 * field, an enum value that nobody knows; in an optional field such a value is absent, and so is a
 * message that would be refused for it.  Control characters in strings are replaced by '?', and a
 * string ends after RECORD_MAX_TEXT bytes.  The message lives in the arena and is not freed: the
 * next call on the arena throws it away.
 */
const ProtobufCMessage *record_message(struct record_arena *arena,
				       const ProtobufCMessageDescriptor *descriptor,
				       const uint8_t *bytes, size_t length);

/*
 * The same for the two kinds that cross the channel.  A frame holds exactly one message, or something
 * of which nobody here knows anything.
 */
const Sync__Frame *record_frame(struct record_arena *arena, const uint8_t *bytes, size_t length);
const Sync__Hello *record_hello(struct record_arena *arena, const uint8_t *bytes, size_t length);

#endif
