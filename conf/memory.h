/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the data plane's tables take of the kernel's memory, by the kernel's own arithmetic
 * (kernel/bpf/hashtab.c, arraymap.c and ringbuf.c: map_mem_usage), known before they are made.
 * Pure.
 */
#ifndef CASPAIR_MEMORY_H
#define CASPAIR_MEMORY_H

#include <stdint.h>

enum memory_kind {
	MEMORY_HASH, /* all its entries are allocated at once, in use or not */
	MEMORY_HASH_GROWING, /* entries are allocated as they come, and are not counted */
	MEMORY_LRU,
	MEMORY_ARRAY,
	MEMORY_ARRAY_CPU, /* once for each processor */
	MEMORY_RING,
};

struct memory_table {
	enum memory_kind kind;
	uint32_t entries; /* of a ring: bytes */
	uint32_t key, value;
};

/* Bytes of one table on a machine of so many (possible) processors. */
uint64_t memory_of(const struct memory_table *table, unsigned int processors);

struct memory {
	uint64_t flows; /* with `reverse`, as it is without an entry */
	uint64_t pins, rest; /* the rest does not depend on the configuration */
	uint64_t total;
};

/* Bytes of all tables of the data plane; processors 0: as many as this machine has. */
struct memory memory_plan(uint32_t flows, uint32_t pins, unsigned int processors);

enum { MEMORY_TEXT = 96 };

/* "232.1M: flows 177.0M, pins ..., ..." */
const char *memory_print(char text[MEMORY_TEXT], const struct memory *memory);

#endif
