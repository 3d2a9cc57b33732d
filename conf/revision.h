/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of configurations that were pushed, and which of two is the younger one.  Pure: plain
 * values, no cryptography, no I/O.
 */
#ifndef CASPAIR_REVISION_H
#define CASPAIR_REVISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REVISION_ID = 32, /* BLAKE2b of everything that was signed */
	REVISION_ANCESTORS = 50,
	REVISION_TEXT = 40,
	REVISION_DIGITS = 12, /* of the id, for people */
};

/* Number 0 is no revision at all. */
struct revision {
	uint64_t number;
	uint8_t id[REVISION_ID];
};

/* A revision and those it was made from, its parent first: ancestor[i] has number - 1 - i. */
struct lineage {
	struct revision tip;
	bool base; /* made from a working copy, never pushed: anything signed takes its place */
	size_t ancestors;
	uint8_t ancestor[REVISION_ANCESTORS][REVISION_ID];
};

enum relation {
	RELATION_SAME,
	RELATION_MINE,   /* is the younger one */
	RELATION_THEIRS, /* is */
	RELATION_SPLIT,  /* neither was made from the other */
};

bool revision_none(const struct revision *revision);
bool revision_equal(const struct revision *a, const struct revision *b);
/* "42 (77ab03c1d2e4)", or "none". */
const char *revision_text(char text[REVISION_TEXT], const struct revision *revision);

/* Is the revision the line's tip or an ancestor of it that the line still knows? */
bool lineage_has(const struct lineage *line, const struct revision *revision);

/* The line of a child with that id; without a parent its number is 1. */
void lineage_child(struct lineage *child, const struct lineage *parent,
		   const uint8_t id[REVISION_ID]);

/*
 * A line without a tip is older than any other, and a base than whatever was pushed.  Bases that
 * differ are split, but only in name: what runs then is not theirs to say.
 */
enum relation revision_relate(const struct lineage *mine, const struct lineage *theirs);

#endif
