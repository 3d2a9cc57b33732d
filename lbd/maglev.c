// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/maglev.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One member's walk over the table: its permutation is offset + k * skip (mod M). */
struct walk {
	struct flow_ip order; /* address: the sort key */
	uint32_t weight;
	uint32_t credit;
	uint32_t next, skip;
	uint16_t slot;
};

/* The finaliser of splitmix64: full avalanche, no state, the same on every machine. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

static int by_address(const void *left, const void *right)
{
	const struct walk *a = left, *b = right;

	return memcmp(&a->order, &b->order, sizeof(a->order));
}

/* Both halves as numbers, whatever the machine's byte order. */
static uint64_t hash_address(const struct flow_ip *addr)
{
	uint64_t prefix = (uint64_t)ntohl(addr->word[0]) << 32 | ntohl(addr->word[1]);
	uint64_t host = (uint64_t)ntohl(addr->word[2]) << 32 | ntohl(addr->word[3]);

	return mix(mix(prefix) ^ host);
}

static size_t collect(struct walk *walk, const struct maglev_member *member, size_t count)
{
	size_t taken = 0;

	for (size_t i = 0; i < count && taken < FLOW_MAX_MEMBERS; i++) {
		uint64_t hash = hash_address(&member[i].addr);

		if (!member[i].weight)
			continue;
		walk[taken++] = (struct walk){
			.order = member[i].addr,
			.weight = member[i].weight,
			.next = (uint32_t)(hash >> 32) % FLOW_MAGLEV_SIZE,
			.skip = (uint32_t)hash % (FLOW_MAGLEV_SIZE - 1) + 1,
			.slot = member[i].slot,
		};
	}
	qsort(walk, taken, sizeof(*walk), by_address);
	return taken;
}

/* Takes the member's next free entry.  M is prime and skip < M, so the walk meets every entry. */
static void take(struct flow_maglev *table, struct walk *walk)
{
	uint32_t at = walk->next;

	while (table->member[at] != FLOW_NO_MEMBER) {
		at += walk->skip;
		if (at >= FLOW_MAGLEV_SIZE)
			at -= FLOW_MAGLEV_SIZE;
	}
	table->member[at] = walk->slot;
	walk->next = at;
}

size_t maglev_fill(struct flow_maglev *table, const struct maglev_member *member, size_t count)
{
	struct walk walk[FLOW_MAX_MEMBERS];
	size_t taken = collect(walk, member, count);
	uint32_t heaviest = 0, filled = 0;

	for (uint32_t i = 0; i <= FLOW_MAGLEV_SIZE; i++)
		table->member[i] = FLOW_NO_MEMBER;
	for (size_t i = 0; i < taken; i++)
		heaviest = walk[i].weight > heaviest ? walk[i].weight : heaviest;

	/* The heaviest member has a turn in each round, the others in proportion. */
	for (size_t i = 0; taken && filled < FLOW_MAGLEV_SIZE; i = (i + 1) % taken) {
		uint64_t credit = (uint64_t)walk[i].credit + walk[i].weight;
		bool turn = credit >= heaviest;

		walk[i].credit = (uint32_t)(turn ? credit - heaviest : credit);
		if (!turn)
			continue;
		take(table, &walk[i]);
		filled++;
	}
	return taken;
}
