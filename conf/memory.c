// SPDX-License-Identifier: BSD-2-Clause
#include "conf/memory.h"

#include <stdio.h>
#include <unistd.h>

#include "proto/flow.h"
#include "proto/flow_census.h"
#include "proto/flow_counter.h"
#include "proto/flow_event.h"
#include "proto/flow_limits.h"
#include "proto/flow_place.h"
#include "proto/flow_tables.h"

enum {
	HASH_LINKS = 48, /* struct htab_elem before its key */
	BUCKET = 16,
	HEAD = 512, /* struct bpf_htab and the like, about */
	POINTER = 8,
	PAGE = 4096,
	PAGE_POINTERS = 2 * POINTER, /* a ring's pages are mapped twice in a row */
};

static uint64_t round_up(uint64_t number, uint64_t to)
{
	return (number + to - 1) / to * to;
}

static uint64_t power_of_two(uint32_t number)
{
	uint64_t power = 1;

	while (power < number)
		power *= 2;
	return power;
}

static uint64_t hash(const struct memory_table *table, unsigned int processors)
{
	uint64_t entry = HASH_LINKS + round_up(table->key, 8) + round_up(table->value, 8);
	/* An update in place takes a spare entry, of which each processor has one. */
	uint64_t spare = table->kind == MEMORY_HASH ? processors : 0;

	return power_of_two(table->entries) * BUCKET + (table->entries + spare) * entry +
	       spare * POINTER;
}

uint64_t memory_of(const struct memory_table *table, unsigned int processors)
{
	uint64_t array = (uint64_t)table->entries * round_up(table->value, 8);

	switch (table->kind) {
	case MEMORY_HASH:
	case MEMORY_LRU:
		return HEAD + hash(table, processors);
	case MEMORY_HASH_GROWING:
		return HEAD + power_of_two(table->entries) * BUCKET;
	case MEMORY_ARRAY:
		return HEAD + array;
	case MEMORY_ARRAY_CPU:
		return HEAD + array * processors + (uint64_t)table->entries * POINTER;
	case MEMORY_RING:
		return HEAD + table->entries + 3 * PAGE + table->entries / PAGE * PAGE_POINTERS;
	}
	return 0;
}

/*
 * Of lbd/bpf/maps.bpf.h everything whose size is worth a line; tests/bpf/test_memory.c compares the
 * sum with the kernel's.
 */
/* clang-format off */
static const struct memory_table rest[] = {
	{ MEMORY_ARRAY, 2, 4, sizeof(struct flow_role_table) },
	{ MEMORY_ARRAY, FLOW_MAX_ARRAYS, 4, sizeof(struct flow_port_table) },
	{ MEMORY_ARRAY, FLOW_MAX_SERVICES, 4, sizeof(struct flow_service) },
	{ MEMORY_ARRAY, FLOW_MAX_POOLS, 4, sizeof(struct flow_pool) },
	{ MEMORY_ARRAY, FLOW_TABLES, 4, sizeof(struct flow_maglev) },
	{ MEMORY_ARRAY, FLOW_MAX_MEMBERS, 4, sizeof(struct flow_member) },
	{ MEMORY_ARRAY, FLOW_MAX_MEMBERS, 4, sizeof(struct flow_member_stats) },
	{ MEMORY_ARRAY_CPU, FLOW_MAX_MEMBERS, 4, sizeof(struct flow_member_bytes) },
	{ MEMORY_ARRAY_CPU, FLOW_MAX_SERVICES, 4, sizeof(struct flow_service_stats) },
	{ MEMORY_ARRAY, FLOW_MAX_ARRAYS, 4, sizeof(struct flow_histogram) },
	{ MEMORY_ARRAY, FLOW_MAX_MEMBERS, 4, sizeof(struct flow_histogram) },
	{ MEMORY_LRU, FLOW_CLIENT_NETS, sizeof(struct client_net_key), sizeof(struct client_net) },
	{ MEMORY_ARRAY, FLOW_MAX_SOURCES, 4, sizeof(struct flow_source) },
	{ MEMORY_ARRAY, FLOW_MAX_SOURCES, 4, sizeof(struct flow_source_stats) },
	{ MEMORY_LRU, FLOW_HANDSHAKES, sizeof(struct flow_key), sizeof(struct handshake) },
	{ MEMORY_LRU, FLOW_CENSUS, sizeof(struct census_key), sizeof(struct census) },
	{ MEMORY_ARRAY, FLOW_MAX_ARRAYS, 4, sizeof(struct census_total) },
	{ MEMORY_LRU, FLOW_CENSUS_DUES, sizeof(struct flow_key), 12 },
	{ MEMORY_LRU, FLOW_HANDSHAKES, sizeof(struct flow_key), sizeof(struct flow_key) },
	{ MEMORY_RING, FLOW_EVENTS_BYTES, 0, 0 },
	{ MEMORY_RING, FLOW_NOTICES_BYTES, 0, 0 },
	{ MEMORY_RING, FLOW_HELD_BYTES, 0, 0 },
	{ MEMORY_LRU, FLOW_STRICTS, sizeof(struct flow_key), 56 },
	{ MEMORY_ARRAY_CPU, COUNT_MAX, 4, 8 },
	{ MEMORY_ARRAY, FLOW_BATCH, 4, sizeof(struct flow_event) },
	{ MEMORY_ARRAY, FLOW_BATCH, 4, sizeof(struct flow_event) },
	{ MEMORY_ARRAY, 2 * FLOW_HOPS_DIRECT, 4, sizeof(struct flow_hop) },
	{ MEMORY_LRU, FLOW_SOURCES, 20, 8 },
	{ MEMORY_LRU, 1024, 20, 4 },
};
/* clang-format on */

static unsigned int own_processors(void)
{
	long count = sysconf(_SC_NPROCESSORS_CONF);

	return count > 0 ? (unsigned int)count : 1;
}

struct memory memory_plan(uint32_t flows, uint32_t pins, unsigned int processors)
{
	uint32_t buckets = flow_buckets_of(flows);
	const struct memory_table of_buckets = { MEMORY_ARRAY, buckets, 4,
						 sizeof(struct flow_bucket) };
	const struct memory_table of_flows = { MEMORY_ARRAY, buckets * FLOW_PLACES, 4,
					       sizeof(struct flow_place) };
	const struct memory_table of_reverse = { MEMORY_HASH_GROWING,
						 flows < FLOW_REVERSE ? flows : FLOW_REVERSE,
						 sizeof(struct flow_key),
						 sizeof(struct flow_key) };
	const struct memory_table of_pins = { MEMORY_HASH, pins, sizeof(struct pin_key),
					      sizeof(struct pin) };
	struct memory memory = { 0 };

	if (!processors)
		processors = own_processors();
	memory.flows = memory_of(&of_flows, processors) + memory_of(&of_buckets, processors) +
		       memory_of(&of_reverse, processors);
	memory.pins = memory_of(&of_pins, processors);
	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		memory.rest += memory_of(&rest[i], processors);
	memory.total = memory.flows + memory.pins + memory.rest;
	return memory;
}

static double mega(uint64_t bytes)
{
	return (double)bytes / (1 << 20);
}

const char *memory_print(char text[MEMORY_TEXT], const struct memory *memory)
{
	snprintf(text, MEMORY_TEXT, "%.1fM: flows %.1fM, pins %.1fM, the rest %.1fM",
		 mega(memory->total), mega(memory->flows), mega(memory->pins), mega(memory->rest));
	return text;
}
