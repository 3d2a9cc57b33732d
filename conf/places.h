/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of flows (proto/flow_place.h), read from user space by descriptors of its maps.  They
 * are not mapped to memory: that would count them as this process's, as often as there are readers.
 * Here, as lbd and syncd both walk it and look flows up.
 */
#ifndef CASPAIR_PLACES_H
#define CASPAIR_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/flow_place.h"

struct places {
	int flows, buckets; /* descriptors, borrowed */
	size_t value;       /* bytes of a flow: another layout's may have another size */
	struct flow_form form;
};

/* `form` is the descriptor of flow_form.  0, -EINVAL: they are no such table; or what the kernel
 * says. */
int places_open(struct places *places, int flows, int buckets, int form);

/* Reads the flow of a key, places->value bytes; false: the table has it not. */
bool places_find(const struct places *places, const struct flow_key *key, void *flow);

/* Whether a walk, begun with a cursor of 0, is at its end. */
static inline bool places_ended(const struct places *places, uint32_t cursor)
{
	return cursor >= places->form.buckets;
}

/*
 * The walk's next flows, at most `capacity`, which is FLOW_PLACES at least: how many, or a negative
 * errno.  It may be none before the end, so that a call takes no long time whatever the table
 * holds.  What is made or removed meanwhile may be seen or not; a flow that stays is seen once.
 */
int places_read(const struct places *places, uint32_t *cursor, struct flow_key *key, void *flow,
		uint32_t capacity);

#endif
