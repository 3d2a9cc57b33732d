/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory for one answer: taken piece by piece, given back at once. */
#ifndef CASPAIR_ARENA_H
#define CASPAIR_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
	uint8_t *memory;
	size_t used, size;
};

/* 0 or -ENOMEM. */
int arena_open(struct arena *arena, size_t size);
void arena_close(struct arena *arena);
static inline void arena_reset(struct arena *arena)
{
	arena->used = 0;
}

/* Zeroed; NULL when the arena is used up. */
void *arena_take(struct arena *arena, size_t size);
char *arena_print(struct arena *arena, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
