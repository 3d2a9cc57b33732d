/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keyed digest of a table that changes while it is walked: a sum in each slice of the key
 * space, over what replication promises to be equal on both nodes.  Pure.
 *
 * Two nodes never walk at the same moment.  What changes between the begin of the first walk and
 * the end of the last is in the log, so both know the same keys as changed, and leave them out,
 * counted already or not: what remains has not changed since the beginning, and is compared there.
 * The order of entries does not matter, and a stranger who chooses addresses and ports cannot aim
 * at a sum, for all of it depends on a key that is new for each run.
 */
#ifndef CASPAIR_SYNCD_TALLY_H
#define CASPAIR_SYNCD_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow.h"
#include "proto/flow_event.h"
#include "proto/seal.h"

enum {
	TALLY_SLICES = 4096,
	TALLY_PARTS = 64,
	TALLY_ENTRIES =
		1 << 20, /* a part should have at most so many; it has room for thrice that */
};

/* Which entries are looked at: a part has every `parts`-th slice. */
struct tally_scope {
	uint8_t key[SEAL_DIGEST_KEY];
	uint32_t slices, part, parts;
};

struct tally_slot;

struct tally {
	struct tally_scope scope;
	struct tally_slot *slot;
	size_t size, used;
	uint64_t counted, left_out;
	uint64_t sum[TALLY_SLICES];
};

/* Slices and parts that suit a table of so many entries. */
void tally_divide(struct tally_scope *scope, uint64_t entries);
bool tally_scope_valid(const struct tally_scope *scope);

/* An empty tally with room for about `entries` in its part.  0 or -ENOMEM; to be closed. */
int tally_open(struct tally *tally, const struct tally_scope *scope, uint64_t entries);
/* Gives the memory back; fine for a tally that is all zero, or closed. */
void tally_close(struct tally *tally);

/*
 * What a walk has found; and a key about which the log has something to say, whatever that is.
 * 0 or -ENOMEM, after which the sums are worth nothing.
 */
int tally_count(struct tally *tally, const struct flow_event *event);
int tally_leave_out(struct tally *tally, const struct flow_event *event);

bool tally_left_out(const struct tally *tally, const struct flow_event *event);
/* The slice of a key, or -1 when it is of another part. */
int tally_slice(const struct tally *tally, const struct flow_event *event);
/* Whether two records of a key promise the same. */
bool tally_equal(const struct flow_event *a, const struct flow_event *b);
/* What a key's entry is called in a set of keys; a pin's has no ports. */
struct flow_key tally_key(const struct flow_event *event);

#endif
