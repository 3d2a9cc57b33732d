/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which revision of the configuration is in force, and what is under way.  Pure: the record that
 * says so as bytes, and what stands when something of a store is lost.
 */
#ifndef CASPAIR_STANDING_H
#define CASPAIR_STANDING_H

#include "conf/revision.h"

enum {
	STANDING_MAX = 512, /* bytes of a record */
	STANDING_WHY = 256,
	STANDING_NAME = 96, /* of a revision's file, with NUL */
};

/* What is written down, in one piece, so that any change is whole or has not happened. */
struct standing_record {
	struct revision current, staged, previous;
	uint64_t confirm_by_ms; /* Unix time; 0: confirmed */
	bool pushed;
};

struct standing {
	struct revision current; /* decided; none: nothing was ever stored */
	struct revision running; /* the same, or where it is not whole the last good one */
	struct revision staged;  /* on disk, not yet decided */
	struct revision
		previous;       /* before the current one: what comes back unless it is confirmed */
	uint64_t confirm_by_ms; /* Unix time; 0: the current one is confirmed */
	bool pushed;            /* the current one was: working copies no longer say what runs */
	bool damaged;           /* something was not whole; `why` says what */
	struct revision need;   /* to be had from the peer; none: nothing is missing */
	char why[STANDING_WHY];
};

/* The record with its checksum in front. */
size_t standing_pack(uint8_t bytes[STANDING_MAX], const struct standing_record *record);
bool standing_unpack(struct standing_record *record, const uint8_t *bytes, size_t length);

/* A revision's file bears its number and its id, which is the checksum of what is in it. */
void standing_name(char name[STANDING_NAME], const struct revision *revision);
bool standing_parse_name(struct revision *revision, const char *name);

/* What was found in the directory. */
struct standing_found {
	const struct standing_record *record; /* NULL: missing or damaged */
	const struct standing_record *spare;  /* its copy; NULL likewise */
	bool lost_record;                     /* there is one, and it is damaged */
	const struct revision *kept;          /* files, the newest first */
	size_t count;
	bool (*whole)(void *arg, const struct revision *revision, bool *is_signed);
	void *arg;
};

/* Returns the record that holds from now on. */
struct standing_record standing_decide(struct standing *standing,
				       const struct standing_found *found);

#endif
