/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A set of flow keys, filled while a snapshot is loaded and asked while the table is swept.  Pure.
 * Addresses and ports are chosen by strangers, so the place of a key depends on a secret seed.  A
 * slot takes 36 bytes and at most half of them are in use: 72 to 144 bytes a key, of either family.
 */
#ifndef CASPAIR_SYNCD_KEYSET_H
#define CASPAIR_SYNCD_KEYSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow.h"

struct keyset {
	struct flow_key *slot; /* an all-zero key is a free slot */
	size_t size, used;
	uint64_t seed;
};

/* An empty set; no memory is taken before the first key. */
void keyset_init(struct keyset *set, uint64_t seed);

/*
 * Takes the memory for about so many keys at once: a set that grows step by step moves each key
 * twice and again.  Without memory it grows later.
 */
void keyset_reserve(struct keyset *set, size_t keys);

/* 0 or -ENOMEM; a key that is already there is fine.  An all-zero key is not a key. */
int keyset_add(struct keyset *set, const struct flow_key *key);
bool keyset_has(const struct keyset *set, const struct flow_key *key);

/* Frees the memory; the set is empty and can be used again. */
void keyset_clear(struct keyset *set);

#endif
