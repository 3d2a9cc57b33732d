/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The log of one history: a ring of records with positions 1, 2, 3, ...  The newest `size` records
 * can be read again, older ones are overwritten.  Pure; it never refuses a record, because the data
 * plane waits for nobody: a reader that was too slow finds its position gone.
 */
#ifndef CASPAIR_SYNCD_JOURNAL_H
#define CASPAIR_SYNCD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_event.h"
#include "syncd/trail.h"

enum {
	JOURNAL_RECORDS = 1 << 20, /* 100 MiB */
	JOURNAL_MARKS = 128,
};

/* Where the head stood at some moment; from these the age of a position is told. */
struct journal_mark {
	uint64_t seq, ns;
};

struct journal {
	struct flow_event *ring;
	size_t size;         /* a power of two */
	uint64_t head;       /* position of the newest record, 0: none yet */
	uint64_t floor;      /* nothing up to here is in the ring, whatever its size */
	struct trail *trail; /* the newest records outlive the process there; may be NULL */
	struct journal_mark mark[JOURNAL_MARKS];
	size_t marks; /* ever written */
};

/* `size` is a power of two.  0 or -ENOMEM. */
int journal_open(struct journal *journal, size_t size);
void journal_close(struct journal *journal);

/* Goes on with the log that is kept; how old its records are, it does not know. */
void journal_resume(struct journal *journal, uint64_t now_ns);

/* Forgets everything: the next record is number 1 of another history. */
void journal_reset(struct journal *journal);

void journal_append(struct journal *journal, const struct flow_event *event, uint64_t now_ns);

/* True when every record after `seq` can still be read (also when there is none). */
bool journal_holds(const struct journal *journal, uint64_t seq);

/* Copies up to `max` records after `seq`, which must be held; returns how many. */
size_t journal_read(const struct journal *journal, uint64_t seq, struct flow_event *out,
		    size_t max);

/*
 * How long ago the first record after `seq` was written, in ns; 0 when there is none.  Good to a
 * few ms, and never too small by more than that.
 */
uint64_t journal_age(const struct journal *journal, uint64_t seq, uint64_t now_ns);

#endif
