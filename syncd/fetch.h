/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A revision's bytes on their way from the peer, a part at a time: the next one is asked for when
 * the last one is here.  Pure.
 */
#ifndef CASPAIR_SYNCD_FETCH_H
#define CASPAIR_SYNCD_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/revision.h"

enum { FETCH_PART = 16 << 10 };
#define FETCH_PATIENCE UINT64_C(5000000000) /* ns without a part */

/* Zero-initialise. */
struct fetch {
	struct revision which;
	bool active;
	uint8_t *bytes;
	size_t have, size, max;
	uint64_t heard_ns;
};

/* Forgets what there was.  `max`: bytes that the whole may have. */
void fetch_begin(struct fetch *fetch, const struct revision *which, size_t max, uint64_t now);
void fetch_end(struct fetch *fetch);

struct fetch_part {
	struct revision which;
	size_t offset, size; /* size of the whole */
	const uint8_t *part;
	size_t length;
};

enum fetch_verdict {
	FETCH_IGNORED, /* nobody waits for it */
	FETCH_MORE,    /* ask for what begins at fetch->have */
	FETCH_WHOLE,   /* fetch->bytes has it all, until fetch_end() */
	FETCH_BROKEN,  /* the peer does not have it, or not of a size that may be, or no memory */
};
enum fetch_verdict fetch_take(struct fetch *fetch, const struct fetch_part *part, uint64_t now);

/* Has the peer been silent for too long? */
bool fetch_stalled(const struct fetch *fetch, uint64_t now);

#endif
