// SPDX-License-Identifier: BSD-2-Clause
#include "syncd/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLICE_ENTRIES = 64,
	SLICE_BIT = 40, /* bits of a name from here choose the slice, those below the slot */
	SIZE_MIN = 1024,
	SIZE_MAX_SLOTS = 4 * TALLY_ENTRIES, /* 64 MiB */
};

/* `value` 0: left out.  A name is never 0, which is a free slot. */
struct tally_slot {
	uint64_t name, value;
};

/*
 * What replication promises to be equal.  Not ages and numbers, which travel now and then; nor the
 * state, which is news only where ports could be used again by it.
 */
struct promise {
	struct flow_key key;
	struct flow_ip member, source;
	__be16 source_port;
	uint8_t mode, flags;
};

_Static_assert(sizeof(struct promise) == 72, "no padding is hashed");

static bool is_pin(const struct flow_event *event)
{
	return event->kind == EVENT_PIN_PUT || event->kind == EVENT_PIN_DEL;
}

struct flow_key tally_key(const struct flow_event *event)
{
	struct flow_key key = event->key;

	if (is_pin(event))
		key = (struct flow_key){ .client = event->key.client,
					 .vip.word[0] = event->pool_id };
	return key;
}

static struct promise promise_of(const struct flow_event *event)
{
	struct promise promise = { .key = tally_key(event), .member = event->member };

	if (is_pin(event))
		return promise;
	promise.source = event->source;
	promise.source_port = event->source_port;
	promise.mode = event->mode;
	promise.flags = event->flags & (FLOW_OUTBOUND | FLOW_DOOMED);
	return promise;
}

bool tally_equal(const struct flow_event *a, const struct flow_event *b)
{
	struct promise one = promise_of(a), other = promise_of(b);

	return a->kind == b->kind && memcmp(&one, &other, sizeof(one)) == 0;
}

/* --- scope ------------------------------------------------------------------------------------ */

void tally_divide(struct tally_scope *scope, uint64_t entries)
{
	uint64_t parts = entries / TALLY_ENTRIES + 1;

	scope->slices = 16;
	while (scope->slices < TALLY_SLICES && entries / scope->slices > SLICE_ENTRIES)
		scope->slices *= 2;
	scope->parts = parts < TALLY_PARTS ? (uint32_t)parts : TALLY_PARTS;
	scope->part = 0;
}

bool tally_scope_valid(const struct tally_scope *scope)
{
	return scope->slices > 0 && scope->slices <= TALLY_SLICES && scope->parts > 0 &&
	       scope->parts <= TALLY_PARTS && scope->part < scope->parts;
}

static uint64_t name_of(const struct tally *tally, const struct flow_event *event)
{
	struct flow_key key = tally_key(event);
	uint64_t name = seal_digest(tally->scope.key, &key, sizeof(key));

	return name ? name : 1;
}

static int slice_of(const struct tally *tally, uint64_t name)
{
	uint32_t slice = (uint32_t)(name >> SLICE_BIT) % tally->scope.slices;

	return slice % tally->scope.parts == tally->scope.part ? (int)slice : -1;
}

int tally_slice(const struct tally *tally, const struct flow_event *event)
{
	return slice_of(tally, name_of(tally, event));
}

/* --- slots ------------------------------------------------------------------------------------ */

int tally_open(struct tally *tally, const struct tally_scope *scope, uint64_t entries)
{
	uint64_t expected = entries / scope->parts;

	memset(tally, 0, sizeof(*tally));
	tally->scope = *scope;
	tally->size = SIZE_MIN;
	while (tally->size < SIZE_MAX_SLOTS && tally->size * 3 / 4 <= expected)
		tally->size *= 2;
	tally->slot = calloc(tally->size, sizeof(*tally->slot));
	return tally->slot ? 0 : -ENOMEM;
}

void tally_close(struct tally *tally)
{
	free(tally->slot);
	tally->slot = NULL;
	tally->size = tally->used = 0;
}

/* The slot of the name, or the free one where it belongs. */
static struct tally_slot *find(const struct tally *tally, uint64_t name)
{
	size_t i = name & (tally->size - 1);

	while (tally->slot[i].name && tally->slot[i].name != name)
		i = (i + 1) & (tally->size - 1);
	return &tally->slot[i];
}

static int grow(struct tally *tally)
{
	struct tally bigger = { .size = tally->size * 2 };

	if (bigger.size > SIZE_MAX_SLOTS)
		return -ENOMEM;
	bigger.slot = calloc(bigger.size, sizeof(*bigger.slot));
	if (!bigger.slot)
		return -ENOMEM;
	for (size_t i = 0; i < tally->size; i++)
		if (tally->slot[i].name)
			*find(&bigger, tally->slot[i].name) = tally->slot[i];
	free(tally->slot);
	tally->slot = bigger.slot;
	tally->size = bigger.size;
	return 0;
}

/* NULL: no memory.  A new slot has the value 0. */
static struct tally_slot *take(struct tally *tally, uint64_t name)
{
	struct tally_slot *slot = find(tally, name);

	if (slot->name)
		return slot;
	if (tally->used >= tally->size / 4 * 3) {
		if (grow(tally) != 0)
			return NULL;
		slot = find(tally, name);
	}
	slot->name = name;
	tally->used++;
	return slot;
}

int tally_count(struct tally *tally, const struct flow_event *event)
{
	struct promise promise = promise_of(event);
	uint64_t name = name_of(tally, event), value;
	size_t used = tally->used;
	struct tally_slot *slot;
	int slice = slice_of(tally, name);

	if (slice < 0)
		return 0;
	slot = take(tally, name);
	if (!slot)
		return -ENOMEM;
	if (tally->used == used)
		return 0; /* left out */
	value = seal_digest(tally->scope.key, &promise, sizeof(promise));
	slot->value = value ? value : 1;
	tally->sum[slice] += slot->value;
	tally->counted++;
	return 0;
}

int tally_leave_out(struct tally *tally, const struct flow_event *event)
{
	uint64_t name = name_of(tally, event);
	size_t used = tally->used;
	struct tally_slot *slot;
	int slice = slice_of(tally, name);

	if (slice < 0)
		return 0;
	slot = take(tally, name);
	if (!slot)
		return -ENOMEM;
	if (slot->value)
		tally->counted--;
	else if (tally->used == used)
		return 0;
	tally->sum[slice] -= slot->value;
	slot->value = 0;
	tally->left_out++;
	return 0;
}

bool tally_left_out(const struct tally *tally, const struct flow_event *event)
{
	const struct tally_slot *slot;

	if (!tally->slot)
		return false;
	slot = find(tally, name_of(tally, event));
	return slot->name && !slot->value;
}
