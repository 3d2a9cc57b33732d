/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which language two syncds speak inside their frames, whatever their tables are like.  Each says
 * in its greeting (sync.Hello) the version that it would rather speak, the oldest that it still
 * speaks, and which optional features it knows; from that both come to the same result.  What
 * raises the version, and what does not, stands at the head of proto/sync.proto.  Pure.
 */
#ifndef CASPAIR_WIRE_H
#define CASPAIR_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WIRE_VERSION = 2, /* 1: of who says nothing; records that may be ignored are not known */
	WIRE_LEAST = 1,
};

/* Bits of Hello.features: none so far.  A bit that was given away is never given another meaning.
 */
#define WIRE_FEATURES UINT64_C(0)

struct wire_terms {
	uint32_t version, least;
	uint64_t features;
};

/* What two nodes have in common. */
struct wire {
	struct wire_terms ours, theirs;
	uint32_t version;  /* 0: nothing; heartbeats and words still pass */
	uint64_t features; /* what only one of them knows is never used */
};

/* Those of this program. */
struct wire_terms wire_terms(void);

/* Whether anybody can mean this. */
bool wire_terms_valid(const struct wire_terms *terms);

struct wire wire_between(const struct wire_terms *ours, const struct wire_terms *theirs);

/* Whether we could more than the peer. */
bool wire_is_less(const struct wire *wire);

/* Why there is no common version, and what to do, the same words on both nodes.  `leads`: we do. */
void wire_why(const struct wire *wire, bool leads, char *why, size_t size);

#endif
