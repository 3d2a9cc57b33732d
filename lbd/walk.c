// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "conf/log.h"
#include "conf/places.h"

static int make_room(struct walk *walk, size_t key_size, size_t value_size, uint32_t capacity)
{
	walk->capacity = capacity;
	walk->keys = calloc(capacity, key_size);
	walk->values = calloc(capacity, value_size);
	if (walk->keys && walk->values)
		return 0;
	walk_close(walk);
	return -ENOMEM;
}

int walk_open(struct walk *walk, int fd, size_t key_size, size_t value_size, uint32_t capacity)
{
	*walk = (struct walk){ .fd = fd };
	return make_room(walk, key_size, value_size, capacity);
}

int walk_open_flows(struct walk *walk, const struct places *places, uint32_t capacity)
{
	*walk = (struct walk){ .fd = -1, .places = places };
	return make_room(walk, sizeof(struct flow_key), places->value, capacity);
}

void walk_close(struct walk *walk)
{
	free(walk->keys);
	free(walk->values);
	walk->keys = walk->values = NULL;
}

void walk_rewind(struct walk *walk)
{
	walk->begun = walk->ended = false;
	walk->cursor = 0;
}

static void end_early(struct walk *walk, int error)
{
	walk->ended = true;
	log_warning("walk over a table ended early: %s", strerror(error));
}

static uint32_t next_flows(struct walk *walk)
{
	int count = places_read(walk->places, &walk->cursor, walk->keys, walk->values,
				walk->capacity);

	if (count < 0) {
		end_early(walk, -count);
		return 0;
	}
	walk->ended = places_ended(walk->places, walk->cursor);
	return (uint32_t)count;
}

static uint32_t next_entries(struct walk *walk)
{
	uint32_t count = walk->capacity, next = 0;

	if (bpf_map_lookup_batch(walk->fd, walk->begun ? &walk->cursor : NULL, &next, walk->keys,
				 walk->values, &count, NULL)) {
		if (errno != ENOENT) {
			end_early(walk, errno);
			return 0;
		}
		walk->ended = true; /* the last slice */
		return count <= walk->capacity ? count : 0;
	}
	walk->begun = true;
	walk->cursor = next;
	return count;
}

uint32_t walk_next(struct walk *walk)
{
	if (walk->ended)
		return 0;
	return walk->places ? next_flows(walk) : next_entries(walk);
}
