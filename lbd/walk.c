// SPDX-License-Identifier: BSD-2-Clause
#include "lbd/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "conf/log.h"

int walk_open(struct walk *walk, int fd, size_t key_size, size_t value_size, uint32_t capacity)
{
	*walk = (struct walk){ .fd = fd, .capacity = capacity };
	walk->keys = calloc(capacity, key_size);
	walk->values = calloc(capacity, value_size);
	if (walk->keys && walk->values)
		return 0;
	walk_close(walk);
	return -ENOMEM;
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
}

uint32_t walk_next(struct walk *walk)
{
	uint32_t count = walk->capacity, next = 0;

	if (walk->ended)
		return 0;
	if (bpf_map_lookup_batch(walk->fd, walk->begun ? &walk->cursor : NULL, &next, walk->keys,
				 walk->values, &count, NULL)) {
		walk->ended = true;
		if (errno == ENOENT) /* the last slice */
			return count <= walk->capacity ? count : 0;
		log_warning("walk over a table ended early: %s", strerror(errno));
		return 0;
	}
	walk->begun = true;
	walk->cursor = next;
	return count;
}
