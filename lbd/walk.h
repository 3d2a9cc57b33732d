/* SPDX-License-Identifier: BSD-2-Clause */
/* A slice-by-slice walk over one of the large tables, with bounded memory. */
#ifndef CASPAIR_WALK_H
#define CASPAIR_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct places;

struct walk {
	int fd;                      /* of a hash map, borrowed */
	const struct places *places; /* or the table of flows, likewise */
	uint32_t capacity;           /* entries a slice */
	uint32_t cursor;
	bool begun, ended;
	void *keys, *values; /* of the present slice */
};

/* 0 or -ENOMEM. */
int walk_open(struct walk *walk, int fd, size_t key_size, size_t value_size, uint32_t capacity);
/* Of the flows; the keys are struct flow_key, the values of places->value bytes. */
int walk_open_flows(struct walk *walk, const struct places *places, uint32_t capacity);
void walk_close(struct walk *walk);

/* From the beginning again. */
void walk_rewind(struct walk *walk);

/*
 * Reads the next slice; returns how many entries it holds, which may be 0 before the end.  `ended`
 * is set with the last one.  Entries made or removed meanwhile may be seen or not; one that stays
 * is seen once.  An error ends the walk.
 */
uint32_t walk_next(struct walk *walk);

#endif
