// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/keyset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 4096 };

static const struct flow_key free_slot;

void keyset_init(struct keyset *set, uint64_t seed)
{
	memset(set, 0, sizeof(*set));
	set->seed = seed;
}

__extension__ typedef unsigned __int128 wide;

static uint64_t mix(uint64_t a, uint64_t b)
{
	wide product = (wide)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static size_t place(const struct keyset *set, const struct flow_key *key)
{
	uint64_t word[(sizeof(*key) + 7) / 8] = { 0 }, hash = set->seed;

	memcpy(word, key, sizeof(*key));
	for (size_t i = 0; i < sizeof(word) / sizeof(word[0]); i++)
		hash = mix(hash ^ word[i], 0x9e3779b97f4a7c15u);
	return mix(hash, 0xd1b54a32d192ed03u ^ set->seed) & (set->size - 1);
}

/* The slot of the key, or the free one where it belongs. */
static struct flow_key *find(const struct keyset *set, const struct flow_key *key)
{
	size_t i = place(set, key);

	while (memcmp(&set->slot[i], &free_slot, sizeof(free_slot)) != 0 &&
	       memcmp(&set->slot[i], key, sizeof(*key)) != 0)
		i = (i + 1) & (set->size - 1);
	return &set->slot[i];
}

static int grow(struct keyset *set, size_t size)
{
	struct keyset bigger = { .size = size, .used = set->used, .seed = set->seed };

	bigger.slot = calloc(bigger.size, sizeof(*bigger.slot));
	if (!bigger.slot)
		return -ENOMEM;
	for (size_t i = 0; i < set->size; i++)
		if (memcmp(&set->slot[i], &free_slot, sizeof(free_slot)) != 0)
			*find(&bigger, &set->slot[i]) = set->slot[i];
	free(set->slot);
	*set = bigger;
	return 0;
}

void keyset_reserve(struct keyset *set, size_t keys)
{
	size_t size = FIRST_SIZE;

	while (size / 2 < keys && size < SIZE_MAX / 4 / sizeof(*set->slot))
		size *= 2;
	if (size > set->size)
		grow(set, size);
}

int keyset_add(struct keyset *set, const struct flow_key *key)
{
	struct flow_key *slot;
	int err;

	/* At most half full: a search ends soon, and always. */
	if (set->used * 2 >= set->size) {
		err = grow(set, set->size ? set->size * 2 : FIRST_SIZE);
		if (err)
			return err;
	}
	slot = find(set, key);
	if (memcmp(slot, &free_slot, sizeof(free_slot)) == 0) {
		*slot = *key;
		set->used++;
	}
	return 0;
}

bool keyset_has(const struct keyset *set, const struct flow_key *key)
{
	return set->size > 0 && memcmp(find(set, key), key, sizeof(*key)) == 0;
}

void keyset_clear(struct keyset *set)
{
	free(set->slot);
	keyset_init(set, set->seed);
}
