/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one lbd tells the other in more words than a record has: a message, cut into records that
 * stand in the log one after the other, in order with everything else.  Who carries them need not
 * know what they say; only whether it is news, for that is not acknowledged before it is in force.
 * Pure.
 */
#ifndef CASPAIR_MEMO_H
#define CASPAIR_MEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_event.h"

enum {
	MEMO_PART = 48, /* bytes of a record: its client's, VIP's and member's addresses */
	MEMO_PARTS = 10,
	MEMO_BYTES = MEMO_PART * MEMO_PARTS,
	MEMO_NEWS = 0x80, /* in a record's state, beside the part's number: not said before */
};

/*
 * The records that carry `bytes`, of a kind for which record_is_memo().  How many they are; 0 when
 * there is nothing to carry, or more than MEMO_BYTES; `news`: see MEMO_NEWS.
 */
size_t memo_cut(struct flow_event event[MEMO_PARTS], uint8_t kind, bool news, const void *bytes,
		size_t size);

/* How many records a memo of this size takes. */
static inline size_t memo_parts(size_t size)
{
	return (size + MEMO_PART - 1) / MEMO_PART;
}

/* Which of them a record is, from 0. */
static inline uint8_t memo_part(const struct flow_event *event)
{
	return event->state & (uint8_t)~MEMO_NEWS;
}

static inline bool memo_ends(const struct flow_event *event)
{
	return (size_t)memo_part(event) + 1 == memo_parts(event->pool_id);
}

/* A memo that is being put together; all zero at first. */
struct memo {
	uint8_t kind;
	uint32_t size, check;
	size_t parts; /* that are there */
	uint8_t bytes[MEMO_BYTES];
};

/*
 * The next record of the log.  True when it has completed a memo: `kind`, `bytes` and `size` say
 * which, until the next call.  One that is cut short, or damaged, is forgotten; whoever wrote it
 * repeats it.
 */
bool memo_take(struct memo *memo, const struct flow_event *event);

#endif
